/**
 * The durable pool: transactions that this node has taken and no block has yet. Those that arrive while a commit is
 * under way become durable together in the next one, as one value: one fsync and few rows for many transactions. A
 * value goes when none of its transactions is wanted any more; until then some that were evicted or committed stay
 * beside it, and are sorted out at a start.
 *
 * @module
 */
import type { Hash, TxId } from "../core/brands.ts";
import { toHex } from "../core/bytes.ts";
import { LIMITS } from "../core/limits.ts";
import type { PoolPort } from "../core/ports.ts";
import { bytesUpTo, decodeShape, encodeShape, list } from "../core/shape.ts";
import type { Transaction } from "../core/transaction.ts";
import { commitBatches, packBatches } from "./batches.ts";
import { chunkCount, deleteChunks, scanChunked, setChunks } from "./chunks.ts";
import { ownTransaction } from "./held.ts";
import { poolKey } from "./layout.ts";
import { damaged, type Mutation, type Rows } from "./rows.ts";

/** The pool, and what appending a block needs of it. */
export interface DurablePool extends PoolPort {
  /** Forgets transactions in memory; the mutations do it on the disk. Were they lost, a start would sort it out. */
  readonly forget: (ids: readonly TxId[]) => readonly Mutation[];
  /** Resolves when no commit is under way. */
  readonly settle: () => Promise<void>;
}

/** What the pool is opened with. */
export interface PoolOptions {
  readonly genesisId: Hash;
  /** Whether a block can still take a transaction that was found. */
  readonly canCome: (transaction: Transaction) => boolean;
}

/** Bytes of one value: its rows fit one atomic commit, unless it holds a single transaction that does not. */
const GROUP_BYTES = 640 * 1024;

const groupShape = list(bytesUpTo(LIMITS.transactionBytesCeiling), LIMITS.poolTransactions);

/** Opens the pool. A value that was cut by a crash was never acknowledged and goes. */
export async function openPool(rows: Rows, options: PoolOptions): Promise<DurablePool> {
  const groups = openGroups();
  const found = await readPool(rows, { ...options, groups });
  let sequence = found.lastSequence;
  let queued: Transaction[] = [];
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;

  async function commitQueued(): Promise<void> {
    const taken = queued;
    queued = [];
    next = undefined;
    for (const group of inGroups(taken.filter(({ id }) => !groups.has(id)))) {
      const ids = group.map(({ id }) => id);
      const value = encodeShape(groupShape, group.map(({ bytes }) => bytes));
      const open = groups.open({ sequence: ++sequence, chunks: chunkCount(value.length) }, ids);
      try {
        await commitBatches(rows.kv, packBatches(setChunks(rows.hash, poolKey(sequence), value)));
      } catch (error) {
        // Not durable: to be added again by whoever asks again.
        groups.forget(ids);
        throw error;
      }
      // All of them came into a block, or were evicted, while they were written.
      await commitBatches(rows.kv, packBatches(open.close()));
    }
  }

  return {
    add: (transactions) => {
      queued.push(...transactions);
      // Whoever waited for a commit that failed was told; the next one is tried all the same.
      next ??= running = running.catch(() => {}).then(commitQueued);
      return next;
    },
    remove: async (ids) => {
      await commitBatches(rows.kv, packBatches(groups.forget(ids)));
    },
    load: () => Promise.resolve(found.transactions.filter(({ id }) => groups.has(id))),
    forget: groups.forget,
    settle: () => running.catch(() => {}),
  };
}

async function readPool(
  rows: Rows,
  { genesisId, canCome, groups }: PoolOptions & { groups: Groups },
): Promise<{ transactions: readonly Transaction[]; lastSequence: number }> {
  const transactions: Transaction[] = [];
  const useless: Mutation[] = [];
  let lastSequence = 0;
  for await (const { key, value, chunks } of scanChunked(rows, { prefix: ["pool"] })) {
    lastSequence = key[1] as number;
    const stored = value === null ? [] : decodeGroup(value);
    const wanted = stored.map((bytes) => ownTransaction(bytes, { genesisId, hash: rows.hash }))
      .filter((transaction) => !groups.has(transaction.id) && canCome(transaction));
    const open = groups.open({ sequence: lastSequence, chunks }, wanted.map(({ id }) => id));
    useless.push(...open.close());
    transactions.push(...wanted);
  }
  await commitBatches(rows.kv, packBatches(useless));
  return { transactions, lastSequence };
}

function decodeGroup(value: Uint8Array) {
  const decoded = decodeShape(groupShape, value, { what: "pool", code: "transaction-format" });
  if (!decoded.ok) throw damaged(decoded.detail);
  return decoded.value;
}

/** Splits transactions, in order, into values of about {@link GROUP_BYTES}; each stands once. */
function inGroups(transactions: readonly Transaction[]): readonly (readonly Transaction[])[] {
  const distinct = new Map(transactions.map((transaction) => [toHex(transaction.id), transaction]));
  const groups: Transaction[][] = [];
  let bytes = Infinity;
  for (const transaction of distinct.values()) {
    if (bytes + transaction.bytes.length > GROUP_BYTES) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(transaction);
    bytes += transaction.bytes.length;
  }
  return groups;
}

/** Which stored value each transaction is in. */
interface Groups {
  readonly has: (id: TxId) => boolean;
  /** Adds a value that is about to be written; until it is closed, no mutation deletes it. */
  readonly open: (
    group: { sequence: number; chunks: number },
    ids: readonly TxId[],
  ) => { close: () => readonly Mutation[] };
  readonly forget: (ids: readonly TxId[]) => readonly Mutation[];
}

function openGroups(): Groups {
  interface Group {
    readonly sequence: number;
    readonly chunks: number;
    count: number;
    isOpen: boolean;
  }
  const groupOf = new Map<string, Group>();
  const deletions = ({ sequence, chunks, count, isOpen }: Group) =>
    count === 0 && !isOpen ? deleteChunks(poolKey(sequence), chunks) : [];
  return {
    has: (id) => groupOf.has(toHex(id)),
    open: (stored, ids) => {
      const group: Group = { ...stored, count: ids.length, isOpen: true };
      for (const id of ids) groupOf.set(toHex(id), group);
      return {
        close: () => {
          group.isOpen = false;
          return deletions(group);
        },
      };
    },
    forget: (ids) =>
      ids.map(toHex).flatMap((id) => {
        const group = groupOf.get(id);
        if (group === undefined) return [];
        groupOf.delete(id);
        group.count--;
        return deletions(group);
      }),
  };
}
