/**
 * A step under way: a copy of the state that the rules change field by field, and what they want done. What the state
 * refers to (maps, messages) is shared with the state before, so a rule replaces it and never changes it.
 *
 * @module
 */
import type { Proposal } from "../core/ports.ts";
import type { Hash } from "../core/brands.ts";
import { toHex } from "../core/bytes.ts";
import { LIMITS } from "../core/limits.ts";
import type { Action } from "./events.ts";
import { encodeRecord, seenRecord, type VoteRecord } from "./journal.ts";
import type { State } from "./state.ts";

/** The state while a step works on it. */
export type Draft = { -readonly [K in keyof State]: State[K] } & {
  readonly actions: Action[];
  /** Journal records for the votes cast in this step. */
  readonly records: VoteRecord[];
};

/** What a step gives back. */
export interface Transition {
  readonly state: State;
  readonly actions: readonly Action[];
}

/** Begins a step. */
export function draftOf(state: State): Draft {
  return { ...state, actions: [], records: [] };
}

/**
 * Ends a step. All its votes become durable together, before anything else is done: a crash after that sends them
 * again from the journal, a crash before it has shown them to nobody.
 */
export function finish({ actions, records, ...state }: Draft): Transition {
  if (records.length === 0) return { state, actions };
  const all = [...records, seenRecord(state, records)].map(encodeRecord);
  return { state, actions: [{ kind: "persist", height: state.height, records: all }, ...actions] };
}

/** A map with one entry changed. */
export function withEntry<K, V>(map: ReadonlyMap<K, V>, [key, value]: readonly [K, V]): ReadonlyMap<K, V> {
  return new Map(map).set(key, value);
}

/** A block of this height that is valid and durable here. */
export function blockOf({ blocks }: State, hash: Hash): Proposal | undefined {
  return blocks.get(toHex(hash));
}

/** Remembers a block as valid and durable here; the oldest goes. */
export function keepBlock(draft: Draft, { hash, proposal }: { hash: Hash; proposal: Proposal }): void {
  const kept = [...withEntry(draft.blocks, [toHex(hash), proposal])];
  draft.blocks = new Map(kept.slice(-LIMITS.heldProposals));
}
