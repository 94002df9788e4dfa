/**
 * The pool as the driver uses it; made in pool.ts.
 *
 * @module
 */
import type { TxId } from "../../core/brands.ts";
import type { Refusal, Verdict } from "../../core/errors.ts";
import type { RefusalCode } from "../../core/refusals.ts";
import type { Transaction } from "../../core/transaction.ts";

/** Transactions that wait for a block, durable. */
export interface Pool {
  readonly get: (id: TxId) => Transaction | undefined;
  /** All ids, oldest first. */
  readonly ids: () => readonly TxId[];
  readonly size: () => { readonly transactions: number; readonly bytes: number };
  /** Those that can be proposed now, in the order in which they came. */
  readonly candidates: () => readonly Transaction[];
  /** Whether there are candidates. */
  readonly available: () => boolean;
  /** Why a transaction left unpublished, while that is remembered. */
  readonly outcome: (id: TxId) => RefusalCode | undefined;
  /**
   * Judges verified transactions and takes those that pass; durable when it resolves. One that is here already passes.
   */
  readonly add: (transactions: readonly Transaction[]) => Promise<readonly Verdict<TxId>[]>;
  /** Takes out what a block committed, and what can never be committed any more. */
  readonly settle: (committed: readonly Transaction[]) => Promise<void>;
  /** Takes out what could not be built into a block, where no later block will take it either. */
  readonly drop: (refused: ReadonlyMap<string, Refusal>) => Promise<void>;
}
