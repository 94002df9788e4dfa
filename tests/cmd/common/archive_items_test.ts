import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { readFrom, readItems } from "../../../cmd/common/archive_items.ts";
import { archiveItem } from "../../../core/archive.ts";
import { type Bytes, concat, equal as bytesEqual, fromHex } from "../../../core/bytes.ts";
import type { Verdict } from "../../../core/errors.ts";
import { LIMITS } from "../../../core/limits.ts";

async function all(bytes: Uint8Array): Promise<readonly Verdict<Bytes>[]> {
  return await Array.fromAsync(readItems(readFrom(bytes)));
}

Deno.test("readItems() gives items of any length, however the bytes come in portions", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.nat(200_000).map((n) => new Uint8Array(n).fill(n))),
      ),
      fc.infiniteStream(fc.integer({ min: 1, max: 70_000 })),
      async (items, portions) => {
        const read = readFrom(concat(...items.map((item) => archiveItem(item as Bytes))));
        const inPortions = (buffer: Uint8Array) => read(buffer.subarray(0, portions.next().value as number));
        const found = await Array.fromAsync(readItems(inPortions));
        equal(found.length, items.length);
        for (const [i, item] of found.entries()) {
          ok(item.ok);
          equal(bytesEqual(item.value, items[i] as Uint8Array), true);
        }
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("readItems() refuses an end in the middle of an item at every byte", async () => {
  const bytes = archiveItem(new Uint8Array(300) as Bytes);
  for (let length = 1; length < bytes.length; length++) {
    const [item, ...others] = await all(bytes.subarray(0, length));
    ok(item !== undefined && !item.ok);
    equal(item.code, "block-format");
    deepEqual(others, []);
  }
});

Deno.test("readItems() refuses a length above the limit without reading on", async () => {
  ok(LIMITS.frameBytes < 0x02800001);
  for (const head of ["5b0000001000000000", "5bffffffffffffffff", "5a0280000100000000"]) {
    const read = readFrom(concat(fromHex(head) as Bytes, new Uint8Array(1 << 20)));
    let readBytes = 0;
    const counted = async (buffer: Uint8Array) => {
      const count = await read(buffer);
      readBytes += count ?? 0;
      return count;
    };
    const found = await Array.fromAsync(readItems(counted));
    deepEqual(found.map((item) => item.ok ? "" : item.code), ["too-large"], head);
    ok(readBytes <= 1 << 16);
  }
});

Deno.test("readItems() refuses what is no byte string", async () => {
  for (const first of ["00", "80", "60", "a0", "5f", "f6", "ff", "5c"]) {
    const [item] = await all(concat(fromHex(first) as Bytes, new Uint8Array(16)));
    ok(item !== undefined && !item.ok);
    equal(item.code, "block-format");
  }
});
