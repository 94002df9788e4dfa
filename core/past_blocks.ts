/**
 * The blocks that a new member of the federation may name: those no older than a transaction may be. What is older is
 * forgotten block by block, so memory is bounded by the blocks of one transaction lifetime.
 *
 * @module
 */
import type { Parent } from "./block.ts";
import type { Height } from "./brands.ts";
import type { PastBlock } from "./federation_change.ts";

/** The recent blocks, by height. */
export interface PastBlocks {
  /** The next block; those before `sinceMs` are forgotten. */
  readonly add: (block: Pick<Parent, "height" | "hash" | "time">, sinceMs: number) => void;
  readonly at: (height: Height) => PastBlock | undefined;
}

/** Starts with none. */
export function openPastBlocks(): PastBlocks {
  const blocks = new Map<number, PastBlock>();
  return {
    add: ({ height, hash, time }, sinceMs) => {
      blocks.set(height, { hash, time });
      // In order of height, and so of time.
      for (const [oldest, block] of blocks) {
        if (block.time >= sinceMs) break;
        blocks.delete(oldest);
      }
    },
    at: (height) => blocks.get(height),
  };
}
