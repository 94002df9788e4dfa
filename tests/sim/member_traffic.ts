/** Frames from members, and answers to their questions; as the driver deals with them, one of each member at a time. */
import type { Message, Verified } from "../../consensus/message.ts";
import type { State } from "../../consensus/state.ts";
import type { RawBlock } from "../../core/block.ts";
import type { Height } from "../../core/brands.ts";
import type { MemberChain } from "./member_chain.ts";
import type { MemberPool } from "./member_pool.ts";
import type { DecidedBlock } from "./ledger.ts";
import { aboutMember, type Making, type Surroundings } from "./surroundings.ts";
import type { Syncing } from "./syncing.ts";
import { runTask } from "./tasks.ts";
import type { BlockRange, Frame, NodeId, SimTransaction } from "./types.ts";

/** More often than this nobody is told that a height is decided, as in the driver. */
const DECIDED_PAUSE_MS = 250;
/** Blocks of one answer; few, so that catching up takes several questions in a short schedule too. */
const ANSWER_BLOCKS = 4;

/** Traffic of one process. */
export interface Traffic {
  readonly onFrame: (from: NodeId, frame: Frame) => void;
  readonly onDown: (node: NodeId) => void;
  readonly sendDecided: (to: NodeId, height: Height) => void;
  /** What is answered to who asks for blocks. */
  readonly blocks: (range: BlockRange) => readonly RawBlock[];
}

/** Makes the traffic. */
export function makeTraffic(
  { around, chain, pool, syncing, post, state }: {
    readonly around: Surroundings;
    readonly chain: MemberChain;
    readonly pool: MemberPool;
    readonly syncing: Syncing;
    readonly post: (make: Making, done?: () => void) => void;
    readonly state: () => State;
  },
): Traffic {
  const { protocol, network, crypto } = around;
  const inboxes = new Map<NodeId, { readonly frames: Frame[]; isBusy: boolean }>();
  const toldMs = new Map<NodeId, number>();

  function onMessage(from: NodeId, message: Message, done: () => void): void {
    if (!protocol.isOfInterest(state(), message)) return done();
    const verdict = around.verify(message, { federation: chain.tip().federation, crypto });
    if (!verdict.ok) {
      around.watcher.count(`refused ${verdict.code}`);
      return done();
    }
    const verified: Verified = verdict.value;
    post(
      (indexOf) =>
        aboutMember(indexOf(from), (member) => ({ kind: "message", from: member, message: verified })),
      done,
    );
  }

  function onTransactions(transactions: readonly SimTransaction[], done: () => void): void {
    const good = transactions.filter(({ isBroken }) => !isBroken);
    chain.arrived(good);
    const news = good.filter(({ id }) => pool.get(id) === undefined);
    if (news.length === 0) done();
    else runTask(pool.add(news), done);
  }

  /** Deals with a frame; `done` says that the next may be read. */
  function onFrame(from: NodeId, frame: Frame, done: () => void): void {
    switch (frame.kind) {
      case "message":
        return onMessage(from, frame.message, done);
      case "bytes": {
        const decoded = protocol.decodeMessage(frame.bytes);
        if (decoded.ok) return onMessage(from, decoded.value, done);
        around.watcher.count(`refused ${decoded.code}`);
        return done();
      }
      case "transactions":
        return onTransactions(frame.transactions, done);
      case "height": {
        const { height } = frame;
        const make: Making = (indexOf) =>
          aboutMember(indexOf(from), (member) => ({ kind: "peerHeight", member, height }));
        return post(make, done);
      }
      case "blocks":
        syncing.onBlocks(from, frame);
        return done();
      default:
        answer(from, frame);
        return done();
    }
  }

  function answer(from: NodeId, frame: Extract<Frame, { kind: "want" | "pool" | "getBlocks" }>): void {
    switch (frame.kind) {
      case "want": {
        const found = frame.ids.map((id) => pool.get(id) ?? chain.held(id)).filter((each) =>
          each !== undefined
        );
        if (found.length > 0) network.send(from, { kind: "transactions", transactions: found });
        return;
      }
      case "pool": {
        const missing = frame.ids.filter((id) => pool.get(id) === undefined && !pool.wasRefused(id));
        if (missing.length > 0) network.send(from, { kind: "want", ids: missing });
        return;
      }
      case "getBlocks": {
        network.send(from, { kind: "blocks", from: frame.from, blocks: blocks(frame) });
        return;
      }
    }
  }

  function blocks({ from, count }: BlockRange): readonly RawBlock[] {
    const end = from - 1 + Math.min(count, ANSWER_BLOCKS);
    return chain.blocks().slice(from - 1, end).map(rawBlock);
  }

  /** Reads on until a frame is not dealt with at once. */
  function read(from: NodeId): void {
    const inbox = inboxes.get(from);
    while (inbox !== undefined && !inbox.isBusy) {
      const frame = inbox.frames.shift();
      if (frame === undefined) return;
      inbox.isBusy = true;
      let isNow = true;
      onFrame(from, frame, () => {
        inbox.isBusy = false;
        if (!isNow) read(from);
      });
      isNow = false;
    }
  }

  return {
    onFrame: (from, frame) => {
      const inbox = inboxes.get(from) ?? { frames: [], isBusy: false };
      inboxes.set(from, inbox);
      inbox.frames.push(frame);
      read(from);
    },
    onDown: (node) => void inboxes.delete(node),
    blocks,
    sendDecided: (to, height) => {
      const nowMs = around.nowMs();
      const block = chain.blocks()[height - 1];
      if (nowMs < (toldMs.get(to) ?? -Infinity) + DECIDED_PAUSE_MS || block === undefined) return;
      toldMs.set(to, nowMs);
      network.send(to, { kind: "message", message: { kind: "decided", block: rawBlock(block) } });
    },
  };
}

/** A block as it travels. */
export function rawBlock({ proposal, transactions, certificate }: DecidedBlock): RawBlock {
  const { header, parentCertificate } = proposal;
  return {
    version: 1,
    header,
    parentCertificate,
    transactions: transactions.map(({ bytes }) => bytes),
    certificate,
  };
}
