import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const built = fileURLToPath(new URL("../../dist/vnfchain", import.meta.url));
const demo = fileURLToPath(new URL("../demo/demo.ts", import.meta.url));
const config = fileURLToPath(new URL("../../deno.json", import.meta.url));

/** A copy far from the sources: whatever the program loads must be inside it. */
async function copyTo(directory: string): Promise<string> {
  const path = `${directory}/vnfchain`;
  await Deno.copyFile(built, path);
  await Deno.chmod(path, 0o755);
  return path;
}

Deno.test("the compiled binary does the main job away from the sources", async () => {
  await using directory = await temporaryDirectory();
  const binary = await copyTo(directory.path);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--config", config, demo, "--json"],
    cwd: directory.path,
    env: { VNFCHAIN_BINARY: binary },
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const result = JSON.parse(new TextDecoder().decode(stdout)) as { ok: boolean; transactions: number };
  assert(result.ok);
  assert.equal(result.transactions, 4);
});

for (
  const args of [["--help"], ["node", "--help"], ["tenant", "--help"], ["agent", "--help"], [
    "audit",
    "--help",
  ]]
) {
  Deno.test(`the compiled binary prints help: vnfchain ${args.join(" ")}`, async () => {
    await using directory = await temporaryDirectory();
    const binary = await copyTo(directory.path);
    const { code, stdout } = await new Deno.Command(binary, { args, cwd: directory.path, clearEnv: true })
      .output();
    assert.equal(code, 0);
    assert.match(new TextDecoder().decode(stdout), /Usage: vnfchain/);
  });
}
