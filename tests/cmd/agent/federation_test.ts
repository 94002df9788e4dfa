/** An agent whose federation changes: it follows by proofs, remembers, and takes nobody's word for it. */
import assert from "node:assert/strict";
import { encodeTransitions } from "../../../core/federation_following.ts";
import { generatePrivateKey } from "../../../core/platform/private_key.ts";
import { makeFederation } from "../../support/federation.ts";
import { changeTransaction, makeChange, memberOf, naming } from "../../support/federation_changes.ts";
import { TestChain } from "../../support/test_chain.ts";
import { testVnf } from "./harness.ts";

const keys = Array.from({ length: 5 }, generatePrivateKey);
const fifth = keys[4] as typeof keys[0];

function makeChain(): TestChain {
  const { federation } = makeFederation({ keys: keys.slice(0, 4) });
  const chain = new TestChain({ federation, keys });
  chain.commit();
  return chain;
}

/** A fifth member joins; its document is in force at the chain's end. */
function grow(chain: TestChain): void {
  const { federation, header } = chain.tip();
  assert.ok(header !== null);
  const members = [...federation.document.members, memberOf(fifth, { name: "member-4", index: 4 })];
  const change = makeChange({ federation, keys, next: { members }, names: naming(header) });
  chain.commit([changeTransaction(change, { federation, from: fifth })]);
  for (let i = 0; i < 2; i++) chain.commit();
}

Deno.test("an agent follows a change of the federation, and knows it after a restart", async () => {
  const chain = makeChain();
  await using vnf = await testVnf({ chain });
  assert.equal(await vnf.once(), 0);
  grow(chain);
  await vnf.publish({ content: "under five" });
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["under five"]);
  const asked = () => vnf.node.asked.filter((path) => path.startsWith("/v1/federation/changes")).length;
  assert.equal(asked(), 1);
  await vnf.publish({ content: "again" });
  assert.equal(await vnf.once(), 0);
  assert.equal(asked(), 1, "what was followed once is kept");
});

Deno.test("an agent that lost what it had followed finds the way again", async () => {
  const chain = makeChain();
  await using vnf = await testVnf({ chain });
  grow(chain);
  assert.equal(await vnf.once(), 0);
  await Deno.writeFile(`${vnf.stateDir}/federation.cbor`, new Uint8Array(7));
  assert.equal(await vnf.once(), 0);
  await Deno.remove(`${vnf.stateDir}/federation.cbor`);
  assert.equal(await vnf.once(), 0);
});

Deno.test("a node that names a federation and cannot prove it is refused, and the next one is asked", async () => {
  const chain = makeChain();
  const nothing = () =>
    new Response(encodeTransitions([]), { headers: { "content-type": "application/cbor" } });
  await using vnf = await testVnf({
    chain,
    nodes: 2,
    instead: (index) =>
      index === 0 ? (url) => url.pathname === "/v1/federation/changes" ? nothing() : undefined : undefined,
  });
  grow(chain);
  await vnf.publish({ content: "proved" });
  for (let i = 0; i < 2; i++) assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["proved"]);
});

Deno.test("an answer of the federation before is a rollback once the change is known", async () => {
  const chain = makeChain();
  await using vnf = await testVnf({ chain });
  const before = chain.answer({ version: 1, feeds: [], configurations: [] });
  grow(chain);
  assert.equal(await vnf.once(), 0);
  vnf.node.behave = () => before;
  assert.equal(await vnf.once(), 1);
  const state = await vnf.state();
  assert.match(state.errors.at(-1)?.detail ?? "", /federation document before/);
});
