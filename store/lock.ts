/**
 * The lock of a data directory: one process at a time. The system holds it by the open file, so it goes with the
 * process, however that ends. Refused: a second process (`directory-locked`).
 *
 * @module
 */
import { VnfchainError } from "../core/errors.ts";
import { heldLock, tryLockFile } from "../core/platform/file_lock.ts";
import { messageOf } from "./kv.ts";

/**
 * Locks the directory of the file at `path`, which is made when there is none; unlocks when disposed.
 *
 * @throws VnfchainError `directory-locked`, `directory-unusable`
 */
export async function lockDirectory(path: string): Promise<Disposable> {
  const file = await Deno.open(path, { create: true, write: true, read: true }).catch((cause: unknown) => {
    throw new VnfchainError(`Cannot use the data directory: ${messageOf(cause)}`, {
      code: "directory-unusable",
      hint: "Check that the directory exists and that this user may write to it",
      cause,
    });
  });
  const isOurs = await tryLockFile(file).catch((cause: unknown) => {
    file.close();
    throw new VnfchainError(`Cannot lock ${path}: ${messageOf(cause)}`, {
      code: "directory-unusable",
      hint: "Use a file system that knows locks",
      cause,
    });
  });
  if (isOurs) return heldLock(file);
  file.close();
  throw new VnfchainError(`Cannot use the data directory: another process holds ${path}`, {
    code: "directory-locked",
    hint: "Stop the other process first; two on one directory would vote twice",
  });
}
