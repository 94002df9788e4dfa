/**
 * Verifying many transactions without keeping everything else waiting: a frame or a block may hold thousands, each
 * with a signature.
 *
 * @module
 */
import type { Hash } from "../../core/brands.ts";
import type { Bytes } from "../../core/bytes.ts";
import type { Refusal } from "../../core/errors.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import type { Transaction } from "../../core/transaction.ts";
import { verifyTransaction } from "../../core/transaction_rules.ts";

/** Transactions verified at one go, some milliseconds; then timers and other members have their turn. */
const AT_ONE_GO = 64;

/** What came of it: those before the first that was refused, and why it was. */
export interface VerifiedTransactions {
  readonly verified: readonly Transaction[];
  readonly refusal: Refusal | null;
}

/**
 * Verifies transactions in order, up to the first one that does not hold: no correct member sends or proposes such a
 * one, so what comes after it is worth no work.
 */
export async function verifyTransactions(
  all: readonly Bytes[],
  options: { readonly genesisId: Hash; readonly crypto: CryptoPort },
): Promise<VerifiedTransactions> {
  const verified: Transaction[] = [];
  for (const [index, bytes] of all.entries()) {
    if (index > 0 && index % AT_ONE_GO === 0) await othersTurn();
    const verdict = verifyTransaction(bytes, options);
    if (!verdict.ok) return { verified, refusal: verdict };
    verified.push(verdict.value);
  }
  return { verified, refusal: null };
}

function othersTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
