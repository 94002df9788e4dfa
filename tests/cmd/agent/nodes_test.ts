/** What nodes may do to an agent: lie, withhold, repeat, freeze, fork, or be away. */
import assert from "node:assert/strict";
import { equal } from "../../../core/bytes.ts";
import { checkForkProof, decodeForkProof } from "../../../core/certified_header.ts";
import { LIMITS } from "../../../core/limits.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import { certify, makeFederation } from "../../support/federation.ts";
import type { AnswerParts } from "../../support/test_answers.ts";
import { TestChain } from "../../support/test_chain.ts";
import { refusal } from "../../support/test_node.ts";
import { testVnf } from "./harness.ts";

/** What a lying node sends, each refused before anything in it is used. */
const lies: Readonly<Record<string, (answer: AnswerParts) => AnswerParts>> = {
  "withholds the last transaction": (answer) => ({
    ...answer,
    feeds: answer.feeds.map((feed) => feed?.slice(0, -1) ?? null),
  }),
  "withholds all": (answer) => ({ ...answer, feeds: answer.feeds.map(() => []) }),
  "swaps two transactions": (answer) => ({
    ...answer,
    feeds: answer.feeds.map((feed) => feed?.toReversed() ?? null),
  }),
  "moves a transaction to another place": (answer) => ({
    ...answer,
    feeds: answer.feeds.map((feed) => feed?.map((entry) => ({ ...entry, index: entry.index + 1 })) ?? null),
  }),
  "repeats a transaction": (answer) => ({
    ...answer,
    feeds: answer.feeds.map((feed) => [...feed ?? [], ...feed?.slice(-1) ?? []]),
  }),
  "answers no feed": (answer) => ({ ...answer, feeds: [] }),
  "leaves out a reference": (answer) => ({ ...answer, configurations: [] }),
  "sends another root": (answer) => ({
    ...answer,
    header: { ...answer.header, stateRoot: answer.header.transactionsRoot },
  }),
};

for (const [name, alter] of Object.entries(lies)) {
  Deno.test(`a node that ${name} is found out, and an honest one is asked`, async () => {
    await using vnf = await testVnf();
    const template = await vnf.publish({ content: "T", to: null });
    await vnf.publish({ content: "1" });
    await vnf.publish({ content: "2", before: [{ cid: template.payload.cid, vid: null }] });
    vnf.node.behave = (request) => vnf.chain.answer(request, { alter });
    assert.equal(await vnf.once(), 1);
    assert.deepEqual(await vnf.files(), {});
    assert.equal((await vnf.state()).position, null);
    vnf.node.behave = (request) => vnf.chain.answer(request);
    assert.equal(await vnf.once(), 0);
    assert.deepEqual(Object.values(await vnf.files()), ["T", "2"]);
  });
}

Deno.test("a node that promises transactions for ever does not hold the agent up", async () => {
  await using vnf = await testVnf();
  await vnf.publish({ content: "1" });
  vnf.node.behave = (request) =>
    vnf.node.polls.length > 5 ? refusal(503, "not-ready") : vnf.chain.answer(request, { most: 0 });
  assert.equal(await vnf.once(), 1);
  assert.equal(vnf.node.polls.length, 1);
});

Deno.test("a reference that is withheld when it is asked for by name holds the running configuration", async () => {
  await using vnf = await testVnf();
  const template = await vnf.publish({ content: "T", to: null });
  await vnf.publish({ content: "1" });
  await vnf.publish({ content: "2", before: [{ cid: template.payload.cid, vid: null }] });
  for (let i = 0; i < 3; i++) vnf.request();
  // The base comes in a part of its own, so that the last part leaves its reference out and still holds.
  const lie = (answer: AnswerParts) => ({ ...answer, configurations: [] });
  vnf.node.behave = (request) =>
    vnf.chain.answer(request, request.configurations.length > 0 ? { alter: lie } : { most: 3 });
  assert.equal(await vnf.once(), 1);
  assert.deepEqual(await vnf.files(), {});
  assert.equal((await vnf.state()).position, null);
  vnf.node.behave = (request) => vnf.chain.answer(request);
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["T", "2"]);
});

Deno.test("a lying, a silent and a starting node cost a try each, and the honest one is taken", async () => {
  await using vnf = await testVnf({ nodes: 4 });
  await vnf.publish({ content: "1" });
  const [lying, silent, starting] = vnf.nodes;
  lying!.behave = (request) => vnf.chain.answer(request, { alter: (answer) => ({ ...answer, feeds: [[]] }) });
  silent!.behave = () => new Response("<html>", { status: 502 });
  starting!.behave = () => refusal(503, "not-ready");
  for (let i = 0; i < 5; i++) assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["1"]);
});

Deno.test("a certificate with fewer than a quorum's signatures is refused", async () => {
  const members = makeFederation({ size: 4 });
  await using vnf = await testVnf({ chain: new TestChain(members) });
  await vnf.publish({ content: "1" });
  const signedBy = (signers: number) => (answer: AnswerParts) => ({
    ...answer,
    certificate: certify(members, { header: answer.header, signers }),
  });
  vnf.node.behave = (request) => vnf.chain.answer(request, { alter: signedBy(2) });
  assert.equal(await vnf.once(), 1);
  vnf.node.behave = (request) => vnf.chain.answer(request, { alter: signedBy(3) });
  assert.equal(await vnf.once(), 0);
});

Deno.test("an answer of another federation is refused", async () => {
  const other = new TestChain();
  other.commit();
  await using vnf = await testVnf();
  vnf.node.behave = (request) => other.answer(request);
  assert.equal(await vnf.once(), 1);
  assert.equal((await vnf.state()).header, null);
});

Deno.test("an old answer that is replayed is refused, also after a restart", async () => {
  await using vnf = await testVnf();
  await vnf.publish({ content: "old" });
  let old = new Uint8Array();
  vnf.node.behave = (request) => old = vnf.chain.answer(request);
  assert.equal(await vnf.once(), 0);
  const first = old;
  await vnf.publish({ content: "new" });
  assert.equal(await vnf.once(), 0);
  vnf.node.behave = () => first;
  assert.equal(await vnf.once(), 1);
  assert.deepEqual(Object.values(await vnf.files()), ["new"]);
});

Deno.test("a frozen chain is STALE: exit code 4, nothing of it is applied, the running configuration stays", async () => {
  const timeMs = Date.now() - 3_600_000;
  const chain = new TestChain(makeFederation({ timeMs }));
  chain.commit([], { timeMs: timeMs + 1000 });
  await using vnf = await testVnf({ chain });
  chain.commit([await vnf.configuration({ content: "1", timestamp: timeMs })], { timeMs: timeMs + 2000 });
  assert.equal(await vnf.once(), 4);
  assert.deepEqual(await vnf.files(), {});
  assert.equal((await vnf.state()).errors.at(-1)?.code, "stale");
  chain.commit();
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["1"]);
});

Deno.test("no node that answers is exit code 3, whether it is away or still starting", async () => {
  await using vnf = await testVnf();
  vnf.node.behave = () => refusal(503, "not-ready");
  assert.equal(await vnf.once(), 3);
  await vnf.node[Symbol.asyncDispose]();
  assert.equal(await vnf.once(), 3);
});

Deno.test("two certified blocks at one height halt the agent for good, and the proof is kept", async () => {
  const members = makeFederation({ size: 4 });
  const [chain, fork] = [new TestChain(members), new TestChain(members)];
  await using vnf = await testVnf({ chain });
  assert.equal(await vnf.once(), 0);
  fork.commit([await vnf.configuration({ content: "forked" })]);
  vnf.node.behave = (request) => fork.answer(request);
  assert.equal(await vnf.once(), "fork");
  vnf.node.behave = (request) => chain.answer(request);
  assert.equal(await vnf.once(), "fork");
  assert.deepEqual(await vnf.files(), {});
  const [evidence] = await Array.fromAsync(Deno.readDir(`${vnf.stateDir}/evidence`));
  const proof = decodeForkProof(await Deno.readFile(`${vnf.stateDir}/evidence/${evidence?.name}`));
  assert.ok(proof.ok);
  const federationOf = (named: Uint8Array) =>
    equal(named, chain.federation.hash) ? chain.federation : undefined;
  assert.equal(checkForkProof(proof.value, { federationOf, crypto: platformCrypto }), undefined);
  const { first } = proof.value;
  const twice = checkForkProof({ ...proof.value, second: first }, { federationOf, crypto: platformCrypto });
  assert.equal(twice?.code, "proof-root");
});

Deno.test("an answer of random bytes, of nothing, and of too many bytes is refused", async () => {
  await using vnf = await testVnf();
  for (const size of [0, 1000]) {
    vnf.node.behave = () => crypto.getRandomValues(new Uint8Array(size));
    assert.equal(await vnf.once(), 1);
  }
  vnf.node.behave = () => new Response(new Uint8Array(LIMITS.clientAnswerBytes + 1));
  assert.equal(await vnf.once(), 3);
});

Deno.test("a VNF whose clock is a year slow goes by the chain's order", async () => {
  const yearMs = 365 * 24 * 3_600_000;
  await using vnf = await testVnf();
  const first = await vnf.configuration({ content: "1", timestamp: Date.now() + yearMs });
  vnf.chain.commit([first], { timeMs: Date.now() + yearMs });
  assert.equal(await vnf.once(), 0);
  const { cid } = first.payload;
  const next = await vnf.configuration({ content: "2", cid, vid: 2, timestamp: Date.now() + yearMs });
  vnf.chain.commit([next]);
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["2"]);
});
