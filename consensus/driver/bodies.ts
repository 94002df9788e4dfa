/**
 * Transactions' bodies for proposals: what the pool lacks is asked of the members that must have it.
 *
 * A member that signed PREPARE serves the bodies until the height is decided; so the wait ends when one correct
 * signer is reached, and until then the members are asked in turn, for as long as the proposal is of interest.
 *
 * @module
 */
import type { TxId } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import type { Transaction } from "../../core/transaction.ts";

/** How long one member is waited for before the next is asked. */
const ASK_NEXT_MS = 400;

/** Where bodies come from. */
export interface BodyOptions {
  /** What is at hand. */
  readonly lookUp: (id: TxId) => Transaction | undefined;
  /** Asks a member for bodies; the answer comes through {@link Bodies.arrived}. */
  readonly want: (member: number, ids: readonly TxId[]) => void;
}

/** Gathers bodies; disposing ends all waiting. */
export interface Bodies {
  /** The transactions in order of ids; `null` when the signal aborts first. */
  readonly collect: (
    ids: readonly TxId[],
    options: { from: readonly number[]; signal: AbortSignal },
  ) => Promise<readonly Transaction[] | null>;
  /** Hands over verified transactions; those that nobody waits for are left alone. */
  readonly arrived: (transactions: readonly Transaction[]) => void;
}

interface Wait {
  readonly missing: Map<string, TxId>;
  readonly found: Map<string, Transaction>;
  readonly done: () => void;
}

/** Starts with nobody waiting. */
export function openBodies({ lookUp, want }: BodyOptions): Bodies {
  const waits = new Set<Wait>();

  async function collect(
    ids: readonly TxId[],
    { from, signal }: { from: readonly number[]; signal: AbortSignal },
  ): Promise<readonly Transaction[] | null> {
    const found = new Map<string, Transaction>();
    const missing = new Map<string, TxId>();
    for (const id of ids) {
      const known = lookUp(id);
      if (known === undefined) missing.set(toHex(id), id);
      else found.set(toHex(id), known);
    }
    if (missing.size > 0) await fetchMissing({ missing, found }, { from, signal });
    if (missing.size > 0) return null;
    return ids.map((id) => found.get(toHex(id)) as Transaction);
  }

  async function fetchMissing(
    { missing, found }: Pick<Wait, "missing" | "found">,
    { from, signal }: { from: readonly number[]; signal: AbortSignal },
  ): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = () => resolve();
    const wait = { missing, found, done };
    waits.add(wait);
    let turn = 0;
    const ask = () => {
      const member = from[turn++ % from.length];
      if (member !== undefined) want(member, [...missing.values()]);
    };
    const timer = setInterval(ask, ASK_NEXT_MS);
    signal.addEventListener("abort", done, { once: true });
    ask();
    try {
      if (!signal.aborted) await promise;
    } finally {
      clearInterval(timer);
      signal.removeEventListener("abort", done);
      waits.delete(wait);
    }
  }

  return {
    collect,
    arrived: (transactions) => {
      for (const transaction of transactions) {
        const name = toHex(transaction.id);
        for (const wait of waits) {
          if (!wait.missing.delete(name)) continue;
          wait.found.set(name, transaction);
          if (wait.missing.size === 0) wait.done();
        }
      }
    },
  };
}
