/**
 * Freshness by a clock that nobody can set: how long no newer header has come. A VNF whose own clock is slow would
 * otherwise take an old header for a fresh one for ever.
 *
 * @module
 */

/** What was seen so far. Times are a monotonic clock's, in milliseconds. */
export interface Freshness {
  /** Of the newest header. */
  readonly height: number;
  /** When it came. */
  readonly sinceMs: number;
  /** No newer one has come for longer than allowed. */
  readonly stale: boolean;
}

/** At a start nothing is known, and the time runs from there. */
export function openFreshness(nowMs: number): Freshness {
  return { height: 0, sinceMs: nowMs, stale: false };
}

/** After a round whose newest verified header has this height. */
export function lookAt(
  seen: Freshness,
  { height, nowMs, maxStalenessMs }: { height: number; nowMs: number; maxStalenessMs: number },
): Freshness {
  if (height > seen.height) return { height, sinceMs: nowMs, stale: false };
  return { ...seen, stale: nowMs - seen.sinceMs > maxStalenessMs };
}
