/**
 * One agent a state directory: an advisory lock (flock) on `STATE_DIR/lock`, which the system drops with the process,
 * however that ends. Refused: a second agent (`state-locked`); a directory that belongs to another user, or that others
 * may write to (`state-exposed`): who can exchange the state can bring old configurations back.
 *
 * @module
 */
import { join } from "node:path";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import { heldLock, tryLockFile } from "../../core/platform/file_lock.ts";

/** Takes the lock of a state directory, which is made at need with mode 0700; dropped on disposal. */
export async function lockStateDirectory(stateDir: string): Promise<Disposable> {
  const path = join(stateDir, "lock");
  let file: Deno.FsFile;
  try {
    Deno.mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    refuseExposed(stateDir);
    file = Deno.openSync(path, { create: true, write: true, mode: 0o600 });
  } catch (cause) {
    if (cause instanceof VnfchainError) throw cause;
    throw new VnfchainError(`state directory ${stateDir}: cannot be written`, {
      code: "state-access",
      hint: "check state_dir, its owner and the space on its disk",
      exitCode: EXIT.usage,
      cause,
    });
  }
  if (await tryLockFile(file)) return heldLock(file);
  file.close();
  throw new VnfchainError(`state directory ${stateDir}: another agent is running on it`, {
    code: "state-locked",
    hint: "stop the other one first, or give each its own state_dir",
    exitCode: EXIT.usage,
  });
}

function refuseExposed(stateDir: string): void {
  const { mode, uid } = Deno.statSync(stateDir);
  const user = Deno.uid();
  if ((mode === null || (mode & 0o022) === 0) && (user === null || uid === user)) return;
  throw new VnfchainError(`state directory ${stateDir}: another user owns it or may write to it`, {
    code: "state-exposed",
    hint:
      `chown ${user} ${stateDir} && chmod 700 ${stateDir}; if others may have changed it, make this VNF anew`,
    exitCode: EXIT.usage,
  });
}
