/**
 * How a log is kept from being filled: one entry a second of each kind.
 *
 * @module
 */

const INTERVAL_MS = 1000;

/** Says of an entry of a kind how many like it were left out before; null when this one is left out too. */
export type EntryRate = (kind: string) => number | null;

/** Starts counting. The kinds must be few: one number is kept of each. */
export function makeEntryRate(nowMs: () => number): EntryRate {
  const seen = new Map<string, { sinceMs: number; leftOut: number }>();
  return (kind) => {
    const last = seen.get(kind);
    const now = nowMs();
    // A clock that was set back lets the next one through.
    if (last !== undefined && now >= last.sinceMs && now < last.sinceMs + INTERVAL_MS) {
      last.leftOut++;
      return null;
    }
    seen.set(kind, { sinceMs: now, leftOut: 0 });
    return last?.leftOut ?? 0;
  };
}
