/** A chain that grows when a test says so: a real store, blocks signed by all members of a test federation. */
import assert from "node:assert/strict";
import type { Block, DecidedBlock } from "../../../core/block.ts";
import { asRound } from "../../../core/brands.ts";
import type { Federation } from "../../../core/federation.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import type { Transaction } from "../../../core/transaction.ts";
import { type ChainStore, openStore } from "../../../store/chain_store.ts";
import { certify, GENESIS_MS, memberKey, testFederation } from "../../support/federation.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

/** The chain. */
export interface TestStore extends AsyncDisposable {
  readonly federation: Federation;
  readonly store: ChainStore;
  readonly nowMs: () => number;
  /** Appends a block of these, all of which must fit. */
  readonly commit: (transactions: readonly Transaction[]) => Promise<DecidedBlock>;
}

/** All members sign a block. */
export function decide(federation: Federation, block: Block): DecidedBlock {
  const keys = federation.document.members.map((_, index) => memberKey(index));
  return {
    block,
    certificate: certify({ federation, keys }, { header: block.header, signers: keys.length }),
  };
}

/** Makes and appends the next block of a store. */
export async function commitOn(
  store: ChainStore,
  { federation, transactions = [], nowMs }: {
    federation: Federation;
    transactions?: readonly Transaction[];
    nowMs: number;
  },
): Promise<DecidedBlock> {
  const { block, refused } = await store.build({
    candidates: transactions,
    proposer: memberKey(0).publicKey,
    createdRound: asRound(0),
    nowMs,
  });
  assert.deepEqual([...refused.values()], []);
  const decided = decide(federation, block);
  const appended = await store.append(decided);
  assert(appended.ok, JSON.stringify(appended));
  return decided;
}

/** Opens a store of a federation of `n`, or of one whose members have the keys of a test federation's. */
export async function testStore(of: number | Federation = 1): Promise<TestStore> {
  const directory = await temporaryDirectory();
  const federation = typeof of === "number" ? testFederation(of) : of;
  const store = await openStore({ location: directory.file("chain.kv"), federation, crypto: platformCrypto });
  const nowMs = () => Math.floor(GENESIS_MS + 1000 + performance.now());
  return {
    federation,
    store,
    nowMs,
    commit: (transactions) => {
      const inForce = store.tip().federation;
      return commitOn(store, { federation: inForce, transactions, nowMs: nowMs() });
    },
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}
