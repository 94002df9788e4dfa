/** Round times. */
import assert from "node:assert/strict";
import type { Round } from "../../core/brands.ts";
import { DEFAULT_PARAMETERS } from "../../core/federation.ts";
import { LIMITS } from "../../core/limits.ts";
import { roundTimeoutMs } from "../../consensus/timers.ts";

Deno.test("roundTimeoutMs() doubles with each round up to the cap", () => {
  const times = [0, 1, 2, 3, 4, 5, 6, 100, LIMITS.rounds].map((round) =>
    roundTimeoutMs(DEFAULT_PARAMETERS, round as Round)
  );
  assert.deepEqual(times, [1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000, 16_000, 16_000]);
});
