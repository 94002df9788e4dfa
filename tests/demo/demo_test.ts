import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const demo = fileURLToPath(new URL("./demo.ts", import.meta.url));

async function runDemo(args: readonly string[]) {
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "-A", "--quiet", demo, ...args] });
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

Deno.test("the demo ends well, prints one JSON document, and leaves nothing running", async () => {
  const { code, stdout, stderr } = await runDemo(["--json"]);
  assert.equal(code, 0, stderr);
  const result = JSON.parse(stdout) as {
    ok: boolean;
    height: number;
    transactions: number;
    proofs: unknown[];
  };
  assert.deepEqual({ ok: result.ok, transactions: result.transactions }, { ok: true, transactions: 4 });
  assert(result.height >= 4);
  assert.equal(result.proofs.length, 10);
  const { stdout: processes } = await new Deno.Command("ps", { args: ["-eo", "args"] }).output();
  assert(!new TextDecoder().decode(processes).includes("vnfchain-demo-"), "a process of the demo is left");
});

Deno.test("the demo refuses an unknown argument", async () => {
  const { code, stderr } = await runDemo(["--fast"]);
  assert.equal(code, 2);
  assert.match(stderr, /unknown argument --fast/);
});
