/**
 * Reads tests/vectors/state_tree.json and state_values.json, which make_state_tree.py writes.
 *
 * @module
 */
import assert from "node:assert/strict";
import { asHash, type Hash } from "../../../core/brands.ts";
import { type Bytes, fromHex } from "../../../core/bytes.ts";
import type { StateLeaf } from "../../../core/state/state_node.ts";
import tree from "../../vectors/state_tree.json" with { type: "json" };

/** Bytes of a vector's hexadecimal digits. */
export function bytes(hex: string): Bytes {
  const read = fromHex(hex);
  assert(read !== undefined, `no hexadecimal digits: ${hex}`);
  return read;
}

/** A state, its root, and proofs. */
export interface TreeCase {
  readonly name: string;
  readonly leaves: readonly StateLeaf[];
  readonly root: Hash;
  readonly proofs: readonly { readonly keys: readonly Hash[]; readonly encoded: Bytes }[];
}

/** The cases of state_tree.json. */
export const TREE_CASES: readonly TreeCase[] = tree.cases.map((one) => ({
  name: one.name,
  leaves: one.leaves.map(([key, value]) => ({
    key: asHash(bytes(key as string)),
    value: bytes(value as string),
  })),
  root: asHash(bytes(one.root)),
  proofs: one.proofs.map(({ keys, encoded }) => ({
    keys: keys.map((key) => asHash(bytes(key))),
    encoded: bytes(encoded),
  })),
}));
