/**
 * Taking a file's lock without waiting for who holds it.
 *
 * @module
 */

/** Runtimes before 2.5 can only wait for a lock: who has not got it after this time will not get it. */
const WAIT_MS = 1000;

/**
 * Takes the exclusive lock (flock) of an open file; false when another process holds it. The system drops the lock
 * with the file, however the process ends.
 */
export async function tryLockFile(file: Deno.FsFile): Promise<boolean> {
  if (typeof file.tryLock === "function") return await file.tryLock(true);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), WAIT_MS));
  const locked = file.lock(true).then(() => true, () => false); // fails when the file is closed meanwhile
  try {
    return await Promise.race([locked, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** A file whose lock was taken, as what gives lock and file back. */
export function heldLock(file: Deno.FsFile): Disposable {
  return {
    [Symbol.dispose]: () => {
      // A program that is being started has a copy of the descriptor for a moment, which would keep the lock.
      file.unlockSync();
      file.close();
    },
  };
}
