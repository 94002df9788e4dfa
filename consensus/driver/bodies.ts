/**
 * Transactions' bodies for proposals: what is not at hand is asked of the members that must have it.
 *
 * A member that signed PREPARE serves the bodies until the height is decided; so the wait ends when one correct
 * signer is reached, and until then the members are asked in turn, for as long as the proposal is of interest. Bodies
 * that together exceed a block's size end the wait: whoever proposed them cannot make us keep more.
 *
 * @module
 */
import type { TxId } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import type { Transaction } from "../../core/transaction.ts";

/** How long one member is waited for before the next is asked; doubles each time that all have been asked. */
const ASK_NEXT_MS = 400;
/** Where the doubling ends. */
const ASK_NEXT_MAX_MS = 5_000;

/** Where bodies come from. */
export interface BodyOptions {
  /** What is at hand. */
  readonly lookUp: (id: TxId) => Transaction | undefined;
  /** Asks a member for bodies; the answer comes through {@link Bodies.arrived}. */
  readonly want: (member: number, ids: readonly TxId[]) => void;
}

/** Whom to ask, and until when. */
export interface CollectOptions {
  readonly from: readonly number[];
  /** Bytes that the bodies may have together. */
  readonly maxBytes: number;
  /** Whether the proposal is still of interest; looked at before each question. */
  readonly isWanted: () => boolean;
  /** Ends the wait at once. */
  readonly signal: AbortSignal;
}

/** Gathers bodies. */
export interface Bodies {
  /** The transactions in order of ids; `null` when the wait ended before they were all there. */
  readonly collect: (
    ids: readonly TxId[],
    options: CollectOptions,
  ) => Promise<readonly Transaction[] | "too-large" | null>;
  /** Hands over verified transactions; those that nobody waits for are left alone. */
  readonly arrived: (transactions: readonly Transaction[]) => void;
}

interface Wait {
  readonly missing: Map<string, TxId>;
  readonly found: Map<string, Transaction>;
  readonly done: () => void;
  readonly maxBytes: number;
  bytes: number;
}

/** Starts with nobody waiting. */
export function openBodies({ lookUp, want }: BodyOptions): Bodies {
  const waits = new Set<Wait>();

  async function collect(
    ids: readonly TxId[],
    options: CollectOptions,
  ): Promise<readonly Transaction[] | "too-large" | null> {
    const { promise, resolve: done } = Promise.withResolvers<void>();
    const { maxBytes } = options;
    const wait: Wait = { missing: new Map(), found: new Map(), done, maxBytes, bytes: 0 };
    for (const id of ids) wait.missing.set(toHex(id), id);
    for (const id of ids) give(wait, lookUp(id));
    if (!isOver(wait)) await fetchMissing(wait, { ...options, promise });
    if (wait.bytes > maxBytes) return "too-large";
    return wait.missing.size > 0 ? null : ids.map((id) => wait.found.get(toHex(id)) as Transaction);
  }

  async function fetchMissing(
    wait: Wait,
    { from, isWanted, signal, promise }: CollectOptions & { promise: Promise<void> },
  ): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = (turn: number) => {
      if (!isWanted()) return wait.done();
      const member = from[turn % from.length];
      if (member !== undefined) want(member, [...wait.missing.values()]);
      const doublings = Math.min(10, Math.floor(turn / Math.max(1, from.length)));
      timer = setTimeout(ask, Math.min(ASK_NEXT_MS * 2 ** doublings, ASK_NEXT_MAX_MS), turn + 1);
    };
    waits.add(wait);
    signal.addEventListener("abort", wait.done, { once: true });
    try {
      if (signal.aborted) return;
      ask(0);
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", wait.done);
      waits.delete(wait);
    }
  }

  return {
    collect,
    arrived: (transactions) => {
      for (const wait of waits) {
        for (const transaction of transactions) give(wait, transaction);
        if (isOver(wait)) wait.done();
      }
    },
  };
}

/** Hands one over to whom it is missing. */
function give(wait: Wait, transaction: Transaction | undefined): void {
  if (transaction === undefined || isOver(wait) || !wait.missing.delete(toHex(transaction.id))) return;
  wait.found.set(toHex(transaction.id), transaction);
  wait.bytes += transaction.bytes.length;
}

function isOver({ missing, bytes, maxBytes }: Wait): boolean {
  return missing.size === 0 || bytes > maxBytes;
}
