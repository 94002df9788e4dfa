/**
 * Pages: how the leaves of the state tree are stored. A page holds all leaves whose keys share their first 16 bits,
 * sorted by key; the tree below depth 16 is computed from it when needed and stored nowhere.
 *
 * Refused when decoding: leaves out of order, repeated, or of another page, and values above
 * {@link LIMITS.stateValueBytes}.
 *
 * @module
 */
import type { Hash } from "../brands.ts";
import { type Bytes, compare } from "../bytes.ts";
import { accept, assert, refuse, type Verdict } from "../errors.ts";
import type { HashFunction } from "../hashing.ts";
import { LIMITS } from "../limits.ts";
import { constant, decodeShape, encodeShape, list, record, type Shape } from "../shape.ts";
import { type StateLeaf, stateLeafShape, type StateNode, subtreeOf } from "./state_node.ts";

/** Depth of the pages' subtrees: a page is named by this many bits. */
export const PAGE_DEPTH = 16;
/** Number of pages. */
export const PAGE_COUNT: number = 2 ** PAGE_DEPTH;

/** Leaves sorted by key, all of one page. */
export type StatePage = readonly StateLeaf[];

const pageShape = record({
  version: constant(1),
  // Without a limit of its own: the bytes bound it, and a page that can be written must be one that can be read.
  leaves: list(stateLeafShape, Number.MAX_SAFE_INTEGER),
});

/** The page that a key belongs to, 0 to 65,535. */
export function pageOf(key: Hash): number {
  return (key[0] as number) << 8 | (key[1] as number);
}

/** The value under a key; null when it is not there. Refuses with `state-format` what is not of this shape. */
export function valueIn<T>(
  page: StatePage,
  { key, shape }: { key: Hash; shape: Shape<T> },
): Verdict<T | null> {
  const value = leafValue(page, key);
  return value === null
    ? accept(null)
    : decodeShape(shape, value, { what: "state value", code: "state-format" });
}

/** By binary search. */
function leafValue(page: StatePage, key: Hash): Bytes | null {
  let low = 0;
  let high = page.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const leaf = page[middle] as StateLeaf;
    const order = compare(leaf.key, key);
    if (order === 0) return leaf.value;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return null;
}

/** Groups leaves by their page, each group in the order given. */
export function groupByPage(leaves: Iterable<StateLeaf>): ReadonlyMap<number, readonly StateLeaf[]> {
  return Map.groupBy(leaves, ({ key }) => pageOf(key));
}

/** The page with `changes` set; asserts that their keys are distinct and belong to this page. */
export function withChanges(page: StatePage, changes: readonly StateLeaf[]): StatePage {
  const sorted = changes.toSorted(byKey);
  const merged: StateLeaf[] = [];
  let next = 0;
  for (const change of sorted) {
    assert(change.value.length <= LIMITS.stateValueBytes, `state value has ${change.value.length} bytes`);
    for (; next < page.length; next++) {
      const order = byKey(page[next] as StateLeaf, change);
      if (order > 0) break;
      if (order < 0) merged.push(page[next] as StateLeaf);
    }
    merged.push(change);
  }
  for (; next < page.length; next++) merged.push(page[next] as StateLeaf);
  assert(problemOf(merged) === undefined, `changes of a state page: ${problemOf(merged)}`);
  return merged;
}

/** The page's subtree, at depth 16. */
export function pageSummary(hash: HashFunction, page: StatePage): StateNode {
  return subtreeOf(hash, page, { depth: PAGE_DEPTH });
}

/** A page in CBOR: `[1, [[key, value], …]]`. */
export function encodePage(page: StatePage): Bytes {
  return encodeShape(pageShape, { version: 1, leaves: page });
}

/** Reads page `index`; refuses with `cbor` or `state-format`. */
export function decodePage(bytes: Uint8Array, index: number): Verdict<StatePage> {
  const decoded = decodeShape(pageShape, bytes, { what: "state page", code: "state-format" });
  if (!decoded.ok) return decoded;
  const { leaves } = decoded.value;
  const [first] = leaves;
  if (first !== undefined && pageOf(first.key) !== index) {
    return refuse("state-format", `state page ${index} holds a key of page ${pageOf(first.key)}`);
  }
  const problem = problemOf(leaves);
  return problem === undefined ? accept(leaves) : refuse("state-format", `state page ${index}: ${problem}`);
}

function byKey(a: StateLeaf, b: StateLeaf): number {
  return compare(a.key, b.key);
}

/** What keeps leaves from being one page; nothing when they are. */
function problemOf(leaves: readonly StateLeaf[]): string | undefined {
  for (let i = 1; i < leaves.length; i++) {
    if (byKey(leaves[i - 1] as StateLeaf, leaves[i] as StateLeaf) >= 0) {
      return "keys repeated or not in order";
    }
  }
  const first = leaves[0];
  const last = leaves.at(-1);
  if (first === undefined || last === undefined || pageOf(first.key) === pageOf(last.key)) return undefined;
  return `keys of pages ${pageOf(first.key)} and ${pageOf(last.key)}`;
}
