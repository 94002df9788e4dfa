/**
 * How far members are trusted to help us catch up. One that answers wrongly, with nothing or not at all is left alone
 * for a while, longer each time, and then asked for less, since it may only be slow; a block of its that holds makes
 * up for everything.
 *
 * @module
 */

/** First pause; doubles with each failure. */
const PAUSE_MS = 1_000;
/** Where the doubling ends. */
const PAUSE_MAX_MS = 60_000;

/** What is remembered of members, or of whoever else `K` names. */
export interface Helpers<K = number> {
  /** Gives how many times in a row it has failed now. */
  readonly onFailure: (member: K) => number;
  readonly onSuccess: (member: K) => void;
  /** Milliseconds for which the member is still left alone; 0 when it may be asked. */
  readonly pauseMs: (member: K) => number;
  /** How many of so many blocks to ask the member for. */
  readonly portion: (member: K, blocks: number) => number;
}

/** Starts with trust in all; the clock is monotonic. */
export function makeHelpers<K = number>(monotonicMs: () => number): Helpers<K> {
  const failed = new Map<K, { readonly times: number; readonly untilMs: number }>();
  return {
    onFailure: (member) => {
      const times = Math.min(30, (failed.get(member)?.times ?? 0) + 1);
      const pauseMs = Math.min(PAUSE_MS * 2 ** (times - 1), PAUSE_MAX_MS);
      failed.set(member, { times, untilMs: monotonicMs() + pauseMs });
      return times;
    },
    onSuccess: (member) => void failed.delete(member),
    pauseMs: (member) => Math.max(0, (failed.get(member)?.untilMs ?? 0) - monotonicMs()),
    portion: (member, blocks) => Math.max(1, Math.floor(blocks / 4 ** (failed.get(member)?.times ?? 0))),
  };
}
