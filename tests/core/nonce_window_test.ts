import { equal } from "node:assert/strict";
import { asHash, type Hash } from "../../core/brands.ts";
import { DEFAULT_PARAMETERS } from "../../core/federation.ts";
import { openNonceWindow, windowStart } from "../../core/nonce_window.ts";

const key = (number: number): Hash => asHash(new Uint8Array(32).fill(number));

Deno.test("windowStart() lies the lifetime and the allowance ahead before the block", () => {
  equal(windowStart(10_000_000, DEFAULT_PARAMETERS), 10_000_000 - 3_600_000 - 300_000);
});

Deno.test("openNonceWindow() knows a key from the block's time on, and no other key", () => {
  const window = openNonceWindow();
  window.add(1000, [key(1), key(2)]);
  equal(window.seen(key(1), 1000), true);
  equal(window.seen(key(1), 1001), false);
  equal(window.seen(key(3), 0), false);
});

Deno.test("forget() frees the keys of older blocks alone, however many there were", () => {
  const window = openNonceWindow();
  for (let i = 0; i < 200; i++) window.add(i, [key(i)]);
  for (let since = 0; since <= 150; since += 10) {
    window.forget(since);
    equal(window.size(), 200 - since);
    equal(window.seen(key(since), 0), true);
    if (since > 0) equal(window.seen(key(since - 1), 0), false);
  }
});

Deno.test("forget() keeps a key that a newer block used again", () => {
  const window = openNonceWindow();
  window.add(1, [key(1)]);
  window.add(5, [key(1)]);
  window.forget(5);
  equal(window.seen(key(1), 5), true);
  window.forget(6);
  equal(window.size(), 0);
});
