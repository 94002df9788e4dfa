/**
 * Checkpoints: the pages that blocks changed since the last one go to the disk, beside the blocks that are appended
 * meanwhile.
 *
 * A crash on the way leaves some pages newer than others, under the old checkpoint: the next start applies the changed
 * leaves of all blocks since then again, which ends in the same pages. Only when all pages are there does the
 * checkpoint move, and only then do those leaves go.
 *
 * @module
 */
import type { HashFunction } from "../core/hashing.ts";
import { encodePage } from "../core/state/state_page.ts";
import { type Batch, commitBatches, deleteRange, packBatches, packGroups } from "./batches.ts";
import { setChunks } from "./chunks.ts";
import { type PlacedId, setIds } from "./ids.ts";
import { changesKey, pageKey } from "./layout.ts";
import type { Memory } from "./memory.ts";
import type { Rows } from "./rows.ts";
import type { Pages } from "./state_pages.ts";
import { setCheckpoint } from "./tip.ts";

/** When a checkpoint is due: after this many blocks, or changed pages. */
export interface CheckpointRule {
  readonly blocks: number;
  readonly pages: number;
}

/** Bounds what a start has to do again, and what is in memory only. */
export const CHECKPOINT_RULE: CheckpointRule = { blocks: 1_024, pages: 4_096 };

/** Pages encoded at once: between them the process does other things. */
const PAGES_AT_ONCE = 128;

/** What a checkpoint writes. */
export interface CheckpointContent {
  /** The last checkpoint's height. */
  readonly from: number;
  /** This one's. */
  readonly to: number;
  readonly pages: Pages;
  readonly placed: readonly PlacedId[];
}

/** Whether it is time. */
export function isCheckpointDue(
  { tip, checkpointHeight, base }: Memory,
  rule: CheckpointRule,
): boolean {
  return tip.parent.height - checkpointHeight >= rule.blocks || base.pages.dirtyCount() >= rule.pages;
}

/** Writes a checkpoint at the tip. The memory may move on meanwhile. */
export async function writeCheckpoint(memory: Memory): Promise<void> {
  const { rows, base, recentIds, tip: { parent: { height } } } = memory;
  const from = memory.checkpointHeight;
  if (from === height) return;
  const pages = base.pages.beginCheckpoint();
  const content = { from, to: height, pages, placed: recentIds.upTo(height) };
  try {
    for (const batch of planCheckpoint(rows.hash, content)) await commitBatches(rows.kv, [batch]);
  } catch (error) {
    base.pages.abandonCheckpoint();
    throw error;
  }
  base.pages.endCheckpoint();
  recentIds.forget(height);
  memory.checkpointHeight = height;
  await dropChanges(rows, height);
}

/** The atomic commits of a checkpoint, in order, made one by one. */
export function* planCheckpoint(
  hash: HashFunction,
  { from, to, pages, placed }: CheckpointContent,
): Generator<Batch> {
  const sorted = [...pages].sort(([a], [b]) => a - b);
  for (let start = 0; start < sorted.length; start += PAGES_AT_ONCE) {
    const some = sorted.slice(start, start + PAGES_AT_ONCE);
    // A page's rows together: only the changed leaves are there again, so a page half written could not be mended.
    yield* packGroups(some.map(([index, page]) => setChunks(hash, pageKey(index), encodePage(page))));
  }
  yield* packBatches([...setIds(hash, { firstHeight: from + 1, placed }), setCheckpoint(hash, to)]);
}

/** Deletes the changed leaves that the pages hold. */
export async function dropChanges(rows: Rows, upTo: number): Promise<void> {
  await deleteRange(rows, { start: changesKey(0), end: changesKey(upTo + 1) });
}
