/** Requests: answered once, to whom they say, with the VNF's state. */
import assert from "node:assert/strict";
import { equal, toHex } from "../../../core/bytes.ts";
import { agreementKeyFromSeed } from "../../../core/platform/agreement.ts";
import { openConfiguration } from "../../../core/platform/configuration.ts";
import type { PrivateKey } from "../../../core/platform/private_key.ts";
import { envelopeContext, type Transaction, TYPE } from "../../../core/transaction.ts";
import { openState } from "../../../cmd/agent/state_store.ts";
import { asTxId } from "../../../core/brands.ts";
import { LIMITS } from "../../../core/limits.ts";
import { questionsAbout } from "../../../cmd/agent/answer.ts";
import type { KnownRequest } from "../../../cmd/agent/state.ts";
import { testKey } from "../../support/keys.ts";
import { refusal } from "../../support/test_node.ts";
import { newCid } from "../../support/test_transactions.ts";
import { recordingDriver, testVnf } from "./harness.ts";

const exporting = (command: string) => () =>
  `[[driver]]\npreset = "exec"\napply = ["/bin/true"]\nexport = ["/bin/sh", "-c", ${
    JSON.stringify(command)
  }]\n`;

/** What an answer says, to whom holds the key. */
async function read({ payload }: Transaction, key: PrivateKey): Promise<{ type: string; text: string }> {
  assert.ok(payload.type === TYPE.configuration);
  const opened = await openConfiguration(payload.body.configuration, {
    compression: payload.compression,
    encryption: payload.encryption,
    context: envelopeContext(payload),
    keys: [agreementKeyFromSeed(key.agreementSeed())],
  });
  assert.ok(opened.ok);
  return { type: opened.value.content.type, text: new TextDecoder().decode(opened.value.bytes) };
}

Deno.test("a request is answered with the driver's export, under its CID, description and time of the chain", async () => {
  await using vnf = await testVnf({ drivers: exporting("echo state") });
  const asked = vnf.request({ description: "nightly" });
  assert.equal(await vnf.once(), 0);
  const [answer] = vnf.node.posted;
  assert.ok(answer?.payload.type === TYPE.configuration);
  const { cid, vid, description, recipient, sender, body, timestamp } = answer.payload;
  assert.ok(equal(cid, asked.payload.cid) && equal(sender, vnf.key.publicKey));
  assert.ok(recipient !== null && equal(recipient, vnf.tenant.publicKey));
  assert.ok(body.inReplyTo !== null && equal(body.inReplyTo, asked.id));
  assert.deepEqual([vid, description], [1, "nightly"]);
  assert.equal(timestamp, vnf.chain.blocks.at(-1)?.header.time);
  assert.deepEqual(await read(answer, vnf.tenant), { type: "state", text: "state\n" });
  // The VNF can read its own history too.
  assert.equal((await read(answer, vnf.key)).text, "state\n");
});

Deno.test("a request is answered with the generation's documents when no driver exports", async () => {
  await using vnf = await testVnf({ drivers: recordingDriver });
  const template = await vnf.publish({ content: "T\n", to: null });
  await vnf.publish({ content: "O\n", before: [{ cid: template.payload.cid, vid: null }] });
  vnf.request();
  assert.equal(await vnf.once(), 0);
  assert.equal((await read(vnf.node.posted[0]!, vnf.tenant)).text, "T\nO\n");
});

Deno.test("an answer is sent again, the same bytes, until a poll proves that it is on the chain", async () => {
  await using vnf = await testVnf({ drivers: exporting("date +%N") });
  vnf.request();
  for (let i = 0; i < 3; i++) assert.equal(await vnf.once(), 0);
  assert.deepEqual(new Set(vnf.node.posted.map(({ id }) => toHex(id))).size, 1);
  assert.equal(vnf.node.posted.length, 3);
  vnf.chain.commit([vnf.node.posted[0]!]);
  for (let i = 0; i < 3; i++) assert.equal(await vnf.once(), 0);
  assert.equal(vnf.node.posted.length, 3);
  assert.equal((await vnf.state()).requests[0]?.status, "done");
  assert.deepEqual(await Array.fromAsync(Deno.readDir(`${vnf.stateDir}/outbox`)), []);
});

Deno.test("an answer that was made before a crash is the one that is sent", async () => {
  await using vnf = await testVnf({ drivers: exporting("date +%N") });
  vnf.request();
  assert.equal(await vnf.once(), 0);
  // As after a crash between the outbox and the state: the request is due, and its answer was made.
  const store = await openState(vnf.stateDir, {
    genesisId: vnf.chain.federation.genesisId,
    self: vnf.key.publicKey,
  });
  const [due] = store.current().requests;
  await store.update({ requests: [{ ...due!, status: "due" }] });
  assert.equal(await vnf.once(), 0);
  assert.equal(new Set(vnf.node.posted.map(({ id }) => toHex(id))).size, 1);
});

Deno.test("several requests are each answered once, in certified order", async () => {
  await using vnf = await testVnf({ drivers: exporting("echo state") });
  const asked = [1, 2, 3].map(() => vnf.request());
  assert.equal(await vnf.once(), 0);
  const replies = vnf.node.posted.map(({ payload }) =>
    payload.type === TYPE.configuration && payload.body.inReplyTo
  );
  assert.deepEqual(replies.map((id) => toHex(id || new Uint8Array())), asked.map(({ id }) => toHex(id)));
});

Deno.test("an export that fails is tried a few times, reported, and does not keep configurations from coming", async () => {
  await using vnf = await testVnf({ drivers: exporting("echo no >&2; exit 3") });
  vnf.request();
  await vnf.publish({ content: "1" });
  for (let i = 0; i < 3; i++) assert.equal(await vnf.once(), 1);
  assert.deepEqual(Object.values(await vnf.files()), ["1"]);
  assert.equal((await vnf.state()).requests[0]?.status, "failed");
  assert.equal(await vnf.once(), 0);
  assert.equal(vnf.node.posted.length, 0);
});

Deno.test("a node that says taken and drops an answer does not keep it from the chain", async () => {
  await using vnf = await testVnf({ nodes: 2, drivers: exporting("echo state") });
  const [, other] = vnf.nodes;
  vnf.request();
  // Rounds start at a random node: that the other one never gets it in 60 rounds happens once in 2^60.
  for (let i = 0; i < 60 && other!.posted.length === 0; i++) assert.equal(await vnf.once(), 0);
  assert.ok(other!.posted.length > 0);
});

Deno.test("one node's refusal does not end an answer, and all nodes' only when it is repeated", async () => {
  const refusing = () => (url: URL) =>
    url.pathname === "/v1/transactions" ? refusal(400, "transaction-signature") : undefined;
  await using vnf = await testVnf({
    nodes: 2,
    drivers: exporting("echo state"),
    instead: (i) => i === 0 ? refusing() : undefined,
  });
  vnf.request();
  for (let i = 0; i < 4; i++) assert.equal(await vnf.once(), 0);
  assert.equal(vnf.nodes[1]?.posted.length, 4);
  assert.equal((await vnf.state()).requests[0]?.status, "sent");

  await using refused = await testVnf({ drivers: exporting("echo state"), instead: refusing });
  refused.request();
  for (let i = 0; i < LIMITS.agentAnswerTries; i++) assert.equal(await refused.once(), 1);
  assert.equal((await refused.state()).requests[0]?.status, "failed");
  assert.equal(await refused.once(), 0);
});

Deno.test("an answer that is proved to have come too late is made anew, and no other", async () => {
  await using vnf = await testVnf({ drivers: exporting("date +%N") });
  const { transactionLifetimeMs } = vnf.chain.federation.document.parameters;
  vnf.request();
  assert.equal(await vnf.once(), 0);
  const made = vnf.node.posted[0]!.payload.timestamp;
  vnf.chain.commit([], { timeMs: made + transactionLifetimeMs });
  assert.equal(await vnf.once(), 0);
  assert.equal(new Set(vnf.node.posted.map(({ id }) => toHex(id))).size, 1);
  vnf.chain.commit([], { timeMs: made + transactionLifetimeMs + 1 });
  assert.equal(await vnf.once(), 0);
  assert.equal(new Set(vnf.node.posted.map(({ id }) => toHex(id))).size, 2);
  vnf.chain.commit([vnf.node.posted.at(-1)!]);
  assert.equal(await vnf.once(), 0);
  assert.equal((await vnf.state()).requests[0]?.status, "done");
});

Deno.test("of two requests that name one CID the one that was answered is done, and the other failed", async () => {
  await using vnf = await testVnf({ drivers: exporting("echo state") });
  const { payload: { cid } } = vnf.request();
  vnf.request({ cid });
  assert.equal(await vnf.once(), 0);
  vnf.chain.commit([vnf.node.posted[0]!]);
  assert.equal(await vnf.once(), 0);
  assert.deepEqual((await vnf.state()).requests.map(({ status }) => status), ["done", "failed"]);
});

Deno.test("questionsAbout() asks for no more answers than one poll answer has room for", () => {
  const requests = Array.from({ length: 40 }, (_, i): KnownRequest => ({
    id: asTxId(new Uint8Array(32).fill(i)),
    cid: newCid(testKey("vnf").publicKey),
    compression: 0,
    encryption: 0,
    description: "",
    replyTo: testKey("tenant").publicKey,
    status: "sent",
    tries: 0,
  }));
  const asked = (maxTransactionBytes: number) => questionsAbout({ requests }, { maxTransactionBytes }).length;
  assert.equal(asked(1024), LIMITS.agentAnswersAsked);
  assert.equal(asked(2 * 1024 * 1024), 12);
  assert.equal(asked(LIMITS.transactionBytesCeiling), 1);
});

Deno.test("an answer that no node takes now is kept, and sent to the next", async () => {
  await using vnf = await testVnf({ nodes: 2, drivers: exporting("echo state") });
  vnf.request();
  const [first, second] = vnf.nodes;
  await first?.[Symbol.asyncDispose]();
  assert.equal(await vnf.once(), 0);
  assert.equal(second?.posted.length, 1);
});
