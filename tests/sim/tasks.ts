/** Work that takes virtual time, written as generators: what a task yields says when it goes on. */

/** Called once with what continues the task; whoever ends the process just never calls it. */
export type Wait = (resume: () => void) => void;

/** Work under way. */
export type Task<T = void> = Generator<Wait, T, void>;

/** Runs a task as far as it goes, and on whenever it may; `done` gets what it returns. */
export function runTask<T>(task: Task<T>, done?: (value: T) => void): void {
  const result = task.next();
  if (result.done) done?.(result.value);
  else result.value(() => runTask(task, done));
}

/** One task at a time, in the order in which they asked. */
export interface Mutex {
  readonly alone: <T>(task: () => Task<T>) => Task<T>;
}

/** Nobody holds it. */
export function makeMutex(): Mutex {
  const waiting: (() => void)[] = [];
  let taken = false;
  return {
    *alone(task) {
      if (taken) yield (resume) => void waiting.push(resume);
      taken = true;
      const value = yield* task();
      const next = waiting.shift();
      taken = next !== undefined;
      next?.();
      return value;
    },
  };
}
