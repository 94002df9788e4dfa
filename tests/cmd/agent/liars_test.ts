/** Most nodes down or lying: the one honest node is enough, and the liars are named. */
import assert from "node:assert/strict";
import type { AnswerParts } from "../../support/test_answers.ts";
import { startProgram } from "../../support/program.ts";
import { type TestVnf, testVnf } from "./harness.ts";

/** Sends another state root than the one that was certified. */
function lie(vnf: TestVnf, index: number): void {
  const alter = (answer: AnswerParts) => {
    const { header } = answer;
    return { ...answer, header: { ...header, stateRoot: header.transactionsRoot } };
  };
  (vnf.nodes[index] as TestVnf["node"]).behave = (request) => vnf.chain.answer(request, { alter });
}

async function statusOf(vnf: TestVnf) {
  const status = startProgram(["agent", "status", "--json", "--config", vnf.configPath]);
  const code = await status.ended;
  return { code, ...JSON.parse(status.stdout()) };
}

Deno.test("with three of four nodes down or lying, the honest one is enough, and the liars are named", async () => {
  await using vnf = await testVnf({ nodes: 4 });
  await vnf.publish({ content: "1" });
  lie(vnf, 0);
  lie(vnf, 1);
  await vnf.nodes[2]?.[Symbol.asyncDispose]();
  // The first node to be asked is drawn: after four rounds each has had its turn.
  for (let i = 0; i < 4; i++) assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["1"]);
  const { code, nodes } = await statusOf(vnf);
  assert.equal(code, 0);
  const byNode = new Map(nodes.map((each: { node: string }) => [each.node, each]));
  const recordOf = (index: number) => byNode.get(vnf.nodes[index]?.url) as Record<string, unknown>;
  assert.deepEqual([recordOf(0).answered, recordOf(1).answered, recordOf(2).answered], [0, 0, 0]);
  assert.equal(recordOf(3).answered, 4);
  const lies = [recordOf(0), recordOf(1)].filter(({ lied }) => (lied as number) > 0);
  for (const { lied, last, leftOutUntil } of lies) {
    assert.equal(lied, 1, "a node that lied is not asked again at once");
    assert.match(String(last), /certificate-mismatch/);
    assert.ok(leftOutUntil !== null);
  }
});

Deno.test("a node that lied is asked again when nobody else is left", async () => {
  await using vnf = await testVnf();
  await vnf.publish({ content: "1" });
  lie(vnf, 0);
  assert.equal(await vnf.once(), 1);
  vnf.node.behave = (request) => vnf.chain.answer(request);
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["1"]);
});

Deno.test("all nodes frozen at an old height: STALE, though the VNF's clock would call the header fresh", async () => {
  const keys = `interval = "100ms"\nmax_staleness = "1s"`;
  await using vnf = await testVnf({ nodes: 2, keys });
  // A header from the future is what a slow clock sees.
  vnf.chain.commit([], { timeMs: Date.now() + 3_600_000 });
  await using agent = startProgram(["agent", "--config", vnf.configPath]);
  await agent.until(() => agent.stderr().includes("STALE"));
  await agent.until(async () => (await statusOf(vnf)).code === 4);
  vnf.chain.commit([], { timeMs: Date.now() + 3_600_001 });
  await agent.until(() => agent.stderr().includes("fresh again"));
});
