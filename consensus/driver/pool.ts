/**
 * The pool of a running member: the pure pool (../mempool.ts) with its bodies, judged against the chain and durable.
 *
 * A transaction whose turn has not come, because a configuration that it refers to is not on the chain yet, is set
 * aside and is no work until a block brings something new.
 *
 * @module
 */
import type { Cid, TxId } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import { type Refusal, refuse, type Verdict } from "../../core/errors.ts";
import type { Parameters } from "../../core/federation.ts";
import type { HashFunction } from "../../core/hashing.ts";
import { LIMITS } from "../../core/limits.ts";
import type { ChainReader, PoolPort } from "../../core/ports.ts";
import type { RefusalCode } from "../../core/refusals.ts";
import { checkTimestamp } from "../../core/state/transition.ts";
import { nonceKey, type Transaction, TYPE } from "../../core/transaction.ts";
import * as mempool from "../mempool.ts";
import type { Pool } from "./pool_port.ts";

/** What the pool works with. */
export interface PoolOptions {
  readonly port: PoolPort;
  readonly reader: Pick<ChainReader, "tip" | "configuration" | "isNonceUsed">;
  readonly parameters: Parameters;
  readonly hash: HashFunction;
  readonly nowMs: () => number;
  /** Told when what can be proposed may have changed. */
  readonly onChange: () => void;
}

/** The pool, and what questions about it are answered from. */
export interface MemberPool extends Pool {
  /** Why a transaction left unpublished. */
  readonly outcome: (id: TxId) => RefusalCode | undefined;
  /** A version of a configuration that waits here; the latest for null. */
  readonly version: (wanted: { cid: Cid; vid: number | null }) => Transaction | undefined;
  readonly size: () => { readonly transactions: number; readonly bytes: number };
}

/** Codes that a later block may not repeat: what is refused with one is set aside, not dropped. */
const PASSING: ReadonlySet<RefusalCode> = new Set(["reference-unknown", "future"]);

/** Opens the pool with what was durable at the last end. */
export async function openMemberPool(options: PoolOptions): Promise<MemberPool> {
  const { port, reader, parameters, hash, nowMs } = options;
  const pool = mempool.makePool({ lifetimeMs: parameters.transactionLifetimeMs });
  const bodies = new Map<string, Transaction>();
  const aside = new Set<string>();
  for (const transaction of await port.load()) await take(transaction);

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
    const latestVid = transaction.payload.type === TYPE.configuration
      ? (await reader.configuration(transaction.payload.cid))?.latestVid ?? 0
      : 0;
    // Nothing is awaited from here on: the chain that is asked is the one that the entry is added under.
    const problem = judge(transaction);
    if (problem !== undefined) return problem;
    const entry = entryOf(hash, transaction);
    const added = mempool.addToPool(pool, { entry, latestVid, nowMs: nowMs() });
    if (!added.ok) return added;
    bodies.set(toHex(transaction.id), transaction);
    return { ok: true, value: transaction.id };
  }

  async function add(transactions: readonly Transaction[]): Promise<readonly Verdict<TxId>[]> {
    const verdicts: Verdict<TxId>[] = [];
    for (const transaction of transactions) verdicts.push(await take(transaction));
    const taken = transactions.filter((_, i) => verdicts[i]?.ok === true);
    // A crash before this resolves forgets them; nobody was told that they are here.
    if (taken.length > 0) await port.add(taken);
    options.onChange();
    return verdicts;
  }

  function chosen(count: number): readonly Transaction[] {
    const entries = mempool.candidates(pool, {
      nowMs: nowMs(),
      bytes: parameters.maxBlockBytes,
      count: count + aside.size,
    });
    return entries.map(({ id }) => toHex(id)).filter((name) => !aside.has(name))
      .map((name) => bodies.get(name) as Transaction);
  }

  /** Brings bodies in line with the pure pool; gives the ids that went. */
  function sweep(): readonly TxId[] {
    if (bodies.size === pool.entries.size) return [];
    const gone = [...bodies].filter(([name]) => !pool.entries.has(name));
    for (const [name] of gone) {
      bodies.delete(name);
      aside.delete(name);
    }
    return gone.map(([, { id }]) => id);
  }

  async function settle(committed: readonly Transaction[]): Promise<void> {
    const own = new Set(committed.map(({ id }) => toHex(id)));
    mempool.onCommitted(pool, committed.map((transaction) => entryOf(hash, transaction)));
    mempool.expire(pool, nowMs());
    // An empty block changes nothing that anybody waits for.
    if (committed.length > 0) aside.clear();
    const gone = sweep().filter((id) => !own.has(toHex(id)));
    if (gone.length > 0) await port.remove(gone);
    options.onChange();
  }

  async function drop(refused: ReadonlyMap<string, Refusal>): Promise<void> {
    for (const [name, { code }] of refused) {
      const transaction = bodies.get(name);
      if (transaction === undefined) continue;
      if (PASSING.has(code)) aside.add(name);
      else mempool.dropFromPool(pool, { id: transaction.id, code });
    }
    const gone = sweep();
    if (gone.length > 0) await port.remove(gone);
    options.onChange();
  }

  return {
    get: (id) => bodies.get(toHex(id)),
    ids: () => [...bodies.values()].map(({ id }) => id),
    candidates: () => chosen(LIMITS.blockTransactions),
    available: () => chosen(1).length > 0,
    add,
    settle,
    drop,
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
