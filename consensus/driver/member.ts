/**
 * A member: protocol, links, pool and chain wired together.
 *
 * Two flows: a client's transaction goes to the pool, is durable, is spread; a member's frame is decoded, verified,
 * stepped, persisted, answered.
 *
 * @module
 */
import type { DecidedBlock, RawBlock } from "../../core/block.ts";
import type { Height, PublicKey, Signature, TxId } from "../../core/brands.ts";
import type { Bytes } from "../../core/bytes.ts";
import type { Verdict } from "../../core/errors.ts";
import { memberIndex } from "../../core/federation.ts";
import type { ChainPort, ChainReader, CryptoPort, PoolPort } from "../../core/ports.ts";
import type { Transaction } from "../../core/transaction.ts";
import { encodeMessage } from "../wire.ts";
import type { Event } from "../events.ts";
import type { Evidence } from "../evidence.ts";
import { highestVoteOf } from "../peers.ts";
import { start } from "../start.ts";
import { type Standing, standingOf } from "../state.ts";
import { openBodies } from "./bodies.ts";
import { type CatchUpRun, openCatchUp } from "./catch_up_run.ts";
import { type ChainTasks, openChainTasks } from "./chain_tasks.ts";
import { type Driver, type JournalPort, openDriver } from "./driver.ts";
import { encodeFrame } from "./frames.ts";
import { decodeHello, encodeHello } from "./hello.ts";
import type { DriverLog } from "./log.ts";
import { type MemberPool, openMemberPool } from "./pool.ts";
import { makeTraffic, type NetworkPort, type Traffic } from "./traffic.ts";

/** What a member is made of. */
export interface MemberOptions {
  readonly chain: ChainPort & ChainReader;
  readonly pool: PoolPort;
  readonly journal: JournalPort & { readonly records: readonly Bytes[] };
  readonly crypto: CryptoPort;
  readonly key: { readonly publicKey: PublicKey; readonly sign: (message: Bytes) => Signature };
  readonly network: NetworkPort;
  readonly nowMs: () => number;
  /** Encoded blocks of our chain, bounded. */
  readonly readBlocks: (options: { from: Height; limit: number }) => Promise<readonly Bytes[]>;
  readonly onAppended: (decided: DecidedBlock) => void;
  readonly onEvidence: (evidence: Evidence) => void;
  readonly log: DriverLog;
  /** The process must end: a bug, or a disk that failed. */
  readonly fatal: (error: unknown) => void;
}

/** A running member. */
export interface Member extends Disposable {
  /** Takes verified transactions of clients into the pool and spreads them; durable when it resolves. */
  readonly submit: (transactions: readonly Transaction[]) => Promise<readonly Verdict<TxId>[]>;
  readonly pool: MemberPool;
  readonly status: () => MemberStatus;
  // What the links tell:
  readonly hello: (member: number) => Bytes;
  readonly onUp: (member: number, hello: Bytes) => void;
  readonly onDown: (member: number) => void;
  readonly onFrame: (member: number, frame: Bytes) => Promise<void>;
}

/** How a member stands. */
export interface MemberStatus {
  readonly height: number;
  readonly round: number;
  readonly standing: Standing;
  /** Somebody claims a higher chain. */
  readonly isBehind: boolean;
  /** The heights that the others have shown, by index. */
  readonly heights: ReadonlyMap<number, number>;
}

/** Starts a member on its chain and its journal. */
export async function openMember(options: MemberOptions): Promise<Member> {
  const { chain, crypto, key, network, log, nowMs, fatal } = options;
  let driver: Driver | undefined;
  const post = (event: Event): Promise<void> => driver?.post(event) ?? Promise.resolve();

  const pool = await openMemberPool({
    port: options.pool,
    reader: chain,
    parameters: chain.tip().federation.document.parameters,
    hash: crypto.hash,
    nowMs,
    onChange: () => tellWork(),
  });
  const bodies = openBodies({
    lookUp: (id) => pool.get(id) ?? tasks.heldTransaction(id),
    want: (member, ids) => network.send(member, encodeFrame({ kind: "want", ids })),
  });
  const tasks: ChainTasks = openChainTasks({
    chain,
    pool,
    bodies,
    crypto,
    publicKey: key.publicKey,
    nowMs,
    post,
    log,
    fatal,
    onAppended: (decided) => {
      network.broadcast(encodeFrame({ kind: "height", height: decided.block.header.height }));
      options.onAppended(decided);
    },
  });
  const catchUp: CatchUpRun = openCatchUp({
    height: () => chain.tip().parent.height,
    ask: (member, range) => network.send(member, encodeFrame({ kind: "getBlocks", ...range })),
    append: tasks.append,
    log,
    fatal,
  });
  const traffic: Traffic = makeTraffic({
    network,
    chain,
    pool,
    bodies,
    crypto,
    post,
    heldTransaction: tasks.heldTransaction,
    readBlocks: options.readBlocks,
    onBlocks: catchUp.onBlocks,
    log,
  });

  let told = false;
  function tellWork(): void {
    const available = pool.available();
    if (available === told) return;
    told = available;
    void post({ kind: "work", available });
  }

  async function adopt(block: RawBlock, from: number): Promise<void> {
    const verdict = await tasks.append(block);
    if (verdict.ok) return;
    const { code, detail } = verdict;
    log("warning", "block refused", { member: from, height: block.header.height, code, detail });
  }

  async function sendDecided(to: number, height: Height): Promise<void> {
    const block = await chain.block(height);
    if (block === null) return;
    network.send(to, encodeFrame({ kind: "message", bytes: encodeMessage({ kind: "decided", block }) }));
  }

  const tip = chain.tip();
  const self = memberIndex(tip.federation, key.publicKey);
  told = pool.available();
  const tools = { crypto, publicKey: key.publicKey, sign: key.sign };
  const restored = start({ tools, tip, self, work: told, records: options.journal.records });
  driver = openDriver(restored, {
    journal: options.journal,
    send: (to, message) => {
      const frame = encodeFrame({ kind: "message", bytes: encodeMessage(message) });
      if (to === "all") network.broadcast(frame);
      else network.send(to, frame);
    },
    build: tasks.build,
    validate: tasks.validate,
    commit: tasks.commit,
    adopt: ({ block, from }) => void adopt(block, from).catch(fatal),
    fetchDecided: ({ height, from }) => {
      const heights = driver?.state().peers.heights;
      for (const member of from) {
        const claimed = heights?.get(member) ?? height;
        catchUp.onClaim(member, claimed < height ? height : claimed);
      }
    },
    sendDecided: ({ to, height }) => void sendDecided(to, height).catch(fatal),
    evidence: ({ evidence }) => options.onEvidence(evidence),
    fatal,
  });
  const running = driver;

  return {
    pool,
    submit: async (transactions) => {
      const verdicts = await pool.add(transactions);
      // A crash before this leaves them in our pool alone; links that come up exchange what the pools have.
      traffic.spread(transactions.filter((_, i) => verdicts[i]?.ok === true));
      return verdicts;
    },
    status: () => {
      const state = running.state();
      return {
        height: chain.tip().parent.height,
        round: state.round,
        standing: standingOf(state),
        isBehind: catchUp.isBehind(),
        heights: state.peers.heights,
      };
    },
    hello: (member) => {
      const shown = highestVoteOf(running.state(), member);
      return encodeHello({ height: chain.tip().parent.height, shown });
    },
    onUp: (member, bytes) => {
      const hello = decodeHello(bytes);
      if (!hello.ok) {
        return log("warning", "hello refused", { member, code: hello.code, detail: hello.detail });
      }
      const { height, shown } = hello.value;
      void post({ kind: "peerUp", member, height, highest: shown });
      traffic.greet(member);
    },
    onDown: (member) => {
      catchUp.onDown(member);
      void post({ kind: "peerDown", member });
    },
    onFrame: traffic.onFrame,
    [Symbol.dispose]: () => {
      running[Symbol.dispose]();
      tasks[Symbol.dispose]();
      catchUp[Symbol.dispose]();
    },
  };
}
