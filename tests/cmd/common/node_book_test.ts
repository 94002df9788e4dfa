/** How nodes that fail and nodes that lie are treated. */
import assert from "node:assert/strict";
import { openNodeBook } from "../../../cmd/common/node_book.ts";
import type { NodeFailure } from "../../../cmd/common/nodes.ts";
import { LIMITS } from "../../../core/limits.ts";

const NODES = ["a", "b", "c"];

function openBook(options: Partial<Parameters<typeof openNodeBook>[1]> = {}) {
  let nowMs = 1_000_000_000_000;
  return { book: openNodeBook(NODES, { nowMs: () => nowMs, ...options }), wait: (ms: number) => nowMs += ms };
}

function failure(node: string, lied = false): NodeFailure {
  return { node, code: lied ? "proof-root" : "unreachable", detail: "", lied };
}

const answer = (node: string, ...failures: NodeFailure[]) =>
  ({ ok: true, value: null, node, failures }) as const;

Deno.test("the node after the last that answered comes first", () => {
  const { book } = openBook({ first: 1 });
  assert.deepEqual(book.order(), ["b", "c", "a"]);
  book.note(answer("b"));
  assert.deepEqual(book.order(), ["c", "a", "b"]);
});

Deno.test("a node that failed comes last the next time, and in its turn after that", () => {
  const { book } = openBook();
  book.note(answer("b", failure("a")));
  assert.deepEqual(book.order(), ["c", "b", "a"]);
  book.note(answer("c"));
  assert.deepEqual(book.order(), ["a", "b", "c"]);
});

Deno.test("a node that lied is left out, and comes back after the pause", () => {
  const { book, wait } = openBook();
  book.note(answer("b", failure("a", true)));
  assert.deepEqual(book.order(), ["c", "b"]);
  book.note(answer("c"));
  wait(LIMITS.liarPauseMs - 1);
  assert.deepEqual(book.order(), ["b", "c"]);
  wait(1);
  assert.deepEqual(book.order().toSorted(), NODES);
});

Deno.test("when all have lied all are asked again", () => {
  const { book } = openBook();
  book.note({ ok: false, failures: NODES.map((node) => failure(node, true)) });
  assert.deepEqual(book.order(), NODES);
});

Deno.test("a clock that was set back does not leave a node out for ever", () => {
  const { book, wait } = openBook();
  book.note(answer("b", failure("a", true)));
  wait(-LIMITS.liarPauseMs);
  assert.ok(book.order().includes("a"));
});

Deno.test("the records count, name the last failure, and are taken up again", () => {
  const { book } = openBook();
  book.note(answer("b", failure("a", true)));
  book.note(answer("b", failure("c")));
  const counts = book.records().map(({ node, answered, failed, lied }) => [node, answered, failed, lied]);
  assert.deepEqual(counts, [["a", 0, 0, 1], ["b", 2, 0, 0], ["c", 0, 1, 0]]);
  assert.equal(book.records()[2]?.last?.code, "unreachable");
  const again = openBook({ records: book.records() });
  assert.deepEqual(again.book.order(), ["b", "c"]);
});
