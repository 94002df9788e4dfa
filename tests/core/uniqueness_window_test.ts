/**
 * The uniqueness window against a plain list, and at its borders.
 *
 * @module
 */
import assert from "node:assert/strict";
import { u64be } from "../../core/bytes.ts";
import { LIMITS } from "../../core/limits.ts";
import { randomBytes } from "../../core/platform/crypto.ts";
import { openUniquenessWindow, WINDOW_SALT_BYTES, windowStart } from "../../core/uniqueness_window.ts";
import { randomFrom } from "../support/random.ts";
import { sha256 as hash } from "../support/sha256.ts";

const keyOf = (number: number) => hash(u64be(number)).slice(0, 16);
const openWindow = () => openUniquenessWindow(randomBytes(WINDOW_SALT_BYTES));

Deno.test("windowStart() spans lifetime and allowance, so that the latest timestamp expires as its block is forgotten", () => {
  const transactionLifetimeMs = 1_000_000;
  const blockMs = 5_000_000;
  const latestTimestamp = blockMs + LIMITS.timestampAheadMs;
  const lastValidAt = latestTimestamp + transactionLifetimeMs;
  assert.equal(windowStart(lastValidAt, { transactionLifetimeMs }), blockMs);
});

Deno.test("seen() finds a key up to the very millisecond of its block", () => {
  const window = openWindow();
  window.add(1_000_000, [keyOf(1)]);
  assert.equal(window.seen(keyOf(1), 999_999), true);
  assert.equal(window.seen(keyOf(1), 1_000_000), true);
  assert.equal(window.seen(keyOf(1), 1_000_001), false);
  assert.equal(window.seen(keyOf(2), 0), false);
});

Deno.test("seen() keeps the later of two times of one key, whichever came first", () => {
  for (const times of [[1_000_000, 1_000_500], [1_000_500, 1_000_000]]) {
    const window = openWindow();
    for (const time of times) window.add(time, [keyOf(1)]);
    assert.equal(window.seen(keyOf(1), 1_000_500), true);
  }
});

Deno.test("seen() compares 16 bytes of longer keys", () => {
  const window = openWindow();
  window.add(5, [hash(u64be(1))]);
  assert.equal(window.seen(keyOf(1), 0), true);
});

Deno.test("openUniquenessWindow() agrees with a plain list over 20,000 keys and many forgettings", () => {
  const random = randomFrom(4242);
  const window = openWindow();
  const plain = new Map<number, number>();
  let timeMs = 1_700_000_000_000;
  for (let block = 0; block < 200; block++) {
    timeMs += random(120_000);
    const numbers = Array.from({ length: 100 }, () => random(1_000_000));
    window.add(timeMs, numbers.map(keyOf));
    for (const number of numbers) plain.set(number, timeMs);
    const sinceMs = timeMs - random(7_200_000);
    if (block % 10 === 0) window.forget(timeMs - 7_200_000);
    for (const number of [...numbers.slice(0, 5), ...[...plain.keys()].slice(0, 20), random(1_000_000)]) {
      assert.equal(
        window.seen(keyOf(number), sinceMs),
        (plain.get(number) ?? 0) >= sinceMs,
        `seed 4242, ${number}`,
      );
    }
  }
});

Deno.test("forget() frees what is older and nothing else", () => {
  const window = openWindow();
  for (let i = 0; i < 100; i++) window.add(i * 60_000, [keyOf(i)]);
  window.forget(50 * 60_000);
  assert.equal(window.size(), 50);
  for (let i = 50; i < 100; i++) assert.equal(window.seen(keyOf(i), 0), true);
});
