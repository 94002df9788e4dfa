/** The openssl command, for tests that check against an implementation that is not ours. */
import { equal } from "node:assert/strict";

/** Whether there is an openssl here; tests that need it are ignored otherwise. */
export const HAS_OPENSSL = hasOpenssl();

function hasOpenssl(): boolean {
  try {
    return new Deno.Command("openssl", { args: ["version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}

/** Runs openssl; fails the test when it fails. Returns its standard output. */
export function openssl(...args: string[]): Uint8Array<ArrayBuffer> {
  const { success, stdout, stderr } = new Deno.Command("openssl", { args }).outputSync();
  equal(success, true, `openssl ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return stdout;
}
