/**
 * One at a time: calls wait for those before them.
 *
 * @module
 */

/** Runs a task once all tasks given before have ended; its outcome is the caller's. */
export type Mutex = <T>(task: () => Promise<T>) => Promise<T>;

/** A free mutex. */
export function makeMutex(): Mutex {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const mine = last.then(task, task);
    last = mine;
    return mine;
  };
}
