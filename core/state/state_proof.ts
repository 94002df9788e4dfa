/**
 * Multi-proofs of the state: that some keys have these values and others are absent, against one root.
 *
 * A proof lists what a walk from the root meets, left before right, only down to where the sought keys are decided:
 * a subtree in which nothing is sought is its hash; an empty one is null; one with a single leaf is `[key, value]`;
 * an inner node is true, and its two subtrees follow. So for one state and one set of keys there is exactly one proof.
 *
 * Refused: items missing or left over, a hash where keys are sought, a leaf at a place that is not its own, nodes
 * deeper than a key has bits, more items than the keys could need, and whatever does not hash to the root.
 *
 * @module
 */
import { type Hash, ZERO_HASH } from "../brands.ts";
import { type Bytes, compare, equal, toHex } from "../bytes.ts";
import { accept, refuse, unreachable, type Verdict } from "../errors.ts";
import type { HashFunction } from "../hashing.ts";
import { LIMITS } from "../limits.ts";
import { constant, hashShape, list, record, type Shape } from "../shape.ts";
import {
  bitAt,
  innerHash,
  KEY_BITS,
  leafHash,
  splitAtBit,
  type StateLeaf,
  stateLeafShape,
} from "./state_node.ts";

/** One subtree that the walk meets. */
export type StateProofItem =
  | { readonly kind: "hash"; readonly hash: Hash }
  | { readonly kind: "empty" }
  | { readonly kind: "leaf"; readonly leaf: StateLeaf }
  | { readonly kind: "inner" };

/** A proof about a set of keys, which it does not name: whoever verifies knows what it asked. */
export interface StateProof {
  /** Version of the format. */
  readonly version: 1;
  /** What the walk meets, in its order. */
  readonly items: readonly StateProofItem[];
}

const itemShape: Shape<StateProofItem> = {
  encode: (item) => {
    switch (item.kind) {
      case "hash":
        return item.hash;
      case "empty":
        return null;
      case "leaf":
        return stateLeafShape.encode(item.leaf);
      case "inner":
        return true;
      default:
        return unreachable(item);
    }
  },
  decode: (value, path) => {
    if (value === null) return { kind: "empty" };
    if (value === true) return { kind: "inner" };
    if (value instanceof Uint8Array) return { kind: "hash", hash: hashShape.decode(value, path) };
    return { kind: "leaf", leaf: stateLeafShape.decode(value, path) };
  },
};

/** A proof in CBOR: `[1, [item, …]]`, item = hash / null / `[key, value]` / true. */
export const stateProofShape: Shape<StateProof> = record({
  version: constant(1),
  items: list(itemShape, LIMITS.cborItems),
});

/** A key that is looked for. */
export interface Sought {
  /** The key. */
  readonly key: Hash;
}

/** Keys as both sides of a proof walk with them: sorted, each once. */
export function soughtKeys(keys: Iterable<Hash>): readonly Sought[] {
  const sorted = [...keys].sort(compare);
  return sorted.filter((key, i) => i === 0 || !equal(key, sorted[i - 1] as Hash)).map((key) => ({ key }));
}

/**
 * Verifies a proof about exactly `keys`, in any order. Gives each key's value under its hexadecimal digits, null when
 * it is absent; refuses with `proof-format` or `proof-root`.
 */
export function verifyState(
  hash: HashFunction,
  { root, proof, keys }: { root: Hash; proof: StateProof; keys: Iterable<Hash> },
): Verdict<ReadonlyMap<string, Bytes | null>> {
  const sought = soughtKeys(keys);
  const most = itemsAtMost(sought.length);
  if (proof.items.length > most) {
    return refuse("proof-format", `state proof has ${proof.items.length} items, wanted at most ${most}`);
  }
  const walk = new ProofWalk(hash, proof.items);
  const reached = walk.subtree(sought, 0);
  if (typeof reached === "string") {
    return refuse("proof-format", `state proof at item ${walk.next - 1}: ${reached}`);
  }
  if (walk.next !== proof.items.length) {
    return refuse("proof-format", `state proof has ${proof.items.length} items, wanted ${walk.next}`);
  }
  if (!equal(reached, root)) {
    return refuse("proof-root", `state proof leads to ${toHex(reached)}, wanted ${toHex(root)}`);
  }
  return accept(walk.values);
}

/** Each key passes at most 256 inner nodes, each of which brings two subtrees; one item is the root. */
function itemsAtMost(keys: number): number {
  return 1 + 2 * KEY_BITS * keys;
}

/** One pass over untrusted items; `subtree` gives the hash that they make, or what is wrong with them. */
class ProofWalk {
  next = 0;
  readonly values = new Map<string, Bytes | null>();
  readonly #hash: HashFunction;
  readonly #items: readonly StateProofItem[];

  constructor(hash: HashFunction, items: readonly StateProofItem[]) {
    this.#hash = hash;
    this.#items = items;
  }

  subtree(sought: readonly Sought[], depth: number): Hash | string {
    const item = this.#items[this.next++];
    const [first] = sought;
    if (item === undefined) return "items end in the middle of the tree";
    if (first === undefined) return item.kind === "hash" ? item.hash : "no hash where nothing is sought";
    switch (item.kind) {
      case "hash":
        return "a hash where keys are sought";
      case "empty":
        this.#decide(sought);
        return ZERO_HASH;
      case "leaf":
        if (!sharesBits(item.leaf.key, first.key, { count: depth })) return "a leaf at another key's place";
        this.#decide(sought, item.leaf);
        return leafHash(this.#hash, item.leaf);
      case "inner":
        return depth < KEY_BITS ? this.#inner(sought, depth) : "an inner node below the keys' last bit";
      default:
        return unreachable(item);
    }
  }

  #inner(sought: readonly Sought[], depth: number): Hash | string {
    const halves = splitAtBit(sought, depth);
    const left = this.subtree(halves.left, depth + 1);
    if (typeof left === "string") return left;
    const right = this.subtree(halves.right, depth + 1);
    if (typeof right === "string") return right;
    return innerHash(this.#hash, { left, right });
  }

  #decide(sought: readonly Sought[], leaf?: StateLeaf): void {
    for (const { key } of sought) {
      this.values.set(toHex(key), leaf !== undefined && equal(leaf.key, key) ? leaf.value : null);
    }
  }
}

function sharesBits(a: Hash, b: Hash, { count }: { count: number }): boolean {
  for (let depth = 0; depth < count; depth++) {
    if (bitAt(a, depth) !== bitAt(b, depth)) return false;
  }
  return true;
}
