/**
 * The leaves that a block changed, with their new values: durable with the block, before any page is. After a crash
 * they are applied again, in order, to whatever pages a checkpoint left; values are absolute, so doing it twice does
 * no harm.
 *
 * @module
 */
import type { HashFunction } from "../core/hashing.ts";
import { LIMITS } from "../core/limits.ts";
import { decodeShape, encodeShape, list, type Shape } from "../core/shape.ts";
import { type StateLeaf, stateLeafShape } from "../core/state/state_node.ts";
import { setChunks } from "./chunks.ts";
import { changesKey } from "./layout.ts";
import { damaged, type Mutation } from "./rows.ts";

/** A transaction changes its feed and at most one configuration. */
const changesShape: Shape<readonly StateLeaf[]> = list(stateLeafShape, 2 * LIMITS.blockTransactions);

/** Writes a block's changed leaves; nothing for an empty block. */
export function setChanges(
  hash: HashFunction,
  { height, changes }: { height: number; changes: readonly StateLeaf[] },
): readonly Mutation[] {
  return changes.length === 0 ? [] : setChunks(hash, changesKey(height), encodeShape(changesShape, changes));
}

/** Reads what {@link setChanges} wrote. */
export function decodeChanges(bytes: Uint8Array): readonly StateLeaf[] {
  const decoded = decodeShape(changesShape, bytes, { what: "state changes", code: "state-format" });
  if (!decoded.ok) throw damaged(decoded.detail);
  return decoded.value;
}
