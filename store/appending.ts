/**
 * Appending a block: everything that the tip promises stands before the tip, and what is no longer needed goes after it.
 * A block that fits one atomic commit is one fsync.
 *
 * A crash before the tip's commit leaves the old tip, and rows above it that the next start deletes; a crash after
 * it leaves the new tip, and perhaps pool and held rows that the next start sorts out. No order in between exists.
 *
 * @module
 */
import type { DecidedBlock } from "../core/block.ts";
import { checkDecision } from "../core/block_rules.ts";
import { accept, assert, type Verdict } from "../core/errors.ts";
import type { Tip } from "../core/ports.ts";
import { type Batch, commitBatches, packBatches } from "./batches.ts";
import { setChanges } from "./changes.ts";
import { setDecided } from "./decided.ts";
import type { Effects } from "./evaluation.ts";
import { setFederation } from "./federations.ts";
import { judgeBlock } from "./judging.ts";
import { TIP_KEY } from "./layout.ts";
import { setLinks } from "./links.ts";
import { advance, type Memory } from "./memory.ts";
import { setTip } from "./tip.ts";

/** Judges a decided block, certificate included, and appends it. Durable when it resolves. */
export async function appendBlock(memory: Memory, decided: DecidedBlock): Promise<Verdict<Tip>> {
  const before = memory.tip;
  const judged = await judgeBlock(memory, decided.block, { nowMs: null });
  if (!judged.ok) return judged;
  const { effects, hash } = judged.value;
  const { federation } = before;
  const { block: { header }, certificate } = decided;
  const problem = checkDecision({ header, hash, certificate }, { federation, crypto: memory.crypto });
  if (problem !== undefined) return problem;
  const guard = { key: TIP_KEY, versionstamp: memory.tipStamp };
  const tipStamp = await commitBatches(memory.rows.kv, planAppend(memory, { decided, effects }), { guard });
  // A crash here means two appends at once, which nothing may do.
  assert(memory.tip === before, "two blocks were appended at once");
  advance(memory, { decided, effects, tipStamp });
  return accept(memory.tip);
}

/** The atomic commits that append a block, in order. */
export function planAppend(
  { rows: { hash }, held, pool }: Memory,
  { decided, effects: { links, changes, change } }: { decided: DecidedBlock; effects: Effects },
): readonly Batch[] {
  const { header: { height, time }, transactions } = decided.block;
  return packBatches([
    ...setDecided(hash, decided),
    ...setLinks(hash, { height, links: { timeMs: time, entries: links } }),
    ...setChanges(hash, { height, changes }),
    ...setFederation(hash, { height, change }),
    setTip(hash, height),
    ...pool.forget(transactions.map(({ id }) => id)),
    ...held.deleteUpTo(height),
  ]);
}
