/** A VNF that was away for so long that polls do not hold what it missed. */
import assert from "node:assert/strict";
import { LIMITS } from "../../../core/limits.ts";
import { refusal, type TestNodeOptions } from "../../support/test_node.ts";
import { appliedIn, recordingDriver, type TestVnf, testVnf } from "./harness.ts";

/** Polls that leave all feeds of more than two new rows, and all versions, to pages. */
function leaveToPages(vnf: TestVnf): void {
  for (const node of vnf.nodes) node.behave = (request) => vnf.chain.answer(request, { rows: 2 });
}

async function publishMany(vnf: TestVnf, count: number): Promise<void> {
  for (let i = 1; i <= count; i++) await vnf.publish({ content: `${i}` });
}

Deno.test("an agent that is far behind reads pages, and applies the newest once", async () => {
  await using vnf = await testVnf({ drivers: recordingDriver });
  leaveToPages(vnf);
  await publishMany(vnf, LIMITS.agentCandidates + 5);
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), [`${LIMITS.agentCandidates + 5}`]);
  assert.deepEqual(await appliedIn(vnf.directory), [1]);
  const [feed] = (await vnf.state()).feeds;
  assert.equal(feed?.state?.count, LIMITS.agentCandidates + 5);
  await publishMany(vnf, 1);
  assert.equal(await vnf.once(), 0);
  await publishMany(vnf, 5);
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["5"]);
  assert.deepEqual(await appliedIn(vnf.directory), [1, 2, 3]);
});

Deno.test("an agent that is far behind answers all requests that it missed", async () => {
  await using vnf = await testVnf();
  leaveToPages(vnf);
  for (let i = 0; i < 6; i++) {
    vnf.request();
    await vnf.publish({ content: `${i}` });
  }
  assert.equal(await vnf.once(), 0);
  assert.equal(vnf.node.posted.length, 6);
});

Deno.test("an agent takes nothing over when pages are withheld, and all of it from another node", async () => {
  const withhold: TestNodeOptions["instead"] = (url) =>
    url.pathname === "/v1/history" ? refusal(404, "unknown") : undefined;
  await using vnf = await testVnf({ nodes: 2, instead: (index) => index === 0 ? withhold : undefined });
  leaveToPages(vnf);
  await publishMany(vnf, 7);
  const honest = vnf.nodes[1]?.url ?? "";
  const configuration = await Deno.readTextFile(vnf.configPath);
  await Deno.writeTextFile(vnf.configPath, configuration.replace(`,"${honest}"`, ""));
  assert.equal(await vnf.once(), 1);
  assert.deepEqual(await vnf.files(), {});
  assert.deepEqual((await vnf.state()).position, null);
  await Deno.writeTextFile(vnf.configPath, configuration);
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["7"]);
});

Deno.test("an agent resolves a version that lies far below the latest", async () => {
  await using vnf = await testVnf();
  leaveToPages(vnf);
  const first = await vnf.publish({ content: "T1", to: null });
  const { cid } = first.payload;
  for (let vid = 2; vid <= 9; vid++) await vnf.publish({ content: `T${vid}`, to: null, cid, vid });
  await vnf.publish({ content: "own", before: [{ cid, vid: 2 }] });
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["T2", "own"]);
});
