/** Bundles: what a tenant writes to a file, an agent applies without any node. */
import assert from "node:assert/strict";
import { encodeBundle, verifyBundle } from "../../../core/bundle.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import { generatePrivateKey, type PrivateKey } from "../../../core/platform/private_key.ts";
import { publicKeyToText } from "../../../core/keys.ts";
import { createKeyFile } from "../../../cmd/common/key_file.ts";
import { makeFederation } from "../../support/federation.ts";
import { changeTransaction, makeChange, memberOf, naming } from "../../support/federation_changes.ts";
import { startProgram } from "../../support/program.ts";
import { TestChain } from "../../support/test_chain.ts";
import { type TestVnf, testVnf } from "./harness.ts";

/** Writes a bundle with the tenant's command; gives its path. */
async function bundle(vnf: TestVnf, ...more: readonly string[]): Promise<string> {
  const key = `${vnf.directory}/tenant-${crypto.randomUUID()}.pem`;
  await createKeyFile(key, vnf.tenant);
  const out = `${vnf.directory}/vnf-${crypto.randomUUID()}.bundle`;
  const args = ["--key", key, "--federation", `${vnf.directory}/federation.json`, "--nodes", vnf.node.url];
  const to = publicKeyToText(vnf.key.publicKey);
  const command = startProgram(["tenant", "bundle", "--to", to, "--out", out, ...args, ...more]);
  assert.equal(await command.ended, 0, command.stderr());
  return out;
}

async function apply(vnf: TestVnf, path: string): Promise<{ code: number; said: string }> {
  const command = startProgram(["agent", "apply", "--config", vnf.configPath, "--bundle", path]);
  return { code: await command.ended, said: command.stdout() + command.stderr() };
}

Deno.test("a bundle brings the newest configuration and what it refers to, with no node in reach", async () => {
  await using vnf = await testVnf();
  const template = await vnf.publish({ content: "T", to: null });
  await vnf.publish({ content: "1" });
  await vnf.publish({ content: "2", before: [{ cid: template.payload.cid, vid: null }] });
  const path = await bundle(vnf);
  await vnf.node[Symbol.asyncDispose]();
  const { code, said } = await apply(vnf, path);
  assert.equal(code, 0, said);
  assert.match(said, /bundle verified.*ago/s);
  assert.deepEqual(Object.values(await vnf.files()), ["T", "2"]);
  assert.equal((await apply(vnf, path)).code, 0, "applied once more it changes nothing");
});

Deno.test("a bundle goes on where the agent stands, and one from before is a rollback", async () => {
  await using vnf = await testVnf();
  await vnf.publish({ content: "1" });
  const old = await bundle(vnf);
  assert.equal(await vnf.once(), 0);
  await vnf.publish({ content: "2" });
  const path = await bundle(vnf);
  assert.equal((await apply(vnf, path)).code, 0);
  assert.deepEqual(Object.values(await vnf.files()), ["2"]);
  const back = await apply(vnf, old);
  assert.equal(back.code, 1);
  assert.match(back.said, /rollback/);
  assert.deepEqual(Object.values(await vnf.files()), ["2"]);
});

Deno.test("a bundle older than bundle_max_age is refused as stale, and its age is said", async () => {
  const hoursAgo = (hours: number) => Date.now() - hours * 3_600_000;
  const chain = new TestChain(makeFederation({ timeMs: hoursAgo(3) }));
  chain.commit([], { timeMs: hoursAgo(2) });
  await using vnf = await testVnf({ chain, keys: `bundle_max_age = "1h"` });
  const path = await bundle(vnf, "--max-staleness", "1d");
  const { code, said } = await apply(vnf, path);
  assert.equal(code, 4);
  assert.match(said, /closed 2 h/);
});

Deno.test("no changed byte of a bundle is applied", async () => {
  await using vnf = await testVnf();
  await vnf.publish({ content: "1" });
  const bytes = await Deno.readFile(await bundle(vnf));
  const feed = { sender: vnf.tenant.publicKey, recipient: vnf.key.publicKey, state: null };
  const context = {
    feeds: [feed],
    known: null,
    trusted: vnf.chain.federation,
    crypto: platformCrypto,
  };
  assert.ok(verifyBundle(bytes, context).ok);
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at] = (changed[at] as number) ^ (1 << (at % 8));
    assert.ok(!verifyBundle(changed, context).ok, `byte ${at}`);
  }
});

Deno.test("a bundle that lacks a tenant's feed is refused; with --also it has them all", async () => {
  const tenants = [generatePrivateKey(), generatePrivateKey()] as const;
  await using vnf = await testVnf({ tenants });
  await vnf.publish({ content: "1" });
  const lacking = await apply(vnf, await bundle(vnf));
  assert.equal(lacking.code, 1);
  assert.match(lacking.said, /lacks a feed/);
  const whole = await bundle(vnf, "--also", publicKeyToText(tenants[1].publicKey));
  assert.equal((await apply(vnf, whole)).code, 0);
  assert.deepEqual(Object.values(await vnf.files()), ["1"]);
});

Deno.test("a feed that begins otherwise than what was seen before is refused", async () => {
  const members = makeFederation({ size: 4 });
  const [chain, other] = [new TestChain(members), new TestChain(members)];
  await using vnf = await testVnf({ chain });
  await vnf.publish({ content: "1" });
  assert.equal(await vnf.once(), 0);
  for (let i = 0; i < 2; i++) other.commit();
  other.commit([await vnf.configuration({ content: "other" })]);
  const feed = { sender: vnf.tenant.publicKey, recipient: vnf.key.publicKey };
  const answer = other.answer({ version: 1, feeds: [{ ...feed, count: 0 }], configurations: [] });
  const path = `${vnf.directory}/forged.bundle`;
  await Deno.writeFile(path, encodeBundle({ changes: [], feeds: [feed], configurations: [], answer }));
  const { code, said } = await apply(vnf, path);
  assert.equal(code, 1);
  assert.match(said, /history/);
});

Deno.test("a bundle leads over changes of the federation", async () => {
  const keys = Array.from({ length: 5 }, generatePrivateKey);
  const fifth = keys[4] as PrivateKey;
  const { federation } = makeFederation({ keys: keys.slice(0, 4) });
  const chain = new TestChain({ federation, keys });
  const { header } = chain.commit();
  await using vnf = await testVnf({ chain });
  const members = [...federation.document.members, memberOf(fifth, { name: "member-4", index: 4 })];
  const change = makeChange({ federation, keys, next: { members }, names: naming(header) });
  chain.commit([changeTransaction(change, { federation, from: fifth })]);
  for (let i = 0; i < 2; i++) chain.commit();
  await vnf.publish({ content: "under five" });
  const path = await bundle(vnf);
  await vnf.node[Symbol.asyncDispose]();
  const { code, said } = await apply(vnf, path);
  assert.equal(code, 0, said);
  assert.deepEqual(Object.values(await vnf.files()), ["under five"]);
});

Deno.test("agent apply says what is wrong with its file", async () => {
  await using vnf = await testVnf();
  const none = await apply(vnf, `${vnf.directory}/none`);
  assert.equal(none.code, 2);
  assert.match(none.said, /cannot be read/);
  const noise = `${vnf.directory}/noise`;
  await Deno.writeFile(noise, crypto.getRandomValues(new Uint8Array(500)));
  assert.equal((await apply(vnf, noise)).code, 1);
});
