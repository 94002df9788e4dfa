/**
 * Values of any length come back, and damage is found.
 *
 * @module
 */
import assert from "node:assert/strict";
import { equal } from "../../core/bytes.ts";
import { commitBatches, packBatches } from "../../store/batches.ts";
import {
  CHUNK_BYTES,
  chunkCount,
  deleteChunks,
  readChunks,
  readSlice,
  scanChunked,
  setChunks,
} from "../../store/chunks.ts";
import { openKv } from "../../store/kv.ts";
import type { Rows } from "../../store/rows.ts";
import { hash, patterned } from "./fixture.ts";

const KEY = ["body", 7];
const KIB_64 = 65_536;
const SIZES = [
  0,
  1,
  CHUNK_BYTES - 1,
  CHUNK_BYTES,
  CHUNK_BYTES + 1,
  KIB_64 - 1,
  KIB_64,
  KIB_64 + 1,
  2 * CHUNK_BYTES,
  2 * 1024 * 1024,
];
const DAMAGED = { name: "VnfchainError", code: "store-damaged" };

async function withValue(length: number, body: (rows: Rows) => Promise<void>): Promise<void> {
  using kv = await openKv(":memory:");
  const mutations = setChunks(hash, KEY, patterned(length));
  assert.equal(mutations.length, chunkCount(length));
  await commitBatches(kv, packBatches(mutations));
  await body({ kv, hash });
}

for (const size of SIZES) {
  Deno.test(`readChunks() gives back ${size} bytes`, async () => {
    await withValue(size, async (rows) => {
      assert.ok(equal(await readChunks(rows, KEY) ?? new Uint8Array([1]), patterned(size)));
    });
  });
}

Deno.test("readChunks() gives null where nothing is", async () => {
  await withValue(10, async (rows) => assert.equal(await readChunks(rows, ["body", 8]), null));
});

Deno.test("readSlice() gives any part of a value", async () => {
  const size = 3 * CHUNK_BYTES + 5;
  await withValue(size, async (rows) => {
    const value = patterned(size);
    const borders = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, size - 1, size];
    for (const start of borders) {
      for (const end of borders.filter((one) => one >= start)) {
        assert.deepEqual(
          await readSlice(rows, KEY, { start, end }),
          value.slice(start, end),
          `${start} to ${end}`,
        );
      }
    }
    await assert.rejects(readSlice(rows, KEY, { start: 0, end: size + 1 }), DAMAGED);
  });
});

Deno.test("readChunks() finds a flipped bit anywhere in a row", async () => {
  await withValue(40, async (rows) => {
    const value = (await rows.kv.get<Uint8Array>([...KEY, 0])).value as Uint8Array;
    for (let bit = 0; bit < value.length * 8; bit++) {
      const flipped = value.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      await rows.kv.set([...KEY, 0], flipped);
      await assert.rejects(readChunks(rows, KEY), DAMAGED);
    }
  });
});

Deno.test("readChunks() finds rows that were swapped, between chunks and between values", async () => {
  await withValue(2 * CHUNK_BYTES, async (rows) => {
    await commitBatches(rows.kv, packBatches(setChunks(hash, ["body", 8], patterned(2 * CHUNK_BYTES))));
    const first = (await rows.kv.get([...KEY, 0])).value;
    const second = (await rows.kv.get([...KEY, 1])).value;
    await rows.kv.set([...KEY, 0], second);
    await rows.kv.set([...KEY, 1], first);
    await assert.rejects(readChunks(rows, KEY), DAMAGED);
    await rows.kv.set(["body", 8, 1], second);
    await assert.rejects(readChunks(rows, ["body", 8]), DAMAGED);
  });
});

Deno.test("readChunks() finds a row that was cut, emptied or replaced by another type", async () => {
  await withValue(40, async (rows) => {
    const { value } = await rows.kv.get<Uint8Array>([...KEY, 0]);
    for (const wrong of [(value as Uint8Array).slice(0, -1), new Uint8Array(), "text", 7]) {
      await rows.kv.set([...KEY, 0], wrong);
      await assert.rejects(readChunks(rows, KEY), DAMAGED);
    }
  });
});

Deno.test("readChunks() finds a missing chunk at the start, in the middle, at the end", async () => {
  for (const missing of [0, 1, 2]) {
    await withValue(3 * CHUNK_BYTES, async (rows) => {
      await rows.kv.delete([...KEY, missing]);
      await assert.rejects(readChunks(rows, KEY), DAMAGED);
    });
  }
});

Deno.test("scanChunked() gives whole values in order and names one that was cut", async () => {
  using kv = await openKv(":memory:");
  const rows = { kv, hash };
  const sizes = [10, 2 * CHUNK_BYTES, 0, 70_000];
  for (const [i, size] of sizes.entries()) {
    await commitBatches(kv, packBatches(setChunks(hash, ["body", i], patterned(size))));
  }
  await kv.delete(["body", 1, 1]);
  const found = await Array.fromAsync(scanChunked(rows, { prefix: ["body"] }));
  assert.deepEqual(found, [
    { key: ["body", 0], value: patterned(10), chunks: 1 },
    { key: ["body", 1], value: null, chunks: 1 },
    { key: ["body", 2], value: patterned(0), chunks: 1 },
    { key: ["body", 3], value: patterned(70_000), chunks: 2 },
  ]);
});

Deno.test("deleteChunks() leaves nothing", async () => {
  await withValue(200_000, async (rows) => {
    await commitBatches(rows.kv, packBatches(deleteChunks(KEY, chunkCount(200_000))));
    assert.deepEqual(await Array.fromAsync(rows.kv.list({ prefix: [] })), []);
  });
});
