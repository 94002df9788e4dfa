/**
 * One agent a state directory: an advisory lock (flock) on `STATE_DIR/lock`, which the system drops with the process,
 * however that ends. Refused: a second agent (`state-locked`).
 *
 * @module
 */
import { join } from "node:path";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import { tryLockFile } from "../../core/platform/file_lock.ts";

/** Takes the lock of a state directory, which is made at need with mode 0700; dropped on disposal. */
export async function lockStateDirectory(stateDir: string): Promise<Disposable> {
  const path = join(stateDir, "lock");
  let file: Deno.FsFile;
  try {
    Deno.mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    file = Deno.openSync(path, { create: true, write: true, mode: 0o600 });
  } catch (cause) {
    throw new VnfchainError(`state directory ${stateDir}: cannot be written`, {
      code: "state-access",
      hint: "check state_dir, its owner and the space on its disk",
      exitCode: EXIT.usage,
      cause,
    });
  }
  if (await tryLockFile(file)) return file;
  file.close();
  throw new VnfchainError(`state directory ${stateDir}: another agent is running on it`, {
    code: "state-locked",
    hint: "stop the other one first, or give each its own state_dir",
    exitCode: EXIT.usage,
  });
}
