/**
 * The transaction tree of a block: the Merkle tree of RFC 9162 §2.1, so that any Certificate Transparency library can
 * check an inclusion proof. Leaf = SHA-256(0x00 ‖ data), node = SHA-256(0x01 ‖ left ‖ right), split at the largest
 * power of two below the size; the empty tree = SHA-256 of nothing. The data of a leaf is a transaction id.
 *
 * Refused: a path that is too short, too long or leads elsewhere, and an index outside the tree.
 *
 * @module
 */
import type { Hash } from "./brands.ts";
import { type Bytes, concat, equal } from "./bytes.ts";
import { assert } from "./errors.ts";
import type { HashFunction } from "./hashing.ts";

const LEAF: Bytes = Uint8Array.of(0x00);
const NODE: Bytes = Uint8Array.of(0x01);

/** An inclusion proof and what it is about (RFC 9162 §2.1.3). */
export interface Inclusion {
  /** The leaf's data, as it was before hashing. */
  readonly leaf: Uint8Array;
  /** Position of the leaf, from 0. */
  readonly index: number;
  /** Leaves in the tree. Whoever verifies takes it from a certified header, never from the proof. */
  readonly size: number;
  /** Siblings from the leaf up to the root. */
  readonly path: readonly Hash[];
  /** What the path must lead to. */
  readonly root: Hash;
}

/** Root of the tree over `leaves` (RFC 9162 §2.1.1, MTH). */
export function merkleRoot(hash: HashFunction, leaves: readonly Uint8Array[]): Hash {
  if (leaves.length === 0) return hash(new Uint8Array(0));
  if (leaves.length === 1) return leafHash(hash, leaves[0] as Uint8Array);
  const split = splitOf(leaves.length);
  return nodeHash(hash, {
    left: merkleRoot(hash, leaves.slice(0, split)),
    right: merkleRoot(hash, leaves.slice(split)),
  });
}

/** Siblings of leaf `index` from the leaf up to the root (RFC 9162 §2.1.3.1, PATH); asserts that it is in the tree. */
export function inclusionPath(
  hash: HashFunction,
  leaves: readonly Uint8Array[],
  index: number,
): readonly Hash[] {
  assert(
    Number.isInteger(index) && index >= 0 && index < leaves.length,
    `no leaf ${index} of ${leaves.length}`,
  );
  if (leaves.length === 1) return [];
  const split = splitOf(leaves.length);
  const left = leaves.slice(0, split);
  const right = leaves.slice(split);
  return index < split
    ? [...inclusionPath(hash, left, index), merkleRoot(hash, right)]
    : [...inclusionPath(hash, right, index - split), merkleRoot(hash, left)];
}

/** Whether the path leads from the leaf to the root (RFC 9162 §2.1.3.2). Takes whatever a stranger sent. */
export function verifyInclusion(hash: HashFunction, { leaf, index, size, path, root }: Inclusion): boolean {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false;
  // "fn" and "sn" of the RFC: the node on the way up, and the last node of its level. No bit operators: those cut
  // a size to 32 bits.
  let node = index;
  let last = size - 1;
  let reached = leafHash(hash, leaf);
  for (const sibling of path) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      reached = nodeHash(hash, { left: sibling, right: reached });
      // The last node of a level without a sibling rises unhashed.
      while (node % 2 === 0 && node !== 0) {
        node /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      reached = nodeHash(hash, { left: reached, right: sibling });
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && equal(reached, root);
}

function leafHash(hash: HashFunction, data: Uint8Array): Hash {
  return hash(concat(LEAF, data));
}

function nodeHash(hash: HashFunction, { left, right }: { left: Hash; right: Hash }): Hash {
  return hash(concat(NODE, left, right));
}

/** The largest power of two below `size`, which is at least 2. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}
