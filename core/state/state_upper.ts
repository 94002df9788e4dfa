/**
 * The upper part of the state tree, depth 0 to 16, held in memory (about 4 MB): the one thing here that changes in
 * place, and only when a block is committed. A proposal is judged against it through {@link rootWith}, which changes
 * nothing. It is never stored: at a start it is computed anew from the pages.
 *
 * @module
 */
import { asHash, type Hash } from "../brands.ts";
import { equal } from "../bytes.ts";
import { assert } from "../errors.ts";
import type { HashFunction } from "../hashing.ts";
import { bitAt, joinNodes, type StateNode } from "./state_node.ts";
import { PAGE_COUNT, PAGE_DEPTH } from "./state_page.ts";

const HASH_BYTES = 32;
const KINDS = ["empty", "leaf", "inner"] as const;

/** Nodes in heap order: the root is 1, the children of i are 2i and 2i + 1, the page p is 65,536 + p. */
export interface UpperTree {
  /** 32 bytes a node. */
  readonly hashes: Uint8Array;
  /** One byte a node: its kind's place in empty, leaf, inner. */
  readonly kinds: Uint8Array;
}

/** What committing some pages would change; made by {@link rootWith}. */
export interface UpperChange {
  /** Root of the tree that the change was computed on. */
  readonly base: Hash;
  /** Root of the tree with the change. */
  readonly root: Hash;
  /** Changed nodes by heap index. */
  readonly nodes: ReadonlyMap<number, StateNode>;
}

/** The upper tree of a state without leaves. */
export function emptyUpperTree(): UpperTree {
  return { hashes: new Uint8Array(2 * PAGE_COUNT * HASH_BYTES), kinds: new Uint8Array(2 * PAGE_COUNT) };
}

/** Root of the whole state. */
export function stateRoot(upper: UpperTree): Hash {
  return nodeAt(upper, 1).root;
}

/** The node with this heap index; its hash is a copy. */
export function nodeAt(upper: UpperTree, index: number): StateNode {
  const kind = kindAt(upper, index);
  return { kind, root: asHash(hashAt(upper, index).slice()) };
}

/** The hash of the node with this heap index, where it stands: it changes with the next block. */
export function hashAt({ hashes }: UpperTree, index: number): Uint8Array {
  return hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
}

/** The kind of the node with this heap index. */
export function kindAt({ kinds }: UpperTree, index: number): StateNode["kind"] {
  const kind = KINDS[kinds[index] as number];
  if (kind === undefined) assert(false, `upper tree has no node ${index}`);
  return kind;
}

/** The root that the tree would have with these page subtrees, without changing it. Costs 16 hashes a page at most. */
export function rootWith(
  hash: HashFunction,
  upper: UpperTree,
  pages: ReadonlyMap<number, StateNode>,
): UpperChange {
  const nodes = new Map<number, StateNode>();
  for (const [page, node] of pages) {
    assert(Number.isInteger(page) && page >= 0 && page < PAGE_COUNT, `no state page ${page}`);
    nodes.set(PAGE_COUNT + page, node);
  }
  const current = (index: number) => nodes.get(index) ?? nodeAt(upper, index);
  let level = new Set(nodes.keys());
  for (let depth = PAGE_DEPTH; depth > 0; depth--) {
    level = new Set([...level].map((index) => index >> 1));
    for (const index of level) {
      nodes.set(index, joinNodes(hash, { left: current(2 * index), right: current(2 * index + 1) }));
    }
  }
  return { base: stateRoot(upper), root: current(1).root, nodes };
}

/** Commits a change in place. */
export function applyNodes(upper: UpperTree, change: UpperChange): void {
  // A crash here means that another block was committed since the change was computed: its nodes would be mixed.
  assert(equal(stateRoot(upper), change.base), "state change belongs to another state");
  for (const [index, { kind, root }] of change.nodes) {
    upper.hashes.set(root, index * HASH_BYTES);
    upper.kinds[index] = KINDS.indexOf(kind);
  }
}

/** Commits page subtrees in place and returns the new root; with all pages at once it builds the tree at a start. */
export function setPages(hash: HashFunction, upper: UpperTree, pages: ReadonlyMap<number, StateNode>): Hash {
  const change = rootWith(hash, upper, pages);
  applyNodes(upper, change);
  return change.root;
}

/**
 * The pages that {@link proveState} will ask for, to be loaded before. Not only the keys' own: where a subtree is a
 * single leaf, that leaf proves other keys absent, and it may lie in another page than they would.
 */
export function pagesToProve(upper: UpperTree, keys: Iterable<Hash>): ReadonlySet<number> {
  const pages = new Set<number>();
  for (const key of keys) {
    let index = 1;
    for (let depth = 0; depth < PAGE_DEPTH && kindAt(upper, index) === "inner"; depth++) {
      index = 2 * index + bitAt(key, depth);
    }
    if (kindAt(upper, index) !== "empty") pages.add(firstPageUnder(upper, index));
  }
  return pages;
}

/** The first page with leaves below a node that is not empty; the only one when the node is a leaf. */
export function firstPageUnder(upper: UpperTree, index: number): number {
  let node = index;
  while (node < PAGE_COUNT) node = kindAt(upper, 2 * node) === "empty" ? 2 * node + 1 : 2 * node;
  return node - PAGE_COUNT;
}
