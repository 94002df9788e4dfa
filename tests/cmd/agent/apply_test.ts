/** What comes into force: the agent against real nodes and a real chain, round by round. */
import assert from "node:assert/strict";
import { asTxId } from "../../../core/brands.ts";
import { type Bytes, toHex, utf8 } from "../../../core/bytes.ts";
import { decodeContent, encodeContent } from "../../../core/content.ts";
import { publicKeyToText } from "../../../core/keys.ts";
import { packConfiguration } from "../../../core/platform/configuration.ts";
import { randomBytes } from "../../../core/platform/crypto.ts";
import { LIMITS } from "../../../core/limits.ts";
import { COMPRESSION, type Compression, type Transaction } from "../../../core/transaction.ts";
import { testKey } from "../../support/keys.ts";
import { configuration, type TestConfiguration } from "../../support/test_transactions.ts";
import { appliedIn, recordingDriver, testVnf } from "./harness.ts";

const latest = ({ payload: { cid } }: Transaction) => ({ cid, vid: null });

Deno.test("the agent applies a file, and leaves a manifest that names it", async () => {
  await using vnf = await testVnf({ drivers: recordingDriver });
  const { id, payload } = await vnf.publish({ content: "hello\n", name: "vnf.conf" });
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(await vnf.files(), { "000-vnf.conf": "hello\n" });
  const manifest = JSON.parse(await Deno.readTextFile(`${vnf.stateDir}/current/manifest.json`));
  assert.equal(manifest.documents[0].transaction, toHex(id));
  assert.equal(manifest.documents[0].cid, toHex(payload.cid));
  assert.equal(manifest.documents[0].height, 2);
  assert.deepEqual(await appliedIn(vnf.directory), [1]);
  assert.equal((await Deno.lstat(`${vnf.stateDir}/key.pem`)).mode! & 0o777, 0o600);
});

Deno.test("the agent does nothing when nothing is new", async () => {
  await using vnf = await testVnf({ drivers: recordingDriver });
  assert.equal(await vnf.once(), 0);
  await vnf.publish({ content: "1" });
  for (let i = 0; i < 3; i++) assert.equal(await vnf.once(), 0);
  vnf.chain.commit();
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(await appliedIn(vnf.directory), [1]);
  assert.equal((await vnf.state()).header?.height, 3);
});

for (const compression of Object.values(COMPRESSION)) {
  Deno.test(`the agent applies the second version over the first, compression ${compression}`, async () => {
    await using vnf = await testVnf({ drivers: recordingDriver });
    const first = await vnf.publish({ content: "1", name: "a", compression });
    assert.equal(await vnf.once(), 0);
    await vnf.publish({ content: "2", name: "a", cid: first.payload.cid, vid: 2, compression });
    assert.equal(await vnf.once(), 0);
    assert.deepEqual(await vnf.files(), { "000-a": "2" });
    assert.deepEqual(await appliedIn(vnf.directory), [1, 2]);
  });
}

Deno.test("the agent of a VNF that was off for a month applies once, the last of all", async () => {
  await using vnf = await testVnf({ drivers: recordingDriver });
  const first = await vnf.publish({ content: "1" });
  for (let vid = 2; vid <= 30; vid++) {
    await vnf.publish({ content: String(vid), cid: first.payload.cid, vid });
  }
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(await vnf.files(), { "000-configuration": "30" });
  assert.deepEqual(await appliedIn(vnf.directory), [1]);
});

Deno.test("the agent takes all parts of a long answer before it applies the last of all", async () => {
  await using vnf = await testVnf({ drivers: recordingDriver });
  for (let i = 1; i <= 40; i++) await vnf.publish({ content: String(i) });
  vnf.node.behave = (request) => vnf.chain.answer(request, { most: 7 });
  assert.equal(await vnf.once(), 0);
  assert.equal(vnf.node.polls.length, 6);
  assert.deepEqual(await vnf.files(), { "000-configuration": "40" });
  assert.deepEqual(await appliedIn(vnf.directory), [1]);
});

Deno.test("the agent passes over a node that names transactions and sends none", async () => {
  await using vnf = await testVnf({ nodes: 2 });
  await vnf.publish({ content: "1" });
  vnf.node.behave = (request) => vnf.chain.answer(request, { most: 0 });
  for (let i = 0; i < 4; i++) assert.equal(await vnf.once(), 0);
  assert.deepEqual(await vnf.files(), { "000-configuration": "1" });
});

Deno.test("the agent puts before, own and after in order, templates and own ones alike", async () => {
  await using vnf = await testVnf();
  const vendor = testKey("vendor");
  const template = await configuration(vnf.chain.federation, {
    from: vendor,
    to: null,
    content: "T",
    name: "t",
  });
  vnf.chain.commit([template]);
  const earlier = await vnf.publish({ content: "E", name: "e" });
  const after = await configuration(vnf.chain.federation, { from: vendor, to: null, content: "A" });
  vnf.chain.commit([after]);
  await vnf.publish({
    content: "O",
    name: "o",
    before: [latest(template), { cid: earlier.payload.cid, vid: 1 }],
    after: [latest(after)],
  });
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(await vnf.files(), { "000-t": "T", "001-e": "E", "002-o": "O", "003-configuration": "A" });
});

Deno.test("the agent takes the latest version of a reference at the certified height, and a named one as named", async () => {
  await using vnf = await testVnf();
  const first = await vnf.publish({ content: "1", to: null });
  await vnf.publish({ content: "2", to: null, cid: first.payload.cid, vid: 2 });
  const { cid } = first.payload;
  await vnf.publish({ content: "latest", before: [{ cid, vid: null }] });
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["2", "latest"]);
  await vnf.publish({ content: "named", before: [{ cid, vid: 1 }] });
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["1", "named"]);
});

Deno.test("the agent asks again for references that came without their configurations", async () => {
  await using vnf = await testVnf();
  const template = await vnf.publish({ content: "T", to: null });
  await vnf.publish({ content: "O", before: [latest(template)] });
  for (let i = 0; i < 3; i++) vnf.request();
  // The base comes in the first part; the last part has only requests, and so no references.
  vnf.node.behave = (request) => vnf.chain.answer(request, { most: 2 });
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["T", "O"]);
});

Deno.test("documents that are too large only together are refused", async () => {
  await using vnf = await testVnf();
  const content = new Uint8Array(LIMITS.contentBytes / 2 + 1);
  const compression = COMPRESSION.zstd;
  const template = await vnf.publish({ content, to: null, compression });
  await vnf.publish({ content, before: [latest(template)], compression });
  assert.equal(await vnf.once(), 1);
  assert.deepEqual((await vnf.state()).refusals, [{ code: "too-large", count: 1 }]);
  assert.deepEqual(await vnf.files(), {});
});

Deno.test("exactly one configuration is in force over two tenants: the last in certified order", async () => {
  const [a, b] = [testKey("a"), testKey("b")];
  await using vnf = await testVnf({ tenants: [a, b], drivers: recordingDriver });
  const of = (from: typeof a, content: string) => vnf.configuration({ from, content });
  vnf.chain.commit([await of(b, "b1"), await of(a, "a1"), await of(b, "b2"), await of(a, "a2")]);
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["a2"]);
  vnf.chain.commit([await of(a, "a3"), await of(b, "b3")]);
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["b3"]);
  assert.deepEqual(await appliedIn(vnf.directory), [1, 2]);
});

Deno.test("a tenant that nobody named here is not even asked for", async () => {
  await using vnf = await testVnf();
  const stranger = testKey("stranger");
  await vnf.publish({ content: "mine" });
  await vnf.publish({ from: stranger, content: "theirs" });
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["mine"]);
  assert.equal(vnf.node.polls[0]?.feeds.length, 1);
});

/** Second configurations that must not come into force, each with the code of the refusal. */
const refused: readonly { name: string; code: string; options: Partial<TestConfiguration> }[] = [
  {
    name: "an altered ciphertext",
    code: "decryption",
    options: {
      content: "2",
      alter: (bytes) => bytes.map((byte, i) => i === bytes.length - 1 ? byte ^ 1 : byte),
    },
  },
  { name: "a ciphertext of another header", code: "decryption", options: { alter: () => foreign } },
  { name: "cut gzip", code: "compression", options: { ...plain(1), alter: cutContent } },
  {
    name: "a content type of a later version",
    code: "content-format",
    options: { content: "2", type: "tar" },
  },
  { name: "an empty one", code: "empty", options: { content: "" } },
  {
    name: "an answer",
    code: "answer-unasked",
    options: { content: "2", inReplyTo: asTxId(new Uint8Array(32)) },
  },
];

const foreign = await packConfiguration({
  bytes: utf8("2"),
  type: "file",
  compression: 0,
  encryption: 1,
  context: utf8("another header"),
  recipients: [testKey("anybody").publicKey],
  random: randomBytes,
});

function plain(compression: Compression): Partial<TestConfiguration> {
  return { content: "2".repeat(100), compression, encryption: 0 };
}

/** The content map with the end of its compressed bytes cut off. */
function cutContent(configuration: Bytes): Bytes {
  const content = decodeContent(configuration);
  assert.ok(content.ok);
  return encodeContent({ ...content.value, bytes: content.value.bytes.slice(0, -9) });
}

for (const { name, code, options } of refused) {
  Deno.test(`the agent refuses ${name} with ${code}, and the running configuration stays`, async () => {
    await using vnf = await testVnf({ drivers: recordingDriver });
    await vnf.publish({ content: "1" });
    assert.equal(await vnf.once(), 0);
    await vnf.publish(options);
    assert.equal(await vnf.once(), 1);
    assert.deepEqual(Object.values(await vnf.files()), ["1"]);
    assert.deepEqual(await appliedIn(vnf.directory), [1]);
    const state = await vnf.state();
    assert.deepEqual(state.refusals, [{ code, count: 1 }]);
    assert.equal(state.errors.at(-1)?.code, code);
    assert.equal(await vnf.once(), 0);
  });
}

Deno.test("a refused newest leaves the one before it in force, as if each had been taken in turn", async () => {
  await using vnf = await testVnf({ drivers: recordingDriver });
  await vnf.publish({ content: "1" });
  await vnf.publish({ content: "2" });
  await vnf.publish({ content: "3", type: "tar" });
  assert.equal(await vnf.once(), 1);
  assert.deepEqual(Object.values(await vnf.files()), ["2"]);
  assert.deepEqual(await appliedIn(vnf.directory), [1]);
});

Deno.test("the agent applies an empty configuration when allow_empty says so", async () => {
  await using vnf = await testVnf({ keys: "allow_empty = true" });
  await vnf.publish({ content: "" });
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(await vnf.files(), { "000-configuration": "" });
});

Deno.test("the agent refuses references of references, and those to somebody else's configurations", async () => {
  await using vnf = await testVnf();
  const template = await vnf.publish({ content: "T", to: null });
  const middle = await vnf.publish({ content: "M", to: null, before: [latest(template)] });
  await vnf.publish({ content: "O", before: [latest(middle)] });
  assert.equal(await vnf.once(), 1);
  const other = await vnf.publish({ content: "X", to: testKey("other").publicKey });
  await vnf.publish({ content: "O", after: [latest(other)] });
  assert.equal(await vnf.once(), 1);
  assert.deepEqual(await vnf.files(), {});
  assert.deepEqual((await vnf.state()).refusals.map(({ code }) => code), ["reference-depth", "recipient"]);
});

Deno.test("a tenant added later brings nothing back from before the position that was processed", async () => {
  const [a, b] = [testKey("a"), testKey("b")];
  await using vnf = await testVnf({ tenants: [a] });
  await vnf.publish({ from: b, content: "old" });
  await vnf.publish({ from: a, content: "new" });
  assert.equal(await vnf.once(), 0);
  await vnf.configure({ drivers: () => `[[tenant]]\nkey = "${publicKeyToText(b.publicKey)}"` });
  assert.equal(await vnf.once(), 1);
  assert.deepEqual(Object.values(await vnf.files()), ["new"]);
  assert.deepEqual((await vnf.state()).refusals, [{ code: "position", count: 1 }]);
});
