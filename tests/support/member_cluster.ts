/**
 * Members in one process, each with its real driver, store and vote journal in a directory of its own, on links in
 * memory.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readBlocks } from "../../cmd/node/blocks.ts";
import { openNodeJournal } from "../../cmd/node/journal.ts";
import { encodeHello } from "../../consensus/driver/hello.ts";
import type { DriverLog } from "../../consensus/driver/log.ts";
import { type Member, openMember } from "../../consensus/driver/member.ts";
import type { MemberOptions } from "../../consensus/driver/member_options.ts";
import { blockHash, type RawBlock } from "../../core/block.ts";
import { asHeight } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import { type Federation, federationOf, type Parameters } from "../../core/federation.ts";
import { openRoster } from "../../core/roster.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import type { Transaction } from "../../core/transaction.ts";
import { type ChainStore, openStore } from "../../store/chain_store.ts";
import { dataDirectory } from "../../store/directory.ts";
import { idsOf } from "./chain_check.ts";
import { certifiedFederation, GENESIS_MS, memberKey, testFederation } from "./federation.ts";
import { type Linked, type MemoryNetwork, memoryNetwork } from "./memory_network.ts";
import { temporaryDirectory } from "./temporary_directory.ts";

/** How a cluster is made. */
export interface ClusterOptions {
  readonly n: number;
  /** Nodes that may become members later have the indexes from `n` to this; `n` when left out. */
  readonly nodes?: number;
  readonly seed?: number;
  readonly parameters?: Partial<Parameters>;
  /** Changes what a member is started with. */
  readonly adapt?: (index: number, options: MemberOptions) => MemberOptions;
}

/** A running member and what it stands on. */
export interface Running {
  readonly member: Member;
  readonly chain: ChainStore;
  readonly log: readonly string[];
  readonly stop: () => Promise<void>;
}

/** The cluster; disposing stops all members and removes their directories. */
export interface Cluster extends AsyncDisposable {
  /** The first document. */
  readonly federation: Federation;
  /** A document of all nodes, that is never in force: for their certificates. */
  readonly everybody: Federation;
  readonly network: MemoryNetwork;
  readonly nowMs: () => number;
  readonly start: (index: number) => Promise<void>;
  readonly stop: (index: number) => Promise<void>;
  readonly at: (index: number) => Running;
  /** Indexes of those that run. */
  readonly running: () => readonly number[];
  /** Where a member keeps its chain and its journal. */
  readonly directory: (index: number) => string;
  /** Fails when it does not come true for very long. */
  readonly until: (what: string, condition: () => boolean | Promise<boolean>) => Promise<void>;
  readonly height: (index: number) => number;
  /** A member's whole chain. */
  readonly blocks: (index: number) => Promise<readonly RawBlock[]>;
  /** Ids of all transactions on a member's chain, in order. */
  readonly ids: (index: number) => Promise<readonly string[]>;
  /** Gives a member transactions; asserts that it took them. */
  readonly submit: (index: number, transactions: readonly Transaction[]) => Promise<void>;
  /** Waits until every running member has these on its chain and nothing in its pool, then compares the chains. */
  readonly settled: (transactions: readonly Transaction[]) => Promise<void>;
}

/** A running process of no member: what the test makes of a member's links. */
export type Impostor = Partial<Linked>;

/** Puts an impostor where a member does not run; its hello says nothing unless it says otherwise. */
export function impersonate(
  cluster: Cluster,
  { index, impostor }: { index: number; impostor: Impostor },
): void {
  cluster.network.attach(index, {
    hello: () => encodeHello({ height: asHeight(0), shown: null }),
    onUp: () => {},
    onDown: () => {},
    onFrame: () => Promise.resolve(),
    ...impostor,
  });
}

const QUICK: Partial<Parameters> = { heartbeatMs: 1000, roundTimeoutMs: 250, roundTimeoutMaxMs: 1000 };

/** Makes a cluster; no member is started yet. */
export async function makeCluster(options: ClusterOptions): Promise<Cluster> {
  const { federation, everybody } = await federationsOf(options);
  const network = memoryNetwork(options.seed ?? 1);
  const root = await temporaryDirectory();
  const running = new Map<number, Running>();
  const failures: unknown[] = [];
  const nowMs = () => Math.floor(GENESIS_MS + 1000 + performance.now());

  async function start(index: number): Promise<void> {
    assert(!running.has(index), `member ${index} runs already`);
    await Deno.mkdir(directory(index), { recursive: true });
    const paths = dataDirectory(directory(index));
    const log: string[] = [];
    const chain = await openStore({ location: paths.chain, federation, crypto: platformCrypto });
    const journal = await openNodeJournal(paths.votes);
    const write: DriverLog = (level, text, properties) =>
      void log.push(`${level} ${text} ${JSON.stringify(properties)}`);
    const wanted: MemberOptions = {
      chain,
      pool: chain.pool,
      journal,
      crypto: platformCrypto,
      key: memberKey(index),
      network: network.portOf(index),
      roster: openRoster(everybody),
      nowMs,
      readBlocks: (range) => readBlocks(chain, range),
      onAppended: () => {},
      onEvidence: () => {},
      log: write,
      fatal: (error) => void failures.push(error),
      timing: { answerMs: 500, offerMs: 300 },
    };
    const member = await openMember(options.adapt?.(index, wanted) ?? wanted);
    const stop = async () => {
      await network.detach(index);
      await member[Symbol.asyncDispose]();
      await journal[Symbol.asyncDispose]();
      await chain[Symbol.asyncDispose]();
    };
    running.set(index, { member, chain, log, stop });
    network.portOf(index).follow(chain.tip());
    network.attach(index, member);
  }

  async function stop(index: number): Promise<void> {
    const one = running.get(index);
    running.delete(index);
    await one?.stop();
  }

  function at(index: number): Running {
    const one = running.get(index);
    assert(one !== undefined, `member ${index} does not run`);
    return one;
  }

  function directory(index: number): string {
    return root.file(`member-${index}`);
  }

  async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    const endMs = performance.now() + 60_000;
    while (!await condition()) {
      assert.deepEqual(failures, [], `a member failed while waiting: ${what}`);
      assert(performance.now() < endMs, `never came true: ${what}\n${describe()}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.deepEqual(failures, [], `a member failed: ${what}`);
  }

  function describe(): string {
    return [...running].map(([index, { member, log }]) => {
      const { heights: _, ...status } = member.status();
      const { transactions } = member.pool.size();
      return `${index}: ${JSON.stringify({ ...status, transactions })}\n  ${log.slice(-12).join("\n  ")}`;
    }).join("\n");
  }

  async function blocks(index: number): Promise<readonly RawBlock[]> {
    const { chain } = at(index);
    const { height } = chain.tip().parent;
    const all = Array.from({ length: height }, (_, i) => chain.block(asHeight(i + 1)));
    return (await Promise.all(all)).filter((block) => block !== null);
  }

  const cluster: Cluster = {
    federation,
    everybody,
    network,
    nowMs,
    start,
    stop,
    at,
    running: () => [...running.keys()],
    directory,
    until,
    height: (index) => at(index).member.status().height,
    blocks,
    ids: async (index) => idsOf(await blocks(index), federation),
    submit: async (index, transactions) => {
      const verdicts = await at(index).member.submit(transactions);
      for (const verdict of verdicts) assert(verdict.ok, JSON.stringify(verdict));
    },
    settled: async (transactions) => {
      const wanted = transactions.map(({ id }) => toHex(id)).sort();
      await until("every transaction is on every chain once, and every pool empty", async () => {
        for (const [index, { member }] of running) {
          if (member.pool.size().transactions > 0) return false;
          if ((await cluster.ids(index)).length < wanted.length) return false;
        }
        return true;
      });
      const hashes: string[][] = [];
      for (const index of running.keys()) {
        assert.deepEqual([...await cluster.ids(index)].sort(), wanted, `member ${index}`);
        hashes.push((await blocks(index)).map(({ header }) => toHex(blockHash(platformCrypto.hash, header))));
      }
      const shortest = Math.min(...hashes.map((each) => each.length));
      for (const each of hashes) assert.deepEqual(each.slice(0, shortest), hashes[0]?.slice(0, shortest));
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...running.keys()].map(stop));
      await root[Symbol.asyncDispose]();
    },
  };
  return cluster;
}

/** The first document, and one of all nodes, by which a node's number is its index. */
async function federationsOf(
  { n, nodes, parameters }: ClusterOptions,
): Promise<{ federation: Federation; everybody: Federation }> {
  const all = { ...QUICK, ...parameters };
  if (nodes === undefined) {
    const federation = testFederation(n, all);
    return { federation, everybody: federation };
  }
  const keys = Array.from({ length: nodes }, (_, index) => memberKey(index));
  // Blocks judge the certificates of a change.
  const { federation: everybody } = await certifiedFederation({ keys, parameters: all, timeMs: GENESIS_MS });
  const { document } = everybody;
  const first = { ...document, members: document.members.slice(0, n) };
  return { federation: federationOf(platformCrypto.hash, first), everybody };
}

/** Makes a cluster and starts all its members. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const cluster = await makeCluster(options);
  try {
    for (let index = 0; index < options.n; index++) await cluster.start(index);
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}
