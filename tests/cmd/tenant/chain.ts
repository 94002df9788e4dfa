/**
 * A chain of one member on the real store, in memory: each transaction that it accepts becomes a block at once.
 *
 * @module
 */
import { asRound, type TxId } from "../../../core/brands.ts";
import { type Bytes, toHex } from "../../../core/bytes.ts";
import { accept, assert, type Verdict } from "../../../core/errors.ts";
import { type Federation, memberAt, type Parameters } from "../../../core/federation.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import type { ChainReader } from "../../../core/ports.ts";
import type { Transaction } from "../../../core/transaction.ts";
import { verifyTransaction } from "../../../core/transaction_rules.ts";
import { openStore } from "../../../store/chain_store.ts";
import { certify, makeFederation } from "../../support/federation.ts";

/** A running chain. */
export interface TestChain extends AsyncDisposable {
  readonly reader: ChainReader;
  readonly federation: Federation;
  /** Judges a transaction and commits it in a block of its own; one that is there already is accepted again. */
  readonly commit: (bytes: Bytes) => Promise<Verdict<TxId>>;
  /** Commits an empty block. */
  readonly close: () => Promise<void>;
  /** All transactions in order. */
  readonly transactions: readonly Transaction[];
}

/** Starts a chain with one empty block. */
export async function startChain(parameters: Partial<Parameters> = {}): Promise<TestChain> {
  const members = makeFederation({ parameters, timeMs: Date.now() - 3_600_000 });
  const { federation } = members;
  const { genesisId } = federation;
  const store = await openStore({ location: ":memory:", federation, crypto: platformCrypto });
  const transactions: Transaction[] = [];
  // One after the other, as the node's driver does it.
  let turn: Promise<unknown> = Promise.resolve();

  async function append(candidates: readonly Transaction[]): Promise<Verdict<null>> {
    const { block, refused } = await store.build({
      candidates,
      proposer: memberAt(federation, 0).key,
      createdRound: asRound(0),
      nowMs: Date.now(),
    });
    for (const verdict of refused.values()) if (!verdict.ok) return verdict;
    const appended = await store.append({ block, certificate: certify(members, block) });
    assert(appended.ok, "a block of the test's own is refused");
    transactions.push(...candidates);
    return accept(null);
  }

  async function commit(bytes: Bytes): Promise<Verdict<TxId>> {
    const verified = verifyTransaction(bytes, { genesisId, crypto: platformCrypto });
    if (!verified.ok) return verified;
    const { id } = verified.value;
    if (transactions.some((known) => toHex(known.id) === toHex(id))) return accept(id);
    const appended = await append([verified.value]);
    return appended.ok ? accept(id) : appended;
  }

  await append([]);
  return {
    reader: store,
    federation,
    transactions,
    commit: (bytes) => {
      const committed = turn.then(() => commit(bytes));
      turn = committed;
      return committed;
    },
    close: async () => {
      const closed = turn.then(() => append([]));
      turn = closed;
      await closed;
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
