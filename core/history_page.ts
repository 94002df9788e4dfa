/**
 * Pages of a history: a feed, or the versions of a configuration, read backwards from a point that is trusted. Both are
 * hash chains, so the rows of a page and the hash before them prove themselves: together they must make the hash that is
 * trusted, and the hash before them is then trusted in its turn. Where the reading begins, a certified state says.
 *
 * Refused: a page that is malformed (`proof-format`), and one whose rows do not lead to the trusted hash, are not in
 * order, are more than were asked for, or none (`proof-incomplete`).
 *
 * @module
 */
import { type Hash, ZERO_HASH } from "./brands.ts";
import type { Bytes } from "./bytes.ts";
import { equal } from "./bytes.ts";
import { accept, refuse, type Verdict } from "./errors.ts";
import type { HashFunction } from "./hashing.ts";
import { LIMITS } from "./limits.ts";
import type { FeedItem, History, Position } from "./ports.ts";
import {
  constant,
  decodeShape,
  encodeShape,
  hashShape,
  heightShape,
  list,
  record,
  type Shape,
  txIdShape,
  uint,
} from "./shape.ts";
import { type ConfigurationState, extendConfiguration, extendFeed, type FeedState } from "./state/values.ts";

/** A page as a node gives it. */
export interface HistoryPage {
  readonly version: 1;
  /** The hash chain before the first row; zero where the history begins. */
  readonly previous: Hash;
  /** Oldest first. */
  readonly rows: readonly FeedItem[];
}

/** A row: `[height, index, id]`. */
export const historyRowShape: Shape<FeedItem> = record({
  height: heightShape,
  index: uint(LIMITS.blockTransactions),
  id: txIdShape,
});

const pageShape: Shape<HistoryPage> = record({
  version: constant(1),
  previous: hashShape,
  rows: list(historyRowShape, LIMITS.historyRows),
});

/** Encodes a page. */
export function encodeHistoryPage(page: Omit<HistoryPage, "version">): Bytes {
  return encodeShape(pageShape, { version: 1, ...page });
}

/** Decodes a page; nothing in it is verified yet. */
export function decodeHistoryPage(bytes: Uint8Array): Verdict<HistoryPage> {
  return decodeShape(pageShape, bytes, { what: "history page", code: "proof-format" });
}

/** A point of a history that is trusted: so many rows stand before a place, and this is the hash chain over them. */
export interface HistoryPoint {
  readonly count: number;
  readonly hash: Hash;
  /** Of the row after them; at the history's end, behind all of its last block. */
  readonly before: Position;
}

/** The end of a feed, by its certified state. */
export function endOfFeed({ count, feedHash, lastHeight }: FeedState): HistoryPoint {
  return { count, hash: feedHash, before: behind(lastHeight) };
}

/** The end of a configuration's versions, by its certified state. */
export function endOfVersions({ latestVid, versionsHash, lastHeight }: ConfigurationState): HistoryPoint {
  return { count: latestVid, hash: versionsHash, before: behind(lastHeight) };
}

function behind(height: Position["height"]): Position {
  return { height, index: LIMITS.blockTransactions };
}

/** What a page is judged against. */
export interface HistoryPageContext {
  readonly kind: History["kind"];
  /** The page ends here. */
  readonly point: HistoryPoint;
  /** Rows that were asked for. */
  readonly most: number;
  readonly hash: HashFunction;
}

/** A page that holds. */
export interface VerifiedPage {
  /** Oldest first; at least one. */
  readonly rows: readonly FeedItem[];
  /** Where the page begins: what the one before is verified against. */
  readonly point: HistoryPoint;
}

/** Verifies a page's bytes. */
export function verifyHistoryPage(bytes: Uint8Array, context: HistoryPageContext): Verdict<VerifiedPage> {
  const decoded = decodeHistoryPage(bytes);
  if (!decoded.ok) return decoded;
  const { rows, previous } = decoded.value;
  const { point, most } = context;
  const [first] = rows;
  if (first === undefined) return refuse("proof-incomplete", "a page without rows");
  if (rows.length > Math.min(most, point.count)) {
    return refuse("proof-incomplete", `a page of ${rows.length} rows, ${Math.min(most, point.count)} asked`);
  }
  const ends = [...rows.slice(1), point.before];
  if (!rows.every((row, i) => isBefore(row, ends[i] as Position))) {
    return refuse("proof-incomplete", "a page whose rows are not in order");
  }
  const count = point.count - rows.length;
  if (!equal(hashAfter({ rows, previous, count }, context), point.hash)) {
    return refuse("proof-incomplete", "a page's rows do not lead to the certified history");
  }
  const { height, index } = first;
  return accept({ rows, point: { count, hash: previous, before: { height, index } } });
}

function isBefore(a: Position, b: Position): boolean {
  return a.height < b.height || (a.height === b.height && a.index < b.index);
}

/** The hash chain with these rows, of which the first is the one after `count`. */
function hashAfter(
  { rows, previous, count }: { rows: readonly FeedItem[]; previous: Hash; count: number },
  { kind, hash }: HistoryPageContext,
): Hash {
  const lastHeight = (rows[0] as FeedItem).height;
  if (kind === "feed") {
    let state: FeedState = { version: 1, count, feedHash: previous, lastHeight };
    for (const { height, index, id } of rows) state = extendFeed(hash, state, { height, index, txId: id });
    return state.feedHash;
  }
  let state: ConfigurationState = { version: 1, latestVid: count, versionsHash: previous, lastHeight };
  for (const { height, index, id } of rows) {
    state = extendConfiguration(hash, state, { vid: state.latestVid + 1, height, index, txId: id });
  }
  return state.versionsHash;
}

/** Whether a point is where the client stands already: it must be met exactly, or one of the two is of another history. */
export function isReached(point: HistoryPoint, known: FeedState | null): boolean {
  return point.count === (known?.count ?? 0) && equal(point.hash, known?.feedHash ?? ZERO_HASH);
}
