/**
 * The pool: transactions that wait for a block, first come first served. It looks into none of them, but for the few facts that
 * order and bound it, and keeps no bodies.
 *
 * A version waits, parked, until the versions of its CID before it are on the chain or chosen for the same block; a
 * timestamp too far ahead waits for the clock. Parked ones are no work. Refuses, and never drops without a word:
 * `duplicate`, `vid-order`, `expired`, `busy`. What leaves unpublished keeps its code for a while.
 * Unlike the protocol's state a pool is changed in place, by the functions here alone.
 *
 * @module
 */
import type { Cid, Hash, PublicKey, TxId } from "../core/brands.ts";
import { toHex } from "../core/bytes.ts";
import { accept, refuse, type Verdict } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { RefusalCode } from "../core/refusals.ts";

/** The facts of a transaction that the pool goes by. */
export interface PoolEntry {
  /** Its transaction's id; the pool's key. */
  readonly id: TxId;
  /** What sender and nonce are remembered by. */
  readonly nonceKey: Hash;
  /** The configuration that it is about. */
  readonly cid: Cid;
  /** Null for a transaction that makes no version of its CID, such as a request. */
  readonly vid: number | null;
  /** Whose share of the pool it takes. */
  readonly sender: PublicKey;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** Bytes of the whole transaction. */
  readonly size: number;
}

/** The pool's bounds. */
export type PoolLimits = Pick<
  Record<keyof typeof LIMITS, number>,
  "poolTransactions" | "poolBytes" | "poolTransactionsPerSender" | "poolVersionsAhead" | "poolOutcomes"
>;

/** A CID's versions. */
export interface Versions {
  /** The latest VID on the chain. */
  latest: number;
  /** Those in the pool, by VID. */
  readonly waiting: Map<number, PoolEntry>;
}

/** A pool; opaque. */
export interface Pool {
  /** Its bounds. */
  readonly limits: PoolLimits;
  /** A transaction's timestamp may be this much older than its block. */
  lifetimeMs: number;
  /** By id, in order of arrival. */
  readonly entries: Map<string, PoolEntry>;
  /** Those that a block could take next, by id, in the order in which that came to be. */
  readonly next: Map<string, PoolEntry>;
  /** Nonce keys of the entries. */
  readonly nonces: Set<string>;
  /** By CID, of the entries that make versions. */
  readonly versions: Map<string, Versions>;
  /** Entries of each sender. */
  readonly perSender: Map<string, number>;
  /** Why transactions left unpublished, by id, the oldest first. */
  readonly outcomes: Map<string, RefusalCode>;
  /** Sizes of the entries added up. */
  bytes: number;
}

/** An empty pool. */
export function makePool({ lifetimeMs, limits = LIMITS }: { lifetimeMs: number; limits?: PoolLimits }): Pool {
  return {
    limits,
    lifetimeMs,
    entries: new Map(),
    next: new Map(),
    nonces: new Set(),
    versions: new Map(),
    perSender: new Map(),
    outcomes: new Map(),
    bytes: 0,
  };
}

/** Takes a transaction that was judged against the chain; `latestVid` is its CID's there, 0 when it has none. */
export function addToPool(
  pool: Pool,
  { entry, latestVid, nowMs }: { entry: PoolEntry; latestVid: number; nowMs: number },
): Verdict<PoolEntry> {
  const { id, nonceKey, cid, vid, sender, timestamp, size } = entry;
  const key = toHex(id);
  if (pool.entries.has(key) || pool.nonces.has(toHex(nonceKey))) {
    return refuse("duplicate", "the pool holds the transaction, or another with its sender and nonce");
  }
  if (timestamp + pool.lifetimeMs < nowMs) return refuse("expired", `timestamp ${timestamp}, now ${nowMs}`);
  const versions = versionsOf(pool, { cid, latestVid });
  const wrong = vid === null ? undefined : wrongVersion(vid, { versions, limits: pool.limits });
  if (wrong !== undefined) return refuse("vid-order", wrong);
  const full = whatIsFull(pool, { sender, size });
  if (full !== undefined) return refuse("busy", full);
  pool.entries.set(key, entry);
  pool.nonces.add(toHex(nonceKey));
  pool.perSender.set(toHex(sender), (pool.perSender.get(toHex(sender)) ?? 0) + 1);
  pool.bytes += size;
  pool.outcomes.delete(key);
  if (vid === null) pool.next.set(key, entry);
  else {
    versions.waiting.set(vid, entry);
    pool.versions.set(toHex(cid), versions);
    offer(pool, versions);
  }
  return accept(entry);
}

function versionsOf(pool: Pool, { cid, latestVid }: { cid: Cid; latestVid: number }): Versions {
  const found = pool.versions.get(toHex(cid));
  if (found === undefined) return { latest: latestVid, waiting: new Map() };
  raise(pool, { versions: found, latest: latestVid });
  return found;
}

/** The chain has this version: those up to it can no longer come, the one after it can. */
function raise(pool: Pool, { versions, latest }: { versions: Versions; latest: number }): void {
  if (latest <= versions.latest) return;
  versions.latest = latest;
  for (const [vid, { id }] of [...versions.waiting]) {
    if (vid <= latest) dropFromPool(pool, { id, code: "vid-order" });
  }
  offer(pool, versions);
}

function offer(pool: Pool, { latest, waiting }: Versions): void {
  const entry = waiting.get(latest + 1);
  if (entry !== undefined) pool.next.set(toHex(entry.id), entry);
}

function wrongVersion(
  vid: number,
  { versions: { latest, waiting }, limits }: { versions: Versions; limits: PoolLimits },
): string | undefined {
  if (vid <= latest) return `VID ${vid}, the latest is ${latest}`;
  if (vid > latest + limits.poolVersionsAhead) return `VID ${vid} is too far ahead of the latest, ${latest}`;
  return waiting.has(vid) ? `the pool holds another transaction with VID ${vid}` : undefined;
}

function whatIsFull(
  { limits, entries, bytes, perSender }: Pool,
  { sender, size }: { sender: PublicKey; size: number },
): string | undefined {
  if (entries.size >= limits.poolTransactions) return `the pool holds ${entries.size} transactions`;
  if (bytes + size > limits.poolBytes) return `the pool holds ${bytes} bytes`;
  const own = perSender.get(toHex(sender)) ?? 0;
  return own >= limits.poolTransactionsPerSender
    ? `the pool holds ${own} transactions of the sender`
    : undefined;
}

function remove(pool: Pool, key: string): PoolEntry | undefined {
  const entry = pool.entries.get(key);
  if (entry === undefined) return undefined;
  const { nonceKey, cid, vid, sender, size } = entry;
  pool.entries.delete(key);
  pool.next.delete(key);
  pool.nonces.delete(toHex(nonceKey));
  pool.bytes -= size;
  const left = (pool.perSender.get(toHex(sender)) ?? 1) - 1;
  if (left === 0) pool.perSender.delete(toHex(sender));
  else pool.perSender.set(toHex(sender), left);
  const versions = pool.versions.get(toHex(cid));
  if (vid !== null && versions?.waiting.get(vid) === entry) versions.waiting.delete(vid);
  if (versions?.waiting.size === 0) pool.versions.delete(toHex(cid));
  return entry;
}

/** Removes one that cannot be published, and keeps why: `evicted`, `expired`, or what the chain says against it. */
export function dropFromPool(pool: Pool, { id, code }: { id: TxId; code: RefusalCode }): void {
  const key = toHex(id);
  if (remove(pool, key) === undefined) return;
  pool.outcomes.set(key, code);
  for (const oldest of pool.outcomes.keys()) {
    if (pool.outcomes.size <= pool.limits.poolOutcomes) break;
    pool.outcomes.delete(oldest);
  }
}

/** Removes what a block took, and drops what can no longer come: other transactions with the same versions. */
export function onCommitted(
  pool: Pool,
  committed: readonly Pick<PoolEntry, "id" | "cid" | "vid">[],
): void {
  for (const { id, cid, vid } of committed) {
    const versions = pool.versions.get(toHex(cid));
    remove(pool, toHex(id));
    if (versions !== undefined && vid !== null) raise(pool, { versions, latest: vid });
  }
}

/** A change of the federation makes transactions live shorter; {@link expire} drops what is too old by it. */
export function setLifetime(pool: Pool, lifetimeMs: number): void {
  pool.lifetimeMs = lifetimeMs;
}

/** Drops what is too old for any later block; returns the ids. */
export function expire(pool: Pool, nowMs: number): readonly TxId[] {
  const expired = [...pool.entries.values()].filter(({ timestamp }) => timestamp + pool.lifetimeMs < nowMs);
  for (const { id } of expired) dropFromPool(pool, { id, code: "expired" });
  return expired.map(({ id }) => id);
}

function isDue({ timestamp }: PoolEntry, nowMs: number): boolean {
  return timestamp <= nowMs + LIMITS.timestampAheadMs;
}

/** Whether a block made now would take something: parked versions and future timestamps do not count. */
export function hasWork(pool: Pool, nowMs: number): boolean {
  for (const entry of pool.next.values()) if (isDue(entry, nowMs)) return true;
  return false;
}

/**
 * What a block made at `nowMs` could take, first come first served; a version that waited comes right after the one before it.
 * At most `count`, and at most `bytes` together; the first that would exceed `bytes` ends the choice, so that no
 * large transaction is passed by for ever.
 */
export function candidates(
  pool: Pool,
  { nowMs, bytes, count }: { nowMs: number; bytes: number; count: number },
): readonly PoolEntry[] {
  const chosen: PoolEntry[] = [];
  let room = bytes;
  for (const first of pool.next.values()) {
    for (const entry of run(pool, first)) {
      if (!isDue(entry, nowMs)) break;
      if (entry.size > room || chosen.length >= count) return chosen;
      chosen.push(entry);
      room -= entry.size;
    }
  }
  return chosen;
}

/** An entry that may come next, and those that it lets come after it. */
function* run(pool: Pool, first: PoolEntry): Generator<PoolEntry> {
  yield first;
  if (first.vid === null) return;
  const waiting = pool.versions.get(toHex(first.cid))?.waiting;
  for (let vid = first.vid + 1; waiting?.has(vid); vid++) yield waiting.get(vid) as PoolEntry;
}

/** What became of a transaction that left unpublished; undefined when that is not known (any more). */
export function outcomeOf({ outcomes }: Pool, id: TxId): RefusalCode | undefined {
  return outcomes.get(toHex(id));
}
