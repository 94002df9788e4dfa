/**
 * Makes the proofs that {@link verifyState} checks, from the upper tree and the pages that it names. They are written as
 * bytes at once: a node makes one for every poll, and one object for each of its hundreds of items took most of that.
 *
 * @module
 */
import type { Hash } from "../brands.ts";
import { type Bytes, concat, toHex } from "../bytes.ts";
import { encodeCbor } from "../cbor.ts";
import { assert } from "../errors.ts";
import type { HashFunction } from "../hashing.ts";
import { encodeShape } from "../shape.ts";
import { splitAtBit, type StateLeaf, stateLeafShape, subtreeOf } from "./state_node.ts";
import { PAGE_COUNT, PAGE_DEPTH, type StatePage } from "./state_page.ts";
import { type Sought, soughtKeys } from "./state_proof.ts";
import { firstPageUnder, hashAt, kindAt, type UpperTree } from "./state_upper.ts";

/** Where proofs are taken from: both of one and the same state. */
export interface StateSource {
  /** Depth 0 to 16. */
  readonly upper: UpperTree;
  /** Asked only for the pages that {@link pagesToProve} names. */
  readonly pages: (index: number) => StatePage;
}

/** Proves for each key, in any order, its value or its absence, against the source's root; encoded (`stateProofShape`). */
export function proveState(
  hash: HashFunction,
  { keys, ...source }: StateSource & { readonly keys: Iterable<Hash> },
): Bytes {
  const sought = soughtKeys(keys);
  const written: Written = { bytes: new Uint8Array(BYTES_A_KEY * (sought.length + 1)), length: 0, items: 0 };
  addUpper({ hash, written, ...source }, sought, { index: 1, depth: 0 });
  // A list's head is that of a number, of another major type.
  const head = encodeCbor(written.items);
  head[0] = (head[0] as number) | 0x80;
  return concat(Uint8Array.of(0x82, 0x01), head, written.bytes.subarray(0, written.length));
}

/** What a key takes among a million others: about twenty hashes and a leaf. */
const BYTES_A_KEY = 1024;

/** Items written so far. */
interface Written {
  bytes: Bytes;
  length: number;
  items: number;
}

/** A proof being made: items are added in the walk's order. */
interface Proving extends StateSource {
  readonly hash: HashFunction;
  readonly written: Written;
}

const EMPTY = Uint8Array.of(0xf6); // null
const INNER = Uint8Array.of(0xf5); // true
const HASH_HEAD = Uint8Array.of(0x58, 0x20); // a byte string of 32

function add(written: Written, item: Uint8Array): void {
  addBytes(written, item);
  written.items++;
}

function addHash(written: Written, hash: Uint8Array): void {
  addBytes(written, HASH_HEAD);
  add(written, hash);
}

function addBytes(written: Written, bytes: Uint8Array): void {
  const { length } = written;
  if (length + bytes.length > written.bytes.length) {
    const grown = new Uint8Array(2 * written.bytes.length + bytes.length);
    grown.set(written.bytes);
    written.bytes = grown;
  }
  written.bytes.set(bytes, length);
  written.length = length + bytes.length;
}

/** Adds the items of the subtree at a node of the upper tree. */
function addUpper(
  proving: Proving,
  sought: readonly Sought[],
  { index, depth }: { index: number; depth: number },
): void {
  const { upper, written, pages } = proving;
  if (sought.length === 0) {
    addHash(written, hashAt(upper, index));
    return;
  }
  const kind = kindAt(upper, index);
  if (kind === "empty") {
    add(written, EMPTY);
  } else if (kind === "leaf") {
    add(written, encodeShape(stateLeafShape, onlyLeaf(pages(firstPageUnder(upper, index)))));
  } else if (depth === PAGE_DEPTH) {
    addPage(proving, sought, pages(index - PAGE_COUNT));
  } else {
    add(written, INNER);
    const { left, right } = splitAtBit(sought, depth);
    addUpper(proving, left, { index: 2 * index, depth: depth + 1 });
    addUpper(proving, right, { index: 2 * index + 1, depth: depth + 1 });
  }
}

/** What was written of a page about one key; whoever polls asks for the same ones again and again. */
const known = new WeakMap<StatePage, Map<string, Written>>();
/** Keys of one page, so that strangers cannot fill the memory with keys that are not there. */
const KNOWN_MAX = 64;

/** Adds the items of a page's subtree. A key costs a hash for every other leaf of its page, the first time. */
function addPage(proving: Proving, sought: readonly Sought[], page: StatePage): void {
  const { hash, written } = proving;
  const [first, second] = sought;
  if (first === undefined || second !== undefined) {
    addWithin({ hash, written }, sought, { leaves: page, depth: PAGE_DEPTH });
    return;
  }
  const ofPage = known.get(page) ?? new Map<string, Written>();
  const name = toHex(first.key);
  let items = ofPage.get(name);
  if (items === undefined) {
    items = { bytes: new Uint8Array(BYTES_A_KEY), length: 0, items: 0 };
    addWithin({ hash, written: items }, sought, { leaves: page, depth: PAGE_DEPTH });
    items.bytes = items.bytes.slice(0, items.length);
    if (ofPage.size >= KNOWN_MAX) ofPage.clear();
    known.set(page, ofPage.set(name, items));
  }
  addBytes(written, items.bytes);
  written.items += items.items;
}

/** Adds the items of a subtree within a page. */
function addWithin(
  { hash, written }: Pick<Proving, "hash" | "written">,
  sought: readonly Sought[],
  { leaves, depth }: { leaves: readonly StateLeaf[]; depth: number },
): void {
  if (sought.length === 0) {
    addHash(written, subtreeOf(hash, leaves, { depth }).root);
  } else if (leaves.length === 0) {
    add(written, EMPTY);
  } else if (leaves.length === 1) {
    add(written, encodeShape(stateLeafShape, onlyLeaf(leaves)));
  } else {
    add(written, INNER);
    const keys = splitAtBit(sought, depth);
    const halves = splitAtBit(leaves, depth);
    addWithin({ hash, written }, keys.left, { leaves: halves.left, depth: depth + 1 });
    addWithin({ hash, written }, keys.right, { leaves: halves.right, depth: depth + 1 });
  }
}

function onlyLeaf(leaves: readonly StateLeaf[]): StateLeaf {
  const [leaf] = leaves;
  // A crash here means that the store gave a page of another state than the upper tree's.
  assert(leaf !== undefined && leaves.length === 1, `state page has ${leaves.length} leaves, wanted 1`);
  return leaf;
}
