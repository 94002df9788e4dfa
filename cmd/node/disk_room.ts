/**
 * Watches the space on the data directory's file system, so that a node stops taking transactions while it can still
 * vote and store what the others decide, and takes them again when there is room.
 *
 * @module
 */
// Not by name: older runtimes have it on the module alone.
import files from "node:fs/promises";
import { LIMITS } from "../../core/limits.ts";

/** How often the space is looked at. */
const LOOK_MS = 2_000;

/** What is watched. */
export interface DiskRoomOptions {
  readonly directory: string;
  /** Told when it becomes low, and when it is no more. */
  readonly onChange: (change: { readonly isLow: boolean; readonly freeBytes: number }) => void;
  /** {@link LIMITS.diskReserveBytes} unless a test wants another. */
  readonly reserveBytes?: number;
  /** {@link LOOK_MS} unless a test is in a hurry. */
  readonly everyMs?: number;
  /** Free bytes for this user where a directory is. */
  readonly freeBytes?: (directory: string) => Promise<number>;
}

/** The watch; disposing ends it. */
export interface DiskRoom extends AsyncDisposable {
  readonly isLow: () => boolean;
}

/** Looks once, then every few seconds. A file system that does not tell is taken to have room. */
export async function watchDiskRoom(options: DiskRoomOptions): Promise<DiskRoom> {
  const { directory, onChange, reserveBytes = LIMITS.diskReserveBytes, freeBytes = freeBytesOf } = options;
  let low = false;
  let looking: Promise<void> | undefined;

  async function look(): Promise<void> {
    const free = await freeBytes(directory).catch(() => Infinity);
    // A little above the reserve, so that it does not flap there.
    const isLow = free < (low ? reserveBytes * 1.25 : reserveBytes);
    if (isLow === low) return;
    low = isLow;
    onChange({ isLow, freeBytes: free });
  }

  await look();
  const timer = setInterval(() => {
    // A file system that hangs is asked once.
    looking ??= look().finally(() => looking = undefined);
  }, options.everyMs ?? LOOK_MS);
  return {
    isLow: () => low,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await looking;
    },
  };
}

async function freeBytesOf(directory: string): Promise<number> {
  const { bavail, bsize } = await files.statfs(directory);
  return bavail * bsize;
}
