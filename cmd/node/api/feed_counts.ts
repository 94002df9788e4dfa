/**
 * How long feeds are, read from the certified state: so that what an answer would cost is known before it is made.
 *
 * @module
 */
import type { Hash } from "../../../core/brands.ts";
import { toHex } from "../../../core/bytes.ts";
import { assert } from "../../../core/errors.ts";
import type { HashFunction } from "../../../core/hashing.ts";
import type { StateView } from "../../../core/ports.ts";
import { decodeShape } from "../../../core/shape.ts";
import { type Feed, feedId } from "../../../core/state/keys.ts";
import { verifyState } from "../../../core/state/state_proof.ts";
import { feedStateShape } from "../../../core/state/values.ts";

/** The transactions in each feed, in the order asked; 0 for a feed that has none, or before the first block. */
export async function feedCounts(
  hash: HashFunction,
  { view, feeds }: { view: Pick<StateView, "tip" | "proveState">; feeds: readonly Feed[] },
): Promise<readonly number[]> {
  const { header } = view.tip();
  if (header === null || feeds.length === 0) return feeds.map(() => 0);
  const names = new Map<string, Hash>();
  const ids = feeds.map((feed) => feedId(hash, feed));
  for (const id of ids) names.set(toHex(id), id);
  const keys = [...names.values()];
  const verified = verifyState(hash, { root: header.stateRoot, proof: await view.proveState(keys), keys });
  assert(verified.ok, "our own proof holds");
  return ids.map((id) => {
    const value = verified.value.get(toHex(id)) ?? null;
    if (value === null) return 0;
    const state = decodeShape(feedStateShape, value, { what: "feed state", code: "state-format" });
    assert(state.ok, "a feed's state on the chain can be read");
    return state.value.count;
  });
}
