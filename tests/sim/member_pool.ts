/** A member's pool: the real pure pool, the bodies, and what is durable of them. References are not simulated. */
import type { TxId } from "../../core/brands.ts";
import { equal, toHex } from "../../core/bytes.ts";
import { type Refusal, refuse, type Verdict } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Federation, Parameters } from "../../core/federation.ts";
import type { Pool } from "../../consensus/mempool.ts";
import type { Tip } from "../../core/ports.ts";
import type { FederationPayload } from "../../core/transaction.ts";
import type { Disk } from "./disk.ts";
import type { Task } from "./tasks.ts";
import type { DriverRules, Protocol, SimTransaction } from "./types.ts";

/** What the pool works with. */
export interface MemberPoolOptions {
  readonly protocol: Protocol;
  readonly rules: DriverRules;
  readonly disk: Disk;
  readonly parameters: Parameters;
  readonly nowMs: () => number;
  /** What the chain has: whether a nonce was used, and a CID's latest VID. */
  readonly chain: {
    readonly isUsed: (transaction: SimTransaction) => boolean;
    readonly latestVid: (transaction: SimTransaction) => number;
    readonly tip: () => Tip;
    readonly judgeChange: (change: FederationPayload) => Refusal | undefined;
  };
  readonly onChange: () => void;
  /** A client or a member is told that it is here. */
  readonly onAcknowledged: (transaction: SimTransaction) => void;
  readonly count: (what: string) => void;
}

/** Transactions that wait for a block. */
export interface MemberPool {
  readonly pure: Pool;
  readonly get: (id: TxId) => SimTransaction | undefined;
  readonly ids: () => readonly TxId[];
  readonly all: () => readonly SimTransaction[];
  readonly candidates: () => readonly SimTransaction[];
  readonly available: () => boolean;
  readonly wasRefused: (id: TxId) => boolean;
  /** Takes what passes; resumes when it is durable, with those that are here now. */
  readonly add: (transactions: readonly SimTransaction[]) => Task<readonly SimTransaction[]>;
  /** Takes what was durable at the start. */
  readonly load: (transactions: readonly SimTransaction[]) => void;
  readonly settle: (committed: readonly SimTransaction[]) => Task;
  readonly drop: (refused: ReadonlyMap<string, Refusal>) => Task;
}

/** An empty pool. */
export function makeMemberPool(options: MemberPoolOptions): MemberPool {
  const { protocol: { mempool }, disk, parameters, nowMs, chain } = options;
  const pure = mempool.makePool({ lifetimeMs: parameters.transactionLifetimeMs });
  const bodies = new Map<string, SimTransaction>();
  /** What a leader could not put into a block now, but may later. */
  const aside = new Set<string>();

  function take(transaction: SimTransaction): Verdict<unknown> {
    if (bodies.has(toHex(transaction.id))) return { ok: true, value: transaction };
    if (transaction.isBroken || transaction.size > parameters.maxTransactionBytes) {
      return refuse("transaction-signature", "the transaction is broken or too large");
    }
    if (transaction.timestamp > nowMs() + LIMITS.timestampAheadMs) return refuse("future", "not now");
    if (chain.isUsed(transaction)) return refuse("duplicate", "on the chain");
    const wrong = transaction.change === null ? undefined : chain.judgeChange(transaction.change);
    if (wrong !== undefined) return counted(wrong);
    const latestVid = chain.latestVid(transaction);
    const verdict = mempool.addToPool(pure, { entry: transaction, latestVid, nowMs: nowMs() });
    if (verdict.ok) bodies.set(toHex(transaction.id), transaction);
    return verdict;
  }

  function counted(refusal: Refusal): Refusal {
    if (refusal.code === "federation-order") options.count("change refused as old");
    return refusal;
  }

  function follows({ body: { document } }: FederationPayload, federation: Federation): boolean {
    return options.protocol.checkNext(document, federation) === undefined;
  }

  /** Whether a block on the tip can take it: a change waits for the one before it to be in force. */
  function isProposable({ change }: SimTransaction): boolean {
    if (change === null) return true;
    const { federation, nextFederation } = chain.tip();
    return equal(federation.hash, nextFederation.hash) && follows(change, federation);
  }

  function sweep(): readonly string[] {
    const gone = [...bodies.keys()].filter((name) => !pure.entries.has(name));
    for (const name of gone) {
      bodies.delete(name);
      aside.delete(name);
    }
    return gone;
  }

  function* unpool(ids: readonly string[]): Task {
    if (ids.length > 0) yield* disk.write({ kind: "unpool", ids });
    options.onChange();
  }

  function chosen(count: number): readonly SimTransaction[] {
    const bytes = parameters.maxBlockBytes;
    const passedOver = new Set<string>();
    const isWhole = aside.size === 0 && [...bodies.values()].every(isProposable);
    const room = isWhole ? count : Infinity;
    const transactions: SimTransaction[] = [];
    for (const { id, cid, vid } of mempool.candidates(pure, { nowMs: nowMs(), bytes, count: room })) {
      // A version cannot come before the one before it.
      const isLate = vid !== null && passedOver.has(toHex(cid));
      const transaction = bodies.get(toHex(id)) as SimTransaction;
      if (!isProposable(transaction)) continue;
      if (!aside.has(toHex(id)) && !isLate) transactions.push(transaction);
      else if (vid !== null) passedOver.add(toHex(cid));
      if (transactions.length >= count) break;
    }
    return transactions;
  }

  /** A version that is refused for want of the one before it may still come, and so may one of two changes. */
  function mayCome({ cid, vid }: SimTransaction, { code }: Refusal): boolean {
    if (code === "future" || code === "federation-pending") return true;
    return code === "vid-order" && (vid ?? 0) > (pure.versions.get(toHex(cid))?.latest ?? Infinity);
  }

  return {
    pure,
    get: (id) => bodies.get(toHex(id)),
    ids: () => [...bodies.values()].map(({ id }) => id),
    all: () => [...bodies.values()],
    candidates: () => chosen(LIMITS.blockTransactions),
    available: () => chosen(1).length > 0,
    wasRefused: (id) => mempool.outcomeOf(pure, id) !== undefined,
    *add(transactions) {
      const news = transactions.filter((each) => !bodies.has(toHex(each.id)));
      const taken = transactions.filter((each) => take(each).ok);
      const written = news.filter((each) => bodies.has(toHex(each.id)));
      if (!options.rules.acknowledgeDurable) { for (const each of written) options.onAcknowledged(each); }
      if (written.length > 0) yield* disk.write({ kind: "pool", transactions: written });
      if (options.rules.acknowledgeDurable) { for (const each of written) options.onAcknowledged(each); }
      options.onChange();
      return taken;
    },
    load: (transactions) => {
      for (const each of transactions) take(each);
    },
    *settle(committed) {
      mempool.onCommitted(pure, committed);
      for (const each of bodies.values()) {
        if (chain.isUsed(each)) mempool.dropFromPool(pure, { id: each.id, code: "duplicate" });
        if (each.change === null || follows(each.change, chain.tip().nextFederation)) continue;
        const { code } = counted(refuse("federation-order", "another document is in force"));
        mempool.dropFromPool(pure, { id: each.id, code });
      }
      mempool.expire(pure, nowMs());
      if (committed.length > 0) aside.clear();
      const own = new Set(committed.map(({ id }) => toHex(id)));
      yield* unpool(sweep().filter((name) => !own.has(name)));
    },
    *drop(refused) {
      for (const [name, refusal] of refused) {
        const transaction = bodies.get(name);
        if (transaction === undefined) continue;
        if (mayCome(transaction, counted(refusal))) aside.add(name);
        else mempool.dropFromPool(pure, { id: transaction.id, code: refusal.code });
      }
      yield* unpool(sweep());
    },
  };
}
