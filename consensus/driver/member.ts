/**
 * A member: protocol, links, pool and chain as one.
 *
 * Two flows: a client's transaction goes to the pool, is durable, is spread; a member's frame is decoded, verified,
 * stepped, persisted, answered. Who is no member of the federation in force runs the same way and casts no vote; it
 * becomes one, or ceases to be one, with the block that brings such a document into force.
 *
 * @module
 */
import type { Hash, TxId } from "../../core/brands.ts";
import type { Bytes } from "../../core/bytes.ts";
import type { Verdict } from "../../core/errors.ts";
import type { RawBlock } from "../../core/block.ts";
import { type Federation, memberIndex } from "../../core/federation.ts";
import type { Tip } from "../../core/ports.ts";
import type { Transaction } from "../../core/transaction.ts";
import { highestVoteOf } from "../peers.ts";
import { start } from "../start.ts";
import { type OwnPart, type Standing, standingOf, type State } from "../state.ts";
import { type Driver, openDriver } from "./driver.ts";
import { decodeHello, encodeHello } from "./hello.ts";
import type { MemberOptions } from "./member_options.ts";
import { driverPorts, type MemberParts, openMemberParts } from "./member_parts.ts";
import { openOffers } from "./offers.ts";
import type { MemberPool } from "./pool.ts";
import type { ProtocolPort } from "./protocol_port.ts";

/**
 * A running member. Disposing stops it and waits for what it does with chain, pool and journal, which may be closed
 * then; the links are closed, and nothing is submitted any more, before.
 */
export interface Member extends AsyncDisposable {
  /** Takes verified transactions of clients into the pool and spreads them; durable when it resolves. */
  readonly submit: (transactions: readonly Transaction[]) => Promise<readonly Verdict<TxId>[]>;
  /** Judges the next decided block, wherever it is from, and appends it; one that is there already is fine. */
  readonly append: (block: RawBlock) => Promise<Verdict<Tip>>;
  readonly pool: MemberPool;
  readonly status: () => MemberStatus;
  // What the links tell; members by their numbers (core/roster.ts):
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
  /** One correct member at least has shown a chain that is ahead of ours by more than the block under way. */
  readonly isBehind: boolean;
  /** In force at the height being decided. */
  readonly federation: Federation;
  /** The heights that the others have shown, by index in it. */
  readonly heights: ReadonlyMap<number, number>;
}

/** Starts a member on its chain and its journal. */
export async function openMember(options: MemberOptions): Promise<Member> {
  const { chain, key, crypto, network, roster, timing } = options;
  let driver: Driver | undefined;
  const protocol: ProtocolPort = {
    post: (event) => driver?.post(event) ?? Promise.resolve(),
    about: async (member, make) =>
      await driver?.post(({ tip }) => {
        const index = roster.indexIn(tip.federation, member);
        return index < 0 ? null : make(index);
      }),
    // The first actions run while the driver is being opened.
    state: () => driver?.state() ?? restored.state,
    fatal: (error) => {
      driver?.stop();
      options.fatal(error);
    },
  };
  const parts = await openMemberParts(options, protocol);
  const tip = chain.tip();
  roster.admit(tip.federation);
  const self = memberIndex(tip.federation, key.publicKey);
  const tools = { crypto, publicKey: key.publicKey, sign: key.sign };
  const restored = start({ tools, tip, self, work: parts.work(), records: options.journal.records });
  // Others may ask for the bodies of what we voted for before we are asked to judge it again.
  for (const hash of votedBlocks(restored.state)) await parts.held.read(hash);
  const running = driver = openDriver(restored, driverPorts(options, { ...protocol, ...parts }));
  const offers = openOffers({ pool: parts.pool, broadcast: network.broadcast, everyMs: timing?.offerMs });
  return {
    pool: parts.pool,
    submit: async (transactions) => {
      const verdicts = await parts.pool.add(transactions);
      // A crash before this leaves them in our pool alone; links that come up exchange what the pools have.
      parts.traffic.spread(transactions.filter((_, i) => verdicts[i]?.ok === true));
      return verdicts;
    },
    append: parts.tasks.append,
    status: () => statusOf(running.state(), chain.tip().parent.height),
    ...linkEvents(options, { ...protocol, ...parts }),
    [Symbol.asyncDispose]: async () => {
      offers[Symbol.dispose]();
      parts.catchUp[Symbol.dispose]();
      parts.compact[Symbol.dispose]();
      parts.tasks[Symbol.dispose]();
      await running[Symbol.asyncDispose]();
      await parts.background.settled();
    },
  };
}

/** What the links tell us. */
function linkEvents(
  { chain, roster }: MemberOptions,
  { about, state, fatal, catchUp, traffic, log }: ProtocolPort & MemberParts,
): Pick<Member, "hello" | "onUp" | "onDown" | "onFrame"> {
  return {
    hello: (member) => {
      const index = roster.indexIn(state().tip.federation, member);
      return encodeHello({
        height: chain.tip().parent.height,
        shown: index < 0 ? null : highestVoteOf(state(), index),
      });
    },
    onUp: (member, bytes) => {
      const hello = decodeHello(bytes);
      if (!hello.ok) {
        return log("warning", "hello refused", { member, code: hello.code, detail: hello.detail });
      }
      const { height, shown } = hello.value;
      void about(member, (index) => ({ kind: "peerUp", member: index, height, highest: shown }));
      traffic.greet(member);
    },
    onDown: (member) => {
      catchUp.onDown(member);
      void about(member, (index) => ({ kind: "peerDown", member: index }));
    },
    onFrame: async (member, frame) => {
      try {
        await traffic.onFrame(member, frame);
      } catch (error) {
        // Nothing that a member sends throws: it is a bug of ours, or our disk.
        fatal(error);
      }
    },
  };
}

/** The blocks that we may have voted for at the height to go on with. */
function votedBlocks({ own, prepared, resume }: State): readonly Hash[] {
  const parts: readonly Pick<OwnPart, "own" | "prepared">[] = [
    { own, prepared },
    ...(resume === null ? [] : [resume.part]),
  ];
  return parts.flatMap(({ own: { prePrepare, prepare }, prepared: lock }) =>
    [prePrepare, prepare, lock].flatMap((vote) => vote === null ? [] : [vote.blockHash])
  );
}

function statusOf(state: State, height: number): MemberStatus {
  const { round, peers: { heights }, tip: { federation } } = state;
  const shown = [...heights.values()].sort((a, b) => b - a);
  // Of so many members one is correct.
  const sure = shown[federation.faults] ?? 0;
  return { height, round, standing: standingOf(state), isBehind: sure > height + 1, federation, heights };
}
