/**
 * Bounds on what clients may cost at the same time: how many expensive answers are made at once, and how many bytes
 * are held for bodies and answers.
 *
 * @module
 */
import { assert } from "../../../core/errors.ts";

/** Runs a task when its turn comes; `undefined`, without having run it, when the client goes away before. */
export type Gate = <T>(task: () => Promise<T>, signal: AbortSignal) => Promise<T | undefined>;

/** Lets `places` tasks run at once; the others wait in order. */
export function makeGate(places: number): Gate {
  let free = places;
  const queue = new Set<() => void>();

  async function turn(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (free > 0) {
      free--;
      return true;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const start = () => resolve(true);
    const leave = () => {
      // One whose turn has come already keeps it, and gives it on when it ends.
      if (queue.delete(start)) resolve(false);
    };
    queue.add(start);
    signal.addEventListener("abort", leave, { once: true });
    const came = await promise;
    signal.removeEventListener("abort", leave);
    return came;
  }

  function pass(): void {
    const [next] = queue;
    if (next === undefined) {
      free++;
      return;
    }
    queue.delete(next);
    next();
  }

  return async (task, signal) => {
    if (!await turn(signal)) return undefined;
    try {
      return await task();
    } finally {
      pass();
    }
  };
}

/** Bytes that are held for clients. */
export interface Budget {
  /** Takes bytes if they are left. */
  readonly take: (bytes: number) => boolean;
  readonly give: (bytes: number) => void;
}

/** A budget of `bytes`. */
export function makeBudget(bytes: number): Budget {
  let left = bytes;
  return {
    take: (wanted) => {
      if (wanted > left) return false;
      left -= wanted;
      return true;
    },
    give: (back) => {
      left += back;
      assert(left <= bytes, "more bytes were given back than taken");
    },
  };
}
