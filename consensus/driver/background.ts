/**
 * Work that is started and not awaited: what fails ends the process, and a stop waits for what still runs.
 *
 * @module
 */

/** Work under way. */
export interface Background {
  /** Takes over a promise that nobody else awaits. */
  readonly run: (work: Promise<unknown>) => void;
  /** Resolves when nothing is under way any more. */
  readonly settled: () => Promise<void>;
}

/** Starts with nothing under way; `fatal` is told of each failure. */
export function openBackground(fatal: (error: unknown) => void): Background {
  const running = new Set<Promise<void>>();
  return {
    run: (work) => {
      const one: Promise<void> = work.then(() => {}, fatal).finally(() => running.delete(one));
      running.add(one);
    },
    settled: async () => {
      while (running.size > 0) await Promise.all(running);
    },
  };
}
