/**
 * Makes the proofs that {@link verifyState} checks, from the upper tree and the pages that it names.
 *
 * @module
 */
import type { Hash } from "../brands.ts";
import { assert } from "../errors.ts";
import type { HashFunction } from "../hashing.ts";
import { splitAtBit, type StateLeaf, subtreeOf } from "./state_node.ts";
import { PAGE_COUNT, PAGE_DEPTH, type StatePage } from "./state_page.ts";
import { type Sought, soughtKeys, type StateProof, type StateProofItem } from "./state_proof.ts";
import { firstPageUnder, nodeAt, type UpperTree } from "./state_upper.ts";

/** Where proofs are taken from: both of one and the same state. */
export interface StateSource {
  /** Depth 0 to 16. */
  readonly upper: UpperTree;
  /** Asked only for the pages that {@link pagesToProve} names. */
  readonly pages: (index: number) => StatePage;
}

/** Proves for each key, in any order, its value or its absence, against the source's root. */
export function proveState(
  hash: HashFunction,
  { keys, ...source }: StateSource & { readonly keys: Iterable<Hash> },
): StateProof {
  return {
    version: 1,
    items: [...upperItems({ hash, ...source }, soughtKeys(keys), { index: 1, depth: 0 })],
  };
}

interface Context extends StateSource {
  readonly hash: HashFunction;
}

/** Items of the subtree at a node of the upper tree. */
function* upperItems(
  context: Context,
  sought: readonly Sought[],
  { index, depth }: { index: number; depth: number },
): Generator<StateProofItem> {
  const { kind, root } = nodeAt(context.upper, index);
  if (sought.length === 0) {
    yield { kind: "hash", hash: root };
  } else if (kind === "empty") {
    yield { kind };
  } else if (kind === "leaf") {
    yield { kind, leaf: onlyLeaf(context.pages(firstPageUnder(context.upper, index))) };
  } else if (depth === PAGE_DEPTH) {
    yield* pageItems(context, sought, { leaves: context.pages(index - PAGE_COUNT), depth });
  } else {
    yield { kind };
    const { left, right } = splitAtBit(sought, depth);
    yield* upperItems(context, left, { index: 2 * index, depth: depth + 1 });
    yield* upperItems(context, right, { index: 2 * index + 1, depth: depth + 1 });
  }
}

/** Items of a subtree within a page. */
function* pageItems(
  context: Context,
  sought: readonly Sought[],
  { leaves, depth }: { leaves: readonly StateLeaf[]; depth: number },
): Generator<StateProofItem> {
  if (sought.length === 0) {
    yield { kind: "hash", hash: subtreeOf(context.hash, leaves, { depth }).root };
  } else if (leaves.length === 0) {
    yield { kind: "empty" };
  } else if (leaves.length === 1) {
    yield { kind: "leaf", leaf: onlyLeaf(leaves) };
  } else {
    yield { kind: "inner" };
    const keys = splitAtBit(sought, depth);
    const halves = splitAtBit(leaves, depth);
    yield* pageItems(context, keys.left, { leaves: halves.left, depth: depth + 1 });
    yield* pageItems(context, keys.right, { leaves: halves.right, depth: depth + 1 });
  }
}

function onlyLeaf(leaves: readonly StateLeaf[]): StateLeaf {
  const [leaf] = leaves;
  // A crash here means that the store gave a page of another state than the upper tree's.
  assert(leaf !== undefined && leaves.length === 1, `state page has ${leaves.length} leaves, wanted 1`);
  return leaf;
}
