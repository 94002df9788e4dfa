/**
 * The pool of a running member: the pure pool (../mempool.ts) with its bodies, judged against the chain and durable.
 *
 * What can be proposed is judged alike by every member that holds the same transactions: what waits for a version or
 * for a reference is no work, and what a block made impossible leaves every pool with that block. Otherwise those that
 * hold it would wait for leaders that cannot propose it. So it is with changes of the federation (federation_changes.ts),
 * and what is too large or too old under new parameters leaves the pool when they are in force. Refused: what the pure pool refuses, what the chain says
 * against a transaction, and everything while the disk is low or cannot be written (`busy`).
 *
 * @module
 */
import type { Cid, TxId } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import { accept, type Refusal, refuse, type Verdict, VnfchainError } from "../../core/errors.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import type { Parameters } from "../../core/federation.ts";
import type { HashFunction } from "../../core/hashing.ts";
import { LIMITS } from "../../core/limits.ts";
import type { ChainReader, PoolPort } from "../../core/ports.ts";
import type { RefusalCode } from "../../core/refusals.ts";
import { checkTimestamp } from "../../core/state/transition.ts";
import { checkSize } from "../../core/transaction_rules.ts";
import { isFederationChange, nonceKey, type Transaction, TYPE } from "../../core/transaction.ts";
import * as mempool from "../mempool.ts";
import { checkRoom, isProposable, judgeChange } from "./federation_changes.ts";
import type { DriverLog } from "./log.ts";
import type { Pool } from "./pool_port.ts";
import { makeAwaitedReferences } from "./references.ts";
import { readStanding } from "./standing.ts";

/** What the pool works with. */
export interface PoolOptions {
  readonly port: PoolPort;
  readonly reader: Pick<ChainReader, "tip" | "configuration" | "isNonceUsed" | "block">;
  readonly crypto: CryptoPort;
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
  const { port, reader, crypto: { hash }, nowMs, log } = options;
  /** Those in force; a change of the federation may bring others. */
  const parametersNow = (): Parameters => reader.tip().federation.document.parameters;
  const pool = mempool.makePool({ lifetimeMs: parametersNow().transactionLifetimeMs });
  const bodies = new Map<string, Transaction>();
  const references = makeAwaitedReferences();
  /** Those that a leader could not put into a block now, but may later; tried again after the next transactions. */
  const aside = new Set<string>();
  const byNonce = new Map<string, TxId>();
  /** Changes of the federation, by transaction id. */
  const changes = new Set<string>();
  /** Of those in memory that are not durable yet: whether they became so. */
  const writing = new Map<string, Promise<boolean>>();
  /** What was the largest that any transaction here may have. */
  let largestBytes = parametersNow().maxTransactionBytes;
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
    const parameters = parametersNow();
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
    const full = isFederationChange(transaction) && !bodies.has(name) ? checkRoom(changes.size) : undefined;
    if (full !== undefined) return full;
    let standing = await readStanding(payload, options);
    // A block that came meanwhile may hold what we just missed, and nobody would tell us again.
    while (standing.height !== reader.tip().parent.height) standing = await readStanding(payload, options);
    // Nothing is awaited from here on: the chain that was asked is the one that the entry is added under.
    if (bodies.has(name)) return accept(id);
    const problem = standing.problem ?? judge(transaction);
    if (problem !== undefined) return problem;
    const entry = entryOf(hash, transaction);
    const added = mempool.addToPool(pool, { entry, latestVid: standing.latestVid, nowMs: nowMs() });
    if (!added.ok) return added;
    bodies.set(name, transaction);
    writing.set(name, written);
    byNonce.set(toHex(entry.nonceKey), id);
    if (payload.type === TYPE.federation) changes.add(name);
    references.wait(name, standing.missing);
    return accept(id);
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
    const { maxBlockBytes } = parametersNow();
    const tip = reader.tip();
    // Those that are passed over take no room of the others.
    const all = references.count() + aside.size + changes.size > 0;
    const room = all ? { bytes: Infinity, count: Infinity } : { bytes: maxBlockBytes, count };
    const passedOver = new Set<string>();
    const transactions: Transaction[] = [];
    let bytes = 0;
    for (const { id, cid, vid, size } of mempool.candidates(pool, { nowMs: nowMs(), ...room })) {
      const name = toHex(id);
      // A version cannot come before the one before it.
      const transaction = bodies.get(name) as Transaction;
      const isWaiting = references.isWaiting(name) || aside.has(name) || !isProposable(transaction, tip) ||
        (vid !== null && passedOver.has(toHex(cid)));
      if (isWaiting) {
        if (vid !== null) passedOver.add(toHex(cid));
        continue;
      }
      bytes += size;
      if (transactions.length >= count || bytes > maxBlockBytes) break;
      transactions.push(transaction);
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
      changes.delete(name);
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
    await judgeAgain();
    mempool.expire(pool, nowMs());
    // An empty block changes nothing that anybody waits for.
    if (committed.length > 0) aside.clear();
    await removeDurable(sweep().filter((id) => !own.has(toHex(id))));
    options.onChange({ grew: false });
  }

  /** After a block: what its federation, or the passing of time, made impossible. */
  async function judgeAgain(): Promise<void> {
    const { transactionLifetimeMs, maxTransactionBytes } = parametersNow();
    if (transactionLifetimeMs !== pool.lifetimeMs) mempool.setLifetime(pool, transactionLifetimeMs);
    if (maxTransactionBytes < largestBytes) {
      const large = [...pool.entries.values()].filter(({ size }) => size > maxTransactionBytes);
      for (const { id } of large) mempool.dropFromPool(pool, { id, code: "too-large" });
    }
    largestBytes = maxTransactionBytes;
    for (const name of [...changes]) {
      const transaction = bodies.get(name);
      if (transaction === undefined || !isFederationChange(transaction)) continue;
      const problem = await judgeChange(transaction.payload, options);
      if (problem !== undefined) mempool.dropFromPool(pool, { id: transaction.id, code: problem.code });
    }
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
