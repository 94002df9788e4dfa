import assert from "node:assert/strict";
import fc from "fast-check";
import { asHash, type Hash, ZERO_HASH } from "../../../core/brands.ts";
import { toHex } from "../../../core/bytes.ts";
import type { StateLeaf, StateNode } from "../../../core/state/state_node.ts";
import { groupByPage, pageOf, pageSummary, withChanges } from "../../../core/state/state_page.ts";
import {
  applyNodes,
  emptyUpperTree,
  nodeAt,
  pagesToProve,
  rootWith,
  setPages,
  stateRoot,
} from "../../../core/state/state_upper.ts";
import { sha256 } from "../../support/sha256.ts";
import { commit, emptyState, stateOf, type TestState } from "../../support/test_state.ts";
import { leavesAndOthers, naiveRoot, twin } from "./reference.ts";
import { TREE_CASES } from "./vectors.ts";

const KEY = sha256(Uint8Array.of(7));
const leaf = (key: Hash, value = "v"): StateLeaf => ({ key, value: new TextEncoder().encode(value) });

/** Subtrees of the pages that `changes` touch, as a proposal would make them. */
function summariesWith(state: TestState, changes: readonly StateLeaf[]): Map<number, StateNode> {
  return new Map(
    [...groupByPage(changes)].map((
      [index, group],
    ) => [index, pageSummary(sha256, withChanges(state.pages(index), group))]),
  );
}

Deno.test("stateRoot() gives the roots of the golden vectors", () => {
  for (const { name, leaves, root } of TREE_CASES) {
    assert.equal(toHex(stateRoot(stateOf(leaves).upper)), toHex(root), name);
  }
});

Deno.test("stateRoot() of the empty tree is 32 zero bytes", () => {
  assert.deepEqual(stateRoot(emptyUpperTree()), ZERO_HASH);
});

Deno.test("stateRoot() agrees with the naive tree over crowded keys, committed in two steps", () => {
  fc.assert(fc.property(leavesAndOthers, fc.nat(40), ({ leaves }, first) => {
    const state = emptyState();
    commit(state, leaves.slice(first));
    commit(state, leaves.slice(0, first));
    assert.deepEqual(stateRoot(state.upper), naiveRoot(leaves));
  }));
});

Deno.test("stateRoot() agrees with the naive tree after values changed", () => {
  fc.assert(fc.property(leavesAndOthers, ({ leaves }) => {
    const state = stateOf(leaves);
    const changed = leaves.map(({ key }, i) => leaf(key, `new ${i}`)).slice(0, 5);
    commit(state, changed);
    assert.deepEqual(stateRoot(state.upper), naiveRoot([...changed, ...leaves.slice(5)]));
  }));
});

Deno.test("rootWith() gives the root that committing gives, and changes nothing", () => {
  fc.assert(
    fc.property(leavesAndOthers, fc.nat(40), ({ leaves }, first) => {
      const state = stateOf(leaves.slice(0, first));
      const before = { hashes: state.upper.hashes.slice(), kinds: state.upper.kinds.slice() };
      const change = rootWith(sha256, state.upper, summariesWith(state, leaves.slice(first)));
      assert(Buffer.from(before.hashes).equals(state.upper.hashes), "hashes changed");
      assert(Buffer.from(before.kinds).equals(state.upper.kinds), "kinds changed");
      assert.deepEqual(change.root, naiveRoot(leaves));
      applyNodes(state.upper, change);
      assert.deepEqual(stateRoot(state.upper), change.root);
      assert(
        Buffer.from(stateOf(leaves).upper.hashes).equals(state.upper.hashes),
        "another tree than built at once",
      );
      assert(
        Buffer.from(stateOf(leaves).upper.kinds).equals(state.upper.kinds),
        "other kinds than built at once",
      );
    }),
    { numRuns: 50 },
  );
});

Deno.test("rootWith() of no pages is the root", () => {
  const { upper } = stateOf([leaf(KEY)]);
  const change = rootWith(sha256, upper, new Map());
  assert.deepEqual(change.root, stateRoot(upper));
  assert.equal(change.nodes.size, 0);
});

Deno.test("rootWith() touches at most 17 nodes a page", () => {
  const state = stateOf([leaf(twin(KEY, 3)), leaf(twin(KEY, 14))]);
  const change = rootWith(sha256, state.upper, summariesWith(state, [leaf(KEY)]));
  assert.equal(change.nodes.size, 17);
});

Deno.test("rootWith() asserts that the pages exist", () => {
  for (const page of [-1, 65_536, 0.5]) {
    const pages = new Map([[page, { kind: "leaf", root: KEY } as const]]);
    assert.throws(() => rootWith(sha256, emptyUpperTree(), pages), /no state page/);
  }
});

Deno.test("applyNodes() asserts that nothing was committed since", () => {
  const state = stateOf([leaf(KEY)]);
  const stale = rootWith(sha256, state.upper, summariesWith(state, [leaf(twin(KEY, 0))]));
  commit(state, [leaf(twin(KEY, 5))]);
  assert.throws(() => applyNodes(state.upper, stale), /another state/);
});

Deno.test("setPages() with all pages at once builds the tree that commits built", () => {
  const state = emptyState();
  const leaves = Array.from({ length: 300 }, (_, i) => leaf(sha256(Uint8Array.of(i, i >> 8))));
  for (let at = 0; at < leaves.length; at += 50) commit(state, leaves.slice(at, at + 50));
  const rebuilt = emptyUpperTree();
  const summaries = Array.from(
    { length: 65_536 },
    (_, i) => [i, pageSummary(sha256, state.pages(i))] as const,
  );
  assert.deepEqual(setPages(sha256, rebuilt, new Map(summaries)), stateRoot(state.upper));
  assert(Buffer.from(rebuilt.hashes).equals(state.upper.hashes));
  assert(Buffer.from(rebuilt.kinds).equals(state.upper.kinds));
});

Deno.test("setPages() of the same pages twice changes nothing", () => {
  const state = stateOf([leaf(KEY), leaf(twin(KEY, 20))]);
  const root = stateRoot(state.upper);
  commit(state, [leaf(KEY)]);
  assert.deepEqual(stateRoot(state.upper), root);
});

Deno.test("nodeAt() hands out a copy", () => {
  const { upper } = stateOf([leaf(KEY)]);
  nodeAt(upper, 1).root.fill(0);
  assert.notDeepEqual(stateRoot(upper), ZERO_HASH);
});

Deno.test("pagesToProve() names the page of a lone leaf for keys of other pages", () => {
  const { upper } = stateOf([leaf(KEY)]);
  assert.deepEqual([...pagesToProve(upper, [twin(KEY, 0), twin(KEY, 9)])], [pageOf(KEY)]);
});

Deno.test("pagesToProve() names no page where the tree is empty", () => {
  const first = asHash(new Uint8Array(32));
  const { upper } = stateOf([leaf(first), leaf(twin(first, 8))]);
  assert.deepEqual([...pagesToProve(upper, [twin(first, 0)])], []);
});
