/**
 * The rules of the state tree, a sparse Merkle tree over 256-bit keys: an empty subtree is 32 zero bytes, a subtree
 * with exactly one leaf *is* that leaf, whatever its depth, and everything else is an inner node. Leaves hash their
 * whole key, so a leaf cannot be moved; leaves and inner nodes hash under different tags, so neither passes for the
 * other.
 *
 * @module
 */
import { type Hash, ZERO_HASH } from "../brands.ts";
import type { Bytes } from "../bytes.ts";
import { assert } from "../errors.ts";
import { type HashFunction, taggedHash } from "../hashing.ts";
import { LIMITS } from "../limits.ts";
import { bytesUpTo, hashShape, record, type Shape } from "../shape.ts";

/** Bits in a key, and so the depth below which nothing is. */
export const KEY_BITS = 256;

/** One entry of the state. */
export interface StateLeaf {
  /** Its place: see keys.ts. */
  readonly key: Hash;
  /** At most {@link LIMITS.stateValueBytes}. */
  readonly value: Bytes;
}

/** A leaf in CBOR: `[key, value]`. */
export const stateLeafShape: Shape<StateLeaf> = record({
  key: hashShape,
  value: bytesUpTo(LIMITS.stateValueBytes),
});

/** What is known of a subtree without its leaves. */
export interface StateNode {
  /** No leaf, exactly one, or more: the hash alone does not tell, and the rule of the single leaf needs it. */
  readonly kind: "empty" | "leaf" | "inner";
  /** Hash of the subtree. */
  readonly root: Hash;
}

/** The subtree without leaves. */
export const EMPTY_NODE: StateNode = { kind: "empty", root: ZERO_HASH };

/** Bit `depth` of a key, most significant first: 0 goes left. */
export function bitAt(key: Hash, depth: number): 0 | 1 {
  const byte = key[depth >> 3];
  if (byte === undefined) assert(false, `a key has no bit ${depth}`);
  return ((byte >> (7 - depth % 8)) & 1) as 0 | 1;
}

/** Splits what is sorted by key, and shares the bits above `depth`, at bit `depth`. */
export function splitAtBit<T extends { readonly key: Hash }>(
  sorted: readonly T[],
  depth: number,
): { left: readonly T[]; right: readonly T[] } {
  const found = sorted.findIndex(({ key }) => bitAt(key, depth) === 1);
  const middle = found === -1 ? sorted.length : found;
  return { left: sorted.slice(0, middle), right: sorted.slice(middle) };
}

/** Hash of a leaf: key and value under the leaf's tag. */
export function leafHash(hash: HashFunction, { key, value }: StateLeaf): Hash {
  return taggedHash(hash, "vnfchain/state-leaf/1", key, value);
}

/** Hash of an inner node: both subtrees under the node's tag. */
export function innerHash(hash: HashFunction, { left, right }: { left: Hash; right: Hash }): Hash {
  return taggedHash(hash, "vnfchain/state-node/1", left, right);
}

/** The subtree over two: the only leaf of both rises, two leaves or more make an inner node. */
export function joinNodes(
  hash: HashFunction,
  { left, right }: { left: StateNode; right: StateNode },
): StateNode {
  if (left.kind === "empty" && right.kind !== "inner") return right;
  if (right.kind === "empty" && left.kind !== "inner") return left;
  return { kind: "inner", root: innerHash(hash, { left: left.root, right: right.root }) };
}

/** The subtree at `depth` that holds exactly `leaves`, which are sorted by key and share the bits above `depth`. */
export function subtreeOf(
  hash: HashFunction,
  leaves: readonly StateLeaf[],
  { depth }: { depth: number },
): StateNode {
  const [first] = leaves;
  if (first === undefined) return EMPTY_NODE;
  if (leaves.length === 1) return { kind: "leaf", root: leafHash(hash, first) };
  const { left, right } = splitAtBit(leaves, depth);
  return joinNodes(hash, {
    left: subtreeOf(hash, left, { depth: depth + 1 }),
    right: subtreeOf(hash, right, { depth: depth + 1 }),
  });
}
