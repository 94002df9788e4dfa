/**
 * Batches keep the order and Deno KV's limits.
 *
 * @module
 */
import assert from "node:assert/strict";
import { openKv } from "../../store/kv.ts";
import { commitBatches, deleteRange, packBatches, packGroups } from "../../store/batches.ts";
import { type Mutation, ROW_BYTES, setRow } from "../../store/rows.ts";
import { hash } from "./fixture.ts";

function rows(
  count: number,
  bytes: number,
  key: (i: number) => Mutation["key"] = (i) => ["row", i],
): Mutation[] {
  return Array.from({ length: count }, (_, i) => setRow(hash, key(i), new Uint8Array(bytes)));
}

Deno.test("packBatches() keeps every mutation and their order", () => {
  for (const mutations of [rows(2_500, 10), rows(40, ROW_BYTES), rows(1, 0), []]) {
    assert.deepEqual(packBatches(mutations).flat(), mutations);
  }
});

Deno.test("packBatches() makes one batch of a small block", () => {
  assert.equal(packBatches(rows(6, 8_000)).length, 1);
});

Deno.test("packBatches() fills batches that Deno KV takes: by count, by bytes, by bytes of keys", async () => {
  using kv = await openKv(":memory:");
  const zeros = new Uint8Array(64);
  for (
    const mutations of [
      rows(2_000, 10),
      rows(30, ROW_BYTES),
      rows(1_000, 10, (i) => ["row", zeros, i]),
      rows(1_000, 10, (i) => ["\u0000".repeat(50), i]),
    ]
  ) {
    const batches = packBatches(mutations);
    await commitBatches(kv, batches);
    assert.ok(batches.length <= 4, `${batches.length} batches`);
  }
});

Deno.test("packGroups() splits no group that fits one commit", () => {
  const groups = Array.from({ length: 20 }, () => rows(5, ROW_BYTES));
  const batches = packGroups(groups);
  assert.deepEqual(batches.map(({ length }) => length), Array(10).fill(10));
  assert.deepEqual(batches.flat(), groups.flat());
});

Deno.test("packGroups() splits a group that fits no commit", () => {
  const groups = [rows(1, 10), rows(30, ROW_BYTES), rows(1, 10)];
  const batches = packGroups(groups);
  assert.deepEqual(batches.flat(), groups.flat());
  assert.ok(batches.length > 2);
});

Deno.test("commitBatches() refuses when the guarded row was written by somebody else", async () => {
  using kv = await openKv(":memory:");
  const batches = packBatches([setRow(hash, ["tip"], new Uint8Array(1))]);
  const guard = { key: ["tip"], versionstamp: null };
  const versionstamp = await commitBatches(kv, batches, { guard });
  await commitBatches(kv, batches, { guard: { ...guard, versionstamp } });
  await assert.rejects(commitBatches(kv, batches, { guard }), { code: "store-shared" });
});

Deno.test("deleteRange() deletes from the first key up to the second", async () => {
  using kv = await openKv(":memory:");
  await commitBatches(kv, packBatches(rows(2_100, 1)));
  await deleteRange({ kv, hash }, { start: ["row", 3], end: ["row", 2_098] });
  const left = await Array.fromAsync(kv.list({ prefix: ["row"] }), ({ key }) => key[1]);
  assert.deepEqual(left, [0, 1, 2, 2_098, 2_099]);
});
