/**
 * A long chain in the directories of nodes that have not run yet: made by the real store, certified by the nodes' own
 * keys, as if they had decided it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFederationFile } from "../../cmd/common/federation_file.ts";
import { readKeyFile } from "../../cmd/common/key_file.ts";
import { KEY_FILE } from "../../cmd/node/directory.ts";
import { leaderKeyAt } from "../../consensus/leader.ts";
import { asRound } from "../../core/brands.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import type { Federation } from "../../core/federation.ts";
import type { Tip } from "../../core/ports.ts";
import type { Transaction } from "../../core/transaction.ts";
import { openStore } from "../../store/chain_store.ts";
import type { CheckpointRule } from "../../store/checkpoint.ts";
import { dataDirectory } from "../../store/directory.ts";
import { certify, type TestFederation } from "./federation.ts";
import { testKey } from "./keys.ts";
import type { Network } from "./network.ts";
import { plainConfiguration } from "./test_transactions.ts";

/** Pages are written once and not again and again; the node that starts has the more to do. */
const SELDOM: CheckpointRule = { blocks: 1_024, pages: 65_536 };
/** Every so-many-th block has a transaction. */
const TRANSACTION_EVERY = 10;

/** What a chain is to be. */
export interface GrownChain {
  readonly blocks: number;
  /** The nodes that get it, by index. */
  readonly nodes: readonly number[];
  /** The transactions of a block, from 0; one in every tenth block when left out. */
  readonly transactionsOf?: (block: number, chain: GrowingChain) => Promise<readonly Transaction[]>;
}

/** The chain below a block that is being made. */
export interface GrowingChain {
  readonly federation: Federation;
  readonly tip: () => Tip;
}

/** Gives some nodes, none of which runs, a chain of so many blocks. */
export async function growChain(network: Network, { nodes, ...wanted }: GrownChain): Promise<void> {
  const federation = await readFederationFile(network.federation);
  const keys = await Promise.all(
    network.urls.map((_, index) => readKeyFile(`${network.directoryOf(index)}/${KEY_FILE}`)),
  );
  const [first = 0, ...others] = nodes;
  await writeBlocks(dataDirectory(network.directoryOf(first)).chain, { federation, keys, ...wanted });
  for (const index of others) await copyChain(network.directoryOf(first), network.directoryOf(index));
}

async function writeBlocks(
  location: string,
  { blocks, transactionsOf = someTransactions, ...made }: TestFederation & Omit<GrownChain, "nodes">,
): Promise<void> {
  const { federation } = made;
  await using store = await openStore({ location, federation, crypto: platformCrypto, checkpoint: SELDOM });
  for (let i = 0; i < blocks; i++) {
    const tip = store.tip();
    const candidates = await transactionsOf(i, { federation, tip: () => tip });
    const createdRound = asRound(0);
    const proposer = leaderKeyAt(tip, createdRound);
    const { block, refused } = await store.build({ candidates, proposer, createdRound, nowMs: Date.now() });
    assert.deepEqual([...refused.values()], []);
    const appended = await store.append({ block, certificate: certify(made, { header: block.header }) });
    assert(appended.ok, JSON.stringify(appended));
  }
}

async function someTransactions(block: number, chain: GrowingChain): Promise<readonly Transaction[]> {
  const isBusy = block > 0 && block % TRANSACTION_EVERY === 0;
  return isBusy ? [await plainConfiguration(chain, testKey("tenant"))] : [];
}

async function copyChain(from: string, to: string): Promise<void> {
  for await (const { name } of Deno.readDir(from)) {
    if (name.startsWith("chain.kv")) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}
