import assert from "node:assert/strict";
import fc from "fast-check";
import { asHash, type Hash } from "../../../core/brands.ts";
import { type Cbor, encodeCbor } from "../../../core/cbor.ts";
import { EMPTY_NODE, type StateLeaf } from "../../../core/state/state_node.ts";
import {
  decodePage,
  encodePage,
  groupByPage,
  pageOf,
  pageSummary,
  type StatePage,
  withChanges,
} from "../../../core/state/state_page.ts";
import { sha256 } from "../../support/sha256.ts";
import { leavesAndOthers, naiveRoot, twin } from "./reference.ts";

const KEY = asHash(new Uint8Array(32).fill(0x10));
const PAGE = 0x1010;
const leaf = (key: Hash, value = "v"): StateLeaf => ({ key, value: new TextEncoder().encode(value) });
const LOW = leaf(KEY);
const HIGH = leaf(twin(KEY, 100)); // bit 100 of KEY is 0, so the twin is above

Deno.test("pageOf() is the first 16 bits", () => {
  assert.equal(pageOf(KEY), PAGE);
  assert.equal(pageOf(asHash(new Uint8Array(32).fill(0xff))), 65_535);
});

Deno.test("withChanges() keeps the order of keys whatever the order of changes", () => {
  const middle = leaf(twin(KEY, 200));
  assert.deepEqual(withChanges([], [HIGH, middle, LOW]), [LOW, middle, HIGH]);
  assert.deepEqual(withChanges([middle], [HIGH, LOW]), [LOW, middle, HIGH]);
  assert.deepEqual(withChanges([LOW, HIGH], [middle]), [LOW, middle, HIGH]);
});

Deno.test("withChanges() replaces a value and leaves the old page alone", () => {
  const page: StatePage = [LOW, HIGH];
  const changed = leaf(KEY, "new");
  assert.deepEqual(withChanges(page, [changed]), [changed, HIGH]);
  assert.deepEqual(page, [LOW, HIGH]);
});

Deno.test("withChanges() asserts one page, distinct keys and short values", () => {
  assert.throws(() => withChanges([LOW], [leaf(twin(KEY, 15))]), /keys of pages/);
  assert.throws(() => withChanges([], [LOW, leaf(KEY, "again")]), /repeated/);
  assert.throws(() => withChanges([], [{ key: KEY, value: new Uint8Array(1025) }]), /1025 bytes/);
});

Deno.test("pageSummary() tells empty, leaf and inner apart", () => {
  assert.deepEqual(pageSummary(sha256, []), EMPTY_NODE);
  assert.deepEqual(pageSummary(sha256, [LOW]), { kind: "leaf", root: naiveRoot([LOW]) });
  const prefix = "00010000".repeat(2);
  assert.deepEqual(pageSummary(sha256, [LOW, HIGH]), { kind: "inner", root: naiveRoot([LOW, HIGH], prefix) });
});

Deno.test("decodePage() reads what encodePage() wrote", () => {
  assert.deepEqual(decodePage(encodePage([]), PAGE), { ok: true, value: [] });
  fc.assert(fc.property(leavesAndOthers, ({ leaves }) => {
    for (const [index, group] of groupByPage(leaves)) {
      const page = withChanges([], group);
      assert.deepEqual(decodePage(encodePage(page), index), { ok: true, value: page });
    }
  }));
});

const entry = ({ key, value }: StateLeaf): Cbor => [key, value];
const OTHER = entry(leaf(twin(KEY, 15)));
const REFUSED: readonly { what: string; page: Cbor }[] = [
  { what: "leaves out of order", page: [1, [entry(HIGH), entry(LOW)]] },
  { what: "a repeated leaf", page: [1, [entry(LOW), entry(LOW)]] },
  { what: "another page", page: [1, [OTHER]] },
  { what: "leaves of two pages", page: [1, [entry(LOW), OTHER]] },
  { what: "a value above the limit", page: [1, [[KEY, new Uint8Array(1025)]]] },
  { what: "a short key", page: [1, [[KEY.slice(1), LOW.value]]] },
  { what: "a leaf of three", page: [1, [[KEY, LOW.value, null]]] },
  { what: "an unknown version", page: [2, [entry(LOW)]] },
  { what: "a bare list", page: [entry(LOW)] },
];
for (const { what, page } of REFUSED) {
  Deno.test(`decodePage() refuses ${what}`, () => {
    const verdict = decodePage(encodeCbor(page), PAGE);
    assert(!verdict.ok);
    assert.equal(verdict.code, "state-format");
  });
}

Deno.test("decodePage() refuses trailing bytes", () => {
  const verdict = decodePage(Uint8Array.of(...encodePage([LOW]), 0), PAGE);
  assert(!verdict.ok);
  assert.equal(verdict.code, "cbor");
});
