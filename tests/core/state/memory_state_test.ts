import { deepEqual, equal, throws } from "node:assert/strict";
import { asHash, asHeight, asTxId, type Hash, ZERO_HASH } from "../../../core/brands.ts";
import { encodeShape } from "../../../core/shape.ts";
import { openMemoryState } from "../../../core/state/memory_state.ts";
import { type StateLeaf, subtreeOf } from "../../../core/state/state_node.ts";
import { extendFeed, type FeedState, feedStateShape } from "../../../core/state/values.ts";
import { compare } from "../../../core/bytes.ts";
import { sha256 } from "../../support/sha256.ts";

/** Feeds whose keys begin with few distinct bytes, so that pages hold several. */
function feeds(count: number): readonly { key: Hash; state: FeedState; value: Uint8Array<ArrayBuffer> }[] {
  return Array.from({ length: count }, (_, i) => {
    const key = asHash(sha256(Uint8Array.of(i, i >> 8)).map((byte, at) => at < 2 ? byte & 1 : byte));
    const state = extendFeed(sha256, null, { height: asHeight(i + 1), index: 0, txId: asTxId(key) });
    return { key, state, value: encodeShape(feedStateShape, state) };
  });
}

Deno.test("openMemoryState() begins empty", () => {
  const state = openMemoryState(sha256);
  deepEqual(state.root(), ZERO_HASH);
  equal(state.feed(asHash(new Uint8Array(32))), null);
});

Deno.test("commit() makes the root that the leaves have, and gives back each feed", () => {
  const state = openMemoryState(sha256);
  const all = feeds(64);
  for (let i = 0; i < all.length; i += 5) state.prepare(all.slice(i, i + 5)).commit();
  const sorted = all.toSorted((a, b) => compare(a.key, b.key));
  deepEqual(state.root(), subtreeOf(sha256, sorted, { depth: 0 }).root);
  for (const { key, state: feed } of all) deepEqual(state.feed(key), feed);
});

Deno.test("prepare() changes nothing by itself", () => {
  const state = openMemoryState(sha256);
  const [first] = feeds(1) as readonly StateLeaf[] as [StateLeaf];
  state.prepare([first]);
  deepEqual(state.root(), ZERO_HASH);
  equal(state.feed(first.key), null);
});

Deno.test("commit() asserts that the state is still the one that was prepared for", () => {
  const state = openMemoryState(sha256);
  const [first, second] = feeds(2) as readonly StateLeaf[] as [StateLeaf, StateLeaf];
  const prepared = state.prepare([first]);
  state.prepare([second]).commit();
  throws(() => prepared.commit(), /another state/);
});
