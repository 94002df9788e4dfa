/**
 * Transactions that our pool has just refused: other members, which hold them, offer them again and again, and their
 * bodies would travel each time.
 *
 * @module
 */
import { LIMITS } from "../../core/limits.ts";

/** A pool that was full, or a clock that was behind, may take a transaction after so long. */
const REMEMBER_MS = 20_000;

/** What was refused lately, by transaction id in hexadecimal digits. */
export interface RefusedLately {
  readonly note: (name: string) => void;
  readonly has: (name: string) => boolean;
}

/** Remembers nothing yet; what is remembered is bounded by {@link LIMITS.poolOutcomes}, the oldest goes. */
export function makeRefusedLately(monotonicMs: () => number): RefusedLately {
  const untilMs = new Map<string, number>();
  return {
    note: (name) => {
      untilMs.delete(name);
      untilMs.set(name, monotonicMs() + REMEMBER_MS);
      for (const [oldest, until] of untilMs) {
        if (untilMs.size <= LIMITS.poolOutcomes && until > monotonicMs()) break;
        untilMs.delete(oldest);
      }
    },
    has: (name) => (untilMs.get(name) ?? -Infinity) > monotonicMs(),
  };
}
