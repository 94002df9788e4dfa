/** Which transactions may come into force, by table: the checks that need no network. */
import assert from "node:assert/strict";
import { asHash, asHeight } from "../../../core/brands.ts";
import { toHex } from "../../../core/bytes.ts";
import type { PlacedTransaction } from "../../../core/light_client.ts";
import { LIMITS } from "../../../core/limits.ts";
import { freshState } from "../../../cmd/agent/state.ts";
import {
  openSelection,
  type Selection,
  type SelectionContext,
  selectMore,
} from "../../../cmd/agent/select.ts";
import type { Transaction } from "../../../core/transaction.ts";
import { testKey } from "../../support/keys.ts";
import { makeFederation } from "../../support/federation.ts";
import { configuration, newCid, request, type TestConfiguration } from "../../support/test_transactions.ts";

const { federation } = makeFederation();
const [vnf, tenant, other] = [testKey("vnf"), testKey("tenant"), testKey("other")];
const fresh = freshState({ genesisId: federation.genesisId, self: vnf.publicKey });
const context: SelectionContext = {
  self: vnf.publicKey,
  tenants: [tenant.publicKey, other.publicKey],
  state: fresh,
};

const make = (options: Partial<TestConfiguration> = {}) =>
  configuration(federation, { from: tenant, to: vnf.publicKey, content: "x", encryption: 0, ...options });

const at = (height: number, transaction: Transaction, index = 0): PlacedTransaction => ({
  height: asHeight(height),
  index,
  transaction,
});

const select = (news: readonly PlacedTransaction[], changed: Partial<SelectionContext> = {}): Selection => {
  const used = { ...context, ...changed };
  return selectMore(openSelection(used), news, used);
};

const codes = ({ refused }: Selection) => refused.map(({ refusal }) => refusal.code);

Deno.test("selectMore() puts candidates newest first and requests oldest first, over feeds and over parts", async () => {
  const [a, b, c] = [await make(), await make({ from: other }), await make()];
  const [q, r] = [1, 2].map(() => request(federation, { from: tenant, to: vnf.publicKey })) as [
    Transaction,
    Transaction,
  ];
  const first = select([at(12, a), at(13, q), at(10, b)]);
  const { candidates, requests, position } = selectMore(first, [at(12, c, 1), at(11, r)], context);
  assert.deepEqual(candidates.map(({ transaction }) => transaction.id), [c.id, a.id, b.id]);
  assert.deepEqual(requests.map(({ transaction }) => transaction.id), [r.id, q.id]);
  assert.deepEqual(position, { height: 13, index: 0 });
});

Deno.test("selectMore() keeps the newest candidates and names the others", async () => {
  const all = await Promise.all(Array.from({ length: LIMITS.agentCandidates + 3 }, () => make()));
  const { candidates, superseded } = select(all.map((transaction, i) => at(i + 1, transaction)));
  assert.equal(candidates.length, LIMITS.agentCandidates);
  const oldest = all.slice(0, 3).toReversed();
  assert.deepEqual(superseded.map(({ cid }) => toHex(cid)), oldest.map(({ payload }) => toHex(payload.cid)));
});

Deno.test("selectMore() keeps no bytes of what it passes over, of which there may be thousands", async () => {
  const all = await Promise.all(Array.from({ length: LIMITS.agentCandidates + 1 }, () => make()));
  const refused = await make({ to: null });
  const selection = select([...all, refused].map((transaction, i) => at(i + 1, transaction)));
  assert.deepEqual(selection.superseded.map((kept) => Object.keys(kept)), [["cid", "vid"]]);
  assert.deepEqual(selection.refused.map((kept) => Object.keys(kept)), [["position", "id", "refusal"]]);
});

Deno.test("selectMore() refuses what is addressed to nobody or somebody else (check i)", async () => {
  const wrong = [await make({ to: null }), await make({ to: other.publicKey })];
  assert.deepEqual(codes(select(wrong.map((transaction) => at(2, transaction)))), ["recipient", "recipient"]);
});

Deno.test("selectMore() refuses a sender that is no tenant (check ii)", async () => {
  assert.deepEqual(codes(select([at(2, await make({ from: testKey("stranger") }))])), ["sender-unknown"]);
});

Deno.test("selectMore() refuses the nonce of the sender's last transaction (check iv), and no other's", async () => {
  const nonce = new Uint8Array(16).fill(7);
  const [first, again] = [await make({ nonce }), await make({ nonce })];
  const theirs = await make({ nonce, from: other });
  assert.deepEqual(codes(select([at(2, first), at(2, theirs, 1), at(3, again)])), ["duplicate"]);
  const feeds = [{ sender: tenant.publicKey, recipient: vnf.publicKey, state: null, lastNonce: nonce }];
  const remembered = select([at(2, first), at(3, theirs)], { state: { ...fresh, feeds } });
  assert.deepEqual(codes(remembered), ["duplicate"]);
  assert.equal(toHex(remembered.nonces.get(toHex(tenant.publicKey)) ?? new Uint8Array()), toHex(nonce));
});

Deno.test("selectMore() refuses whatever is at or below the position processed", async () => {
  const state = { ...fresh, position: { height: asHeight(5), index: 3 } };
  const news = [at(4, await make(), 9), at(5, await make(), 3), at(5, await make(), 4), at(6, await make())];
  const selection = select(news, { state });
  assert.deepEqual(codes(selection), ["position", "position"]);
  assert.equal(selection.candidates.length, 2);
});

Deno.test("selectMore() refuses a version at or below the one in force, but knows that one again", async () => {
  const cid = newCid(tenant.publicKey);
  const current = await make({ cid, vid: 3 });
  const inForce = {
    cid,
    vid: 3,
    transaction: current.id,
    contentHash: asHash(new Uint8Array(32)),
    position: { height: asHeight(1), index: 0 },
    resolvedAt: asHeight(1),
    generation: 1,
  };
  const news = [
    await make({ cid, vid: 2 }),
    await make({ cid, vid: 3 }),
    current,
    await make({ cid, vid: 4 }),
  ];
  const selection = select(news.map((transaction, i) => at(i + 2, transaction)), {
    state: { ...fresh, inForce },
  });
  assert.deepEqual(codes(selection), ["vid-order", "vid-order"]);
  assert.equal(selection.candidates.length, 2);
});
