import assert from "node:assert/strict";
import { openBodies } from "../../../consensus/driver/bodies.ts";
import { toHex } from "../../../core/bytes.ts";
import type { Transaction } from "../../../core/transaction.ts";
import { testFederation } from "../../support/federation.ts";
import { transactions } from "./transactions.ts";

const [first, second] = await transactions({ federation: testFederation(4), nowMs: Date.now }, 2) as [
  Transaction,
  Transaction,
];
const ids = [first.id, second.id];

function collecting(
  { known = [], maxBytes = 1e6 }: { known?: readonly Transaction[]; maxBytes?: number } = {},
) {
  const asked: [number, readonly string[]][] = [];
  const stop = new AbortController();
  let isWanted = true;
  const bodies = openBodies({
    lookUp: (id) => known.find((each) => toHex(each.id) === toHex(id)),
    want: (member, wanted) => void asked.push([member, wanted.map(toHex)]),
  });
  const collected = bodies.collect(ids, {
    from: [2, 3],
    maxBytes,
    isWanted: () => isWanted,
    signal: stop.signal,
  });
  return { asked, bodies, collected, stop, lose: () => isWanted = false };
}

Deno.test("collect() asks for what is not at hand, and gives all in order", async () => {
  const { asked, bodies, collected } = collecting({ known: [first] });
  assert.deepEqual(asked, [[2, [toHex(second.id)]]]);
  bodies.arrived([second]);
  assert.deepEqual(await collected, [first, second]);
});

Deno.test("collect() asks the next member when the first does not answer", async () => {
  const { asked, bodies, collected } = collecting();
  while (asked.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(asked.map(([member]) => member), [2, 3]);
  bodies.arrived([second, first]);
  assert.deepEqual(await collected, [first, second]);
});

Deno.test("collect() ends when the proposal is of no interest any more", async () => {
  const { asked, collected, lose } = collecting();
  lose();
  assert.equal(await collected, null);
  assert.equal(asked.length, 1);
});

Deno.test("collect() ends when it is stopped", async () => {
  const { collected, stop } = collecting();
  stop.abort();
  assert.equal(await collected, null);
});

Deno.test("collect() keeps no more bodies than a block may have", async () => {
  const { bodies, collected } = collecting({ maxBytes: first.bytes.length + second.bytes.length - 1 });
  bodies.arrived([first, second]);
  assert.equal(await collected, "too-large");
});

Deno.test("collect() finds bodies at hand too large as well", async () => {
  const { asked, collected } = collecting({ known: [first, second], maxBytes: 10 });
  assert.equal(await collected, "too-large");
  assert.deepEqual(asked, []);
});
