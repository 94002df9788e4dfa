/**
 * Files that survive a power cut: on return, both the content and the name are on the disk; after a crash at any
 * line, the path holds the old file, or the new one whole, never a part.
 *
 * @module
 */
import { link, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { toHex } from "../../core/bytes.ts";
import { randomBytes } from "../../core/platform/crypto.ts";

/** How {@link writeDurably} makes the file. */
export interface DurableOptions {
  /** Permissions from the first moment on, as in 0o600; the process's umask may take some away. */
  readonly mode: number;
  /** Fail with the system's EEXIST when the path is taken, also by a dangling symlink, instead of replacing it. */
  readonly createNew?: boolean;
}

/**
 * Writes a file by way of a temporary one beside it, which a crash may leave behind: `.NAME.<hex>.tmp`.
 *
 * @throws the system's error (`code` ENOSPC, EACCES, …); the temporary file is then removed and the path untouched,
 *   unless only the last step failed: then the new file is there but might not outlive a power cut.
 */
export async function writeDurably(path: string, bytes: Uint8Array, options: DurableOptions): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.${toHex(randomBytes(8))}.tmp`);
  try {
    // Synced before the rename: otherwise a power cut can leave the new name with an empty file.
    await writeNew(temporary, bytes, options);
    // A crash here leaves the temporary file: complete, but under no name that anybody reads.
    if (options.createNew) await link(temporary, path); // unlike rename, fails when the path is taken
    else await rename(temporary, path);
  } finally {
    // After a rename there is nothing left to remove.
    await unlink(temporary).catch(ignoreMissing);
  }
  await syncDirectory(directory);
}

/** Makes the names in a directory durable: without it a power cut can undo a rename or a new file. */
export async function syncDirectory(path: string): Promise<void> {
  using directory = await Deno.open(path);
  await directory.sync();
}

/** Writes a file that must not be there yet; its bytes are on the disk on return, its name once the directory is synced. */
export async function writeNew(
  path: string,
  bytes: Uint8Array,
  { mode }: Pick<DurableOptions, "mode">,
): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode });
  await writeAll(file, bytes);
  await file.sync();
}

/** Writes all bytes: one write may take only a part of them. */
export async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) offset += await file.write(bytes.subarray(offset));
}

function ignoreMissing(error: { code?: string }): void {
  if (error.code !== "ENOENT") throw error;
}
