/** Staleness by a monotonic clock. */
import assert from "node:assert/strict";
import { type Freshness, lookAt, openFreshness } from "../../../cmd/agent/freshness.ts";

/** Looks at heights at times, with 100 ms allowed; gives whether it was stale after each. */
function staleAfter(looks: readonly (readonly [nowMs: number, height: number])[]): readonly boolean[] {
  let seen: Freshness = openFreshness(1000);
  return looks.map(([nowMs, height]) => {
    seen = lookAt(seen, { nowMs, height, maxStalenessMs: 100 });
    return seen.stale;
  });
}

Deno.test("lookAt() is stale when no newer header came for too long, and fresh with the next", () => {
  assert.deepEqual(staleAfter([[1050, 5], [1150, 5], [1151, 5], [1200, 6], [1301, 6]]), [
    false,
    false,
    true,
    false,
    true,
  ]);
});

Deno.test("lookAt() is stale when no header came at all since the start", () => {
  assert.deepEqual(staleAfter([[1100, 0], [1101, 0]]), [false, true]);
});
