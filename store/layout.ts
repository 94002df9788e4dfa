/**
 * The store's layout: every row's key, in one place. Keys that end in a number have one row a chunk under them, from
 * 0 (chunks.ts). Heights and sequences grow, so those rows are written and read in sequence; `page` alone is written
 * at random places, and there are at most 65,536 of them.
 *
 * @module
 */
import type { Hash } from "../core/brands.ts";

/** A row's key as Deno KV orders it. */
export type RowKey = readonly (string | number | Uint8Array)[];

/** Version of the whole layout; another one is refused at opening. */
export const LAYOUT_VERSION = 2;

/** First parts of the keys whose rows belong to a height. */
export type HeightTable = "decided" | "body" | "links" | "changes" | "federation" | "ids";

/** What store this is: layout version, genesis id, federation document. */
export const META_KEY: RowKey = ["meta"];
/** Height and hash of the last block. What the tip promises is written before it. */
export const TIP_KEY: RowKey = ["tip"];
/** Height up to which the pages hold the state. */
export const CHECKPOINT_KEY: RowKey = ["checkpoint"];

/** A block's header, certificates and the lengths of its transactions. */
export function decidedKey(height: number): RowKey {
  return ["decided", height];
}

/** A block's transactions, back to back. */
export function bodyKey(height: number): RowKey {
  return ["body", height];
}

/** A block's links backwards: see links.ts. No row for an empty block. */
export function linksKey(height: number): RowKey {
  return ["links", height];
}

/** The state leaves that a block changed; kept until a checkpoint has them in the pages. */
export function changesKey(height: number): RowKey {
  return ["changes", height];
}

/** The federation document that a block decides. */
export function federationKey(height: number): RowKey {
  return ["federation", height];
}

/** Positions by id of the blocks of one checkpoint, under its first height. */
export function idsKey(firstHeight: number): RowKey {
  return ["ids", firstHeight];
}

/** A page of the state: core/state/state_page.ts. */
export function pageKey(index: number): RowKey {
  return ["page", index];
}

/** Transactions of the pool that became durable together. */
export function poolKey(sequence: number): RowKey {
  return ["pool", sequence];
}

/** A proposal that a vote may depend on. */
export function heldKey(hash: Hash): RowKey {
  return ["held", hash];
}
