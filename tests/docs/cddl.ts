/**
 * Runs check_cddl.py: an implementation of CDDL that is not ours.
 *
 * @module
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { toHex } from "../../core/bytes.ts";

/** Bytes and the rule that they should match. */
export interface CddlCase {
  readonly name: string;
  readonly rule: string;
  readonly bytes: Uint8Array;
}

const SCRIPT = fileURLToPath(new URL("check_cddl.py", import.meta.url));

/** Why CDDL cannot be checked here; undefined when it can. */
export function whyNoCddl(): string | undefined {
  const { status, error } = spawnSync("python3", ["-c", "import cddl_verifier"]);
  if (error !== undefined) return "there is no python3";
  return status === 0 ? undefined : "python3 has no module cddl_verifier";
}

/** For each case why it does not match its rule, or null; throws when the schema is no CDDL. */
export function checkCddl(schema: string, cases: readonly CddlCase[]): readonly (string | null)[] {
  const input = JSON.stringify({
    schema,
    cases: cases.map(({ rule, bytes }) => ({ rule, hex: toHex(bytes) })),
  });
  const { status, stdout, stderr } = spawnSync("python3", [SCRIPT], {
    input,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as (string | null)[];
}
