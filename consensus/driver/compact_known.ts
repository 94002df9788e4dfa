/**
 * What a member's state says about compact forms: which blocks they may name, and which of them say nothing new.
 *
 * @module
 */
import type { Hash } from "../../core/brands.ts";
import { type Bytes, equal } from "../../core/bytes.ts";
import type { VoteMessage } from "../message.ts";
import type { State } from "../state.ts";
import { type CompactForm, prefixOf } from "./compact_form.ts";

/** The block that a message names; null when it names none. */
export function blockNamed(message: VoteMessage): Hash | null {
  return message.kind === "round-change" ? message.prepared?.blockHash ?? null : message.blockHash;
}

/** Hashes of blocks of the current height that begin like this, some more than once; the likeliest first, and lazily. */
export function hashesAt(state: State, prefix: Bytes): Iterable<Hash> {
  return beginningWith(prefix, blocksOf(state));
}

function* beginningWith(prefix: Bytes, all: Iterable<Hash>): Iterable<Hash> {
  for (const blockHash of all) if (equal(prefixOf(blockHash), prefix)) yield blockHash;
}

function* blocksOf({ current, outcome, prepared, votes }: State): Iterable<Hash> {
  for (const named of [current, outcome, prepared]) if (named !== null) yield named.blockHash;
  const { prePrepares, prepares, commits, roundChanges } = votes;
  for (const slots of [prePrepares, prepares, commits]) {
    for (const { blockHash } of slots.values()) yield blockHash;
  }
  for (const vote of roundChanges.values()) if (vote.prepared !== null) yield vote.prepared.blockHash;
}

/**
 * Whether the member's slot for such votes holds this one, or one of a higher round. Another vote of the same round
 * does not count: it may be evidence.
 */
export function isKnown(
  { votes }: State,
  { member, form: { kind, form } }: { member: number; form: CompactForm },
): boolean {
  const slots = { prepare: votes.prepares, commit: votes.commits, proposal: votes.prePrepares };
  const kept = slots[kind].get(member);
  if (kept === undefined) return false;
  if (kept.round > 0 || equal(kept.signature, form.signature)) return true;
  return "prefix" in form && equal(prefixOf(kept.blockHash), form.prefix);
}
