/**
 * The pool of a running member: the pure pool (../mempool.ts) with its bodies, judged against the chain and durable.
 *
 * What can be proposed is judged alike by every member that holds the same transactions: what waits for a version or
 * for a reference is no work, and what a block made impossible leaves every pool with that block. Otherwise those that
 * hold it would wait for leaders that cannot propose it. Refused: what the pure pool refuses, what the chain says
 * against a transaction, and everything while the disk is low or cannot be written (`busy`).
 *
 * @module
 */
import type { Cid, TxId } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import { accept, type Refusal, refuse, type Verdict, VnfchainError } from "../../core/errors.ts";
import type { Parameters } from "../../core/federation.ts";
import type { HashFunction } from "../../core/hashing.ts";
import { LIMITS } from "../../core/limits.ts";
import type { ChainReader, PoolPort } from "../../core/ports.ts";
import type { RefusalCode } from "../../core/refusals.ts";
import { checkTimestamp } from "../../core/state/transition.ts";
import { checkSize } from "../../core/transaction_rules.ts";
import { nonceKey, type Payload, type Transaction, TYPE } from "../../core/transaction.ts";
import * as mempool from "../mempool.ts";
import type { DriverLog } from "./log.ts";
import type { Pool } from "./pool_port.ts";
import { makeAwaitedReferences, type Version } from "./references.ts";

/** What the pool works with. */
export interface PoolOptions {
  readonly port: PoolPort;
  readonly reader: Pick<ChainReader, "tip" | "configuration" | "isNonceUsed">;
  readonly parameters: Parameters;
  readonly hash: HashFunction;
  readonly nowMs: () => number;
  /** Whether there is too little space to take anything. */
  readonly isDiskLow: () => boolean;
  /** Told when what can be proposed may have changed; `grew` when it cannot have become less. */
  readonly onChange: (change: { grew: boolean }) => void;
  readonly log: DriverLog;
}

/** The pool, and what questions about it are answered from. */
export interface MemberPool extends Pool {
  /** Whether a transaction is here and durable; waits for the disk where it is being written. */
  readonly holds: (id: TxId) => Promise<boolean>;
  /** A version of a configuration that waits here; the latest for null. */
  readonly version: (wanted: { cid: Cid; vid: number | null }) => Transaction | undefined;
}

/** Codes that a later block may not repeat: what is refused with one is set aside, not dropped. */
const PASSING: ReadonlySet<RefusalCode> = new Set(["reference-unknown", "future"]);

const LOW_DISK = "this node's disk is low";
const NOT_WRITTEN = "this node's disk could not be written";

/** Opens the pool with what was durable at the last end. */
export async function openMemberPool(options: PoolOptions): Promise<MemberPool> {
  const { port, reader, parameters, hash, nowMs, log } = options;
  const pool = mempool.makePool({ lifetimeMs: parameters.transactionLifetimeMs });
  const bodies = new Map<string, Transaction>();
  const references = makeAwaitedReferences();
  /** Those that a leader could not put into a block now, but may later; tried again after the next transactions. */
  const aside = new Set<string>();
  const byNonce = new Map<string, TxId>();
  /** Of those in memory that are not durable yet: whether they became so. */
  const writing = new Map<string, Promise<boolean>>();
  await loadDurable();

  async function loadDurable(): Promise<void> {
    const useless: TxId[] = [];
    for (const transaction of await port.load()) {
      const verdict = await take(transaction, Promise.resolve(true));
      writing.delete(toHex(transaction.id));
      if (verdict.ok) continue;
      log("info", "a transaction of the pool is dropped at the start", { code: verdict.code });
      // A clock that was set back is no reason to forget what was acknowledged.
      if (verdict.code !== "future") useless.push(transaction.id);
    }
    if (useless.length > 0) await port.remove(useless);
  }

  function judge({ payload, bytes }: Transaction): Refusal | undefined {
    const tooLarge = checkSize(bytes, parameters);
    if (tooLarge !== undefined) return tooLarge;
    const late = checkTimestamp(payload.timestamp, { timeMs: nowMs(), parameters });
    if (late !== undefined) return late;
    return reader.isNonceUsed(payload, Math.max(nowMs(), reader.tip().parent.time))
      ? refuse("duplicate", "a transaction with this sender and nonce is on the chain")
      : undefined;
  }

  /** Judges one and takes it into memory; `written` will say whether it became durable. */
  async function take(transaction: Transaction, written: Promise<boolean>): Promise<Verdict<TxId>> {
    const { payload, id } = transaction;
    const name = toHex(id);
    let standing = await readStanding(payload);
    // A block that came meanwhile may hold what we just missed, and nobody would tell us again.
    while (standing.height !== reader.tip().parent.height) standing = await readStanding(payload);
    // Nothing is awaited from here on: the chain that was asked is the one that the entry is added under.
    if (bodies.has(name)) return accept(id);
    const problem = judge(transaction);
    if (problem !== undefined) return problem;
    const entry = entryOf(hash, transaction);
    const added = mempool.addToPool(pool, { entry, latestVid: standing.latestVid, nowMs: nowMs() });
    if (!added.ok) return added;
    bodies.set(name, transaction);
    writing.set(name, written);
    byNonce.set(toHex(entry.nonceKey), id);
    references.wait(name, standing.missing);
    return accept(id);
  }

  /** What the chain has of a transaction's CID and references, and at which height that was. */
  async function readStanding(
    payload: Payload,
  ): Promise<{ height: number; latestVid: number; missing: readonly Version[] }> {
    const { height } = reader.tip().parent;
    if (payload.type !== TYPE.configuration) return { height, latestVid: 0, missing: [] };
    const latestOf = async (cid: Cid) => (await reader.configuration(cid))?.latestVid ?? 0;
    const missing: Version[] = [];
    for (const { cid, vid } of [...payload.body.applyBefore, ...payload.body.applyAfter]) {
      if (await latestOf(cid) < (vid ?? 1)) missing.push({ cid: toHex(cid), vid: vid ?? 1 });
    }
    return { height, latestVid: await latestOf(payload.cid), missing };
  }

  async function add(transactions: readonly Transaction[]): Promise<readonly Verdict<TxId>[]> {
    if (options.isDiskLow()) return transactions.map(() => refuse("busy", LOW_DISK));
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const verdicts: Verdict<TxId>[] = [];
    for (const transaction of transactions) verdicts.push(await take(transaction, promise));
    const own = new Map(transactions.map((transaction) => [toHex(transaction.id), transaction]));
    for (const name of own.keys()) if (writing.get(name) !== promise) own.delete(name);
    const written = own.size === 0 || await write([...own.values()]);
    for (const name of own.keys()) writing.delete(name);
    resolve(written);
    options.onChange({ grew: written });
    const isWritten = async (name: string) => own.has(name) ? written : await writing.get(name) ?? true;
    return await Promise.all(verdicts.map(async (verdict) => {
      // What somebody else brought at the same time may still be under way; it does not wait for us.
      if (!verdict.ok || await isWritten(toHex(verdict.value))) return verdict;
      return refuse("busy", NOT_WRITTEN);
    }));
  }

  /** Makes durable what memory has; what cannot be written leaves memory too, and nobody was told that it is here. */
  async function write(taken: readonly Transaction[]): Promise<boolean> {
    const ids = taken.map(({ id }) => id);
    try {
      // A crash before this resolves forgets them; nobody was told that they are here.
      await port.add(taken);
    } catch (error) {
      if (!(error instanceof VnfchainError)) throw error;
      log("error", "the pool cannot be written", { code: error.code, error: error.message });
      for (const id of ids) mempool.dropFromPool(pool, { id, code: "busy" });
      sweep();
      await removeDurable(ids);
      return false;
    }
    // Those that a block took while they were written would stay beside it.
    await removeDurable(ids.filter((id) => !bodies.has(toHex(id))));
    return true;
  }

  async function removeDurable(ids: readonly TxId[]): Promise<void> {
    if (ids.length === 0) return;
    try {
      await port.remove(ids);
    } catch (error) {
      if (!(error instanceof VnfchainError)) throw error;
      // They only take space: the next start sorts them out.
      log("error", "the pool cannot be cleared", { code: error.code, error: error.message });
    }
  }

  function chosen(count: number): readonly Transaction[] {
    // Those that are passed over take no room of the others.
    const all = references.count() + aside.size > 0;
    const room = all ? { bytes: Infinity, count: Infinity } : { bytes: parameters.maxBlockBytes, count };
    const passedOver = new Set<string>();
    const transactions: Transaction[] = [];
    let bytes = 0;
    for (const { id, cid, vid, size } of mempool.candidates(pool, { nowMs: nowMs(), ...room })) {
      const name = toHex(id);
      // A version cannot come before the one before it.
      const isWaiting = references.isWaiting(name) || aside.has(name) ||
        (vid !== null && passedOver.has(toHex(cid)));
      if (isWaiting) {
        if (vid !== null) passedOver.add(toHex(cid));
        continue;
      }
      bytes += size;
      if (transactions.length >= count || bytes > parameters.maxBlockBytes) break;
      transactions.push(bodies.get(name) as Transaction);
    }
    return transactions;
  }

  /** Brings everything else in line with the pure pool; gives the ids that went. */
  function sweep(): readonly TxId[] {
    if (bodies.size === pool.entries.size) return [];
    const gone = [...bodies].filter(([name]) => !pool.entries.has(name));
    for (const [name, { payload }] of gone) {
      bodies.delete(name);
      aside.delete(name);
      references.forget(name);
      byNonce.delete(toHex(nonceKey(hash, payload)));
    }
    return gone.map(([, { id }]) => id);
  }

  async function settle(committed: readonly Transaction[]): Promise<void> {
    const own = new Set(committed.map(({ id }) => toHex(id)));
    const entries = committed.map((transaction) => entryOf(hash, transaction));
    mempool.onCommitted(pool, entries);
    for (const { nonceKey: key, cid, vid } of entries) {
      const rival = byNonce.get(toHex(key));
      // Not one that the block took: those the pure pool has let go already.
      if (rival !== undefined) mempool.dropFromPool(pool, { id: rival, code: "duplicate" });
      if (vid !== null) references.onVersion({ cid: toHex(cid), vid });
    }
    mempool.expire(pool, nowMs());
    // An empty block changes nothing that anybody waits for.
    if (committed.length > 0) aside.clear();
    await removeDurable(sweep().filter((id) => !own.has(toHex(id))));
    options.onChange({ grew: false });
  }

  async function drop(refused: ReadonlyMap<string, Refusal>): Promise<void> {
    for (const [name, { code }] of refused) {
      const transaction = bodies.get(name);
      if (transaction === undefined) continue;
      if (PASSING.has(code) || (code === "vid-order" && isAhead(transaction))) aside.add(name);
      else mempool.dropFromPool(pool, { id: transaction.id, code });
    }
    await removeDurable(sweep());
    options.onChange({ grew: false });
  }

  /** A version that is refused for want of the one before it may still come. */
  function isAhead({ payload: { cid, vid } }: Transaction): boolean {
    return vid > (pool.versions.get(toHex(cid))?.latest ?? Infinity);
  }

  return {
    get: (id) => bodies.get(toHex(id)),
    ids: () => [...bodies.values()].map(({ id }) => id),
    candidates: () => chosen(LIMITS.blockTransactions),
    available: () => chosen(1).length > 0,
    add,
    settle,
    drop,
    holds: async (id) => (await writing.get(toHex(id)) ?? true) && bodies.has(toHex(id)),
    outcome: (id) => mempool.outcomeOf(pool, id),
    version: ({ cid, vid }) => {
      const waiting = pool.versions.get(toHex(cid))?.waiting ?? new Map<number, mempool.PoolEntry>();
      const entry = waiting.get(vid ?? Math.max(...waiting.keys()));
      return entry === undefined ? undefined : bodies.get(toHex(entry.id));
    },
    size: () => ({ transactions: bodies.size, bytes: pool.bytes }),
  };
}

function entryOf(hash: HashFunction, { id, payload, bytes }: Transaction): mempool.PoolEntry {
  return {
    id,
    nonceKey: nonceKey(hash, payload),
    cid: payload.cid,
    vid: payload.type === TYPE.configuration ? payload.vid : null,
    sender: payload.sender,
    timestamp: payload.timestamp,
    size: bytes.length,
  };
}
