import { deepEqual, equal } from "node:assert/strict";
import { asHash, asHeight } from "../../core/brands.ts";
import { openPastBlocks } from "../../core/past_blocks.ts";

const hash = asHash(new Uint8Array(32).fill(7));

/** Blocks 1 to n, of the times 10, 20, …; each forgets what is older than 30. */
function blocksTo(n: number) {
  const past = openPastBlocks();
  for (let height = 1; height <= n; height++) {
    past.add({ height: asHeight(height), hash, time: 10 * height }, 10 * height - 30);
  }
  return past;
}

Deno.test("openPastBlocks() starts with none", () => {
  equal(openPastBlocks().at(asHeight(1)), undefined);
});

Deno.test("at() gives hash and time of a recent block, and nothing above the last", () => {
  const past = blocksTo(3);
  deepEqual(past.at(asHeight(2)), { hash, time: 20 });
  equal(past.at(asHeight(4)), undefined);
  equal(past.at(asHeight(0)), undefined);
});

Deno.test("add() forgets the blocks before the time given, and keeps the one of that time", () => {
  const past = blocksTo(50);
  const known = Array.from({ length: 50 }, (_, i) => i + 1).filter((height) => past.at(asHeight(height)));
  deepEqual(known, [47, 48, 49, 50]);
});
