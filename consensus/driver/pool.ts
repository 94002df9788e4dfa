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
  /** Why a transaction left unpublished. */
  readonly outcome: (id: TxId) => RefusalCode | undefined;
  /** A version of a configuration that waits here; the latest for null. */
  readonly version: (wanted: { cid: Cid; vid: number | null }) => Transaction | undefined;
  readonly size: () => { readonly transactions: number; readonly bytes: number };
}

/** What a member's links ask before they take transactions. */
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
      const verdict = await take(transaction);
      if (verdict.ok) continue;
      log("info", "a transaction of the pool is dropped at the start", { code: verdict.code });
      // A clock that was set back is no reason to forget what was acknowledged.
      if (verdict.code !== "future") useless.push(transaction.id);
    }
    if (useless.length > 0) await port.remove(useless);
  }

  function judge({ payload, bytes }: Transaction): Refusal | undefined {
    if (bytes.length > parameters.maxTransactionBytes) {
      return refuse("too-large", `${bytes.length} bytes, at most ${parameters.maxTransactionBytes}`);
    }
    const late = checkTimestamp(payload.timestamp, { timeMs: nowMs(), parameters });
    if (late !== undefined) return late;
    return reader.isNonceUsed(payload, Math.max(nowMs(), reader.tip().parent.time))
      ? refuse("duplicate", "a transaction with this sender and nonce is on the chain")
      : undefined;
  }

  /** Judges one and takes it into memory. */
  async function take(transaction: Transaction): Promise<Verdict<TxId>> {
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
    const taken = new Map<string, Transaction>();
    for (const transaction of transactions) {
      const before = bodies.has(toHex(transaction.id));
      const verdict = await take(transaction);
      verdicts.push(verdict);
      if (!verdict.ok || before || bodies.get(toHex(transaction.id)) !== transaction) continue;
      taken.set(toHex(transaction.id), transaction);
      writing.set(toHex(transaction.id), promise);
    }
    if (taken.size > 0) resolve(await write([...taken.values()]));
    for (const name of taken.keys()) writing.delete(name);
    options.onChange({ grew: true });
    // Ours were written; those that somebody else brought at the same time may still be under way.
    return await Promise.all(verdicts.map(async (verdict) => {
      if (!verdict.ok || await isWritten(verdict.value)) return verdict;
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
