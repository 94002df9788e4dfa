/**
 * What an open store keeps in memory: the tip, and the state that the next block builds on. It changes only in
 * {@link advance}, once a block is durable.
 *
 * @module
 */
import type { Block, DecidedBlock } from "../core/block.ts";
import { asHeight, type Hash } from "../core/brands.ts";
import type { CryptoPort } from "../core/crypto_port.ts";
import type { Tip } from "../core/ports.ts";
import { type FederationTerm, termAfter } from "../core/federation_terms.ts";
import { applyNodes } from "../core/state/state_upper.ts";
import { tipAfter } from "../core/tip.ts";
import { windowStart } from "../core/uniqueness_window.ts";
import type { BaseState, Effects } from "./evaluation.ts";
import type { HeldBlocks } from "./held.ts";
import type { PlacedId, RecentIds } from "./ids.ts";
import type { DurablePool } from "./pool.ts";
import type { Rows } from "./rows.ts";
import type { Snapshots } from "./snapshots.ts";

/** A block that was judged on the tip, and what it changes. */
export interface Judged {
  readonly hash: Hash;
  readonly block: Block;
  readonly effects: Effects;
}

/** An open store's memory. */
export interface Memory {
  readonly rows: Rows;
  readonly crypto: CryptoPort;
  readonly base: BaseState;
  readonly recentIds: RecentIds;
  readonly held: HeldBlocks;
  readonly pool: DurablePool;
  readonly snapshots: Snapshots;
  /** Blocks judged on the tip, by hash in hexadecimal digits: what is appended was mostly judged before. */
  readonly judged: Map<string, Judged>;
  /** The federation documents, in order. */
  terms: readonly FederationTerm[];
  tip: Tip;
  /** Versionstamp of the tip's row; null before the first block. */
  tipStamp: string | null;
  /** Height up to which the pages on the disk hold the state. */
  checkpointHeight: number;
}

/** The positions of a block's transactions. */
export function placedIds(height: number, links: Effects["links"]): readonly PlacedId[] {
  return links.map(({ id }, index) => ({ id, height: asHeight(height), index }));
}

/** Moves to a block that is durable. */
export function advance(
  memory: Memory,
  { decided, effects, tipStamp }: { decided: DecidedBlock; effects: Effects; tipStamp: string | null },
): void {
  const { base, tip: before, crypto } = memory;
  const { change } = effects;
  const { height, time } = decided.block.header;
  memory.snapshots.preserve(effects.before);
  base.pages.put(effects.pages);
  applyNodes(base.upper, effects.upper);
  base.window.add(time, effects.links.map(({ nonce }) => nonce));
  base.window.forget(windowStart(time, before.federation.document.parameters));
  memory.recentIds.add(placedIds(height, effects.links));
  memory.held.forgetUpTo(height);
  memory.judged.clear();
  memory.tip = tipAfter(decided, { before, change, crypto });
  if (change !== null) memory.terms = [...memory.terms, termAfter(change, height)];
  memory.tipStamp = tipStamp;
}
