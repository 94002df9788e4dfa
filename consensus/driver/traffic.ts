/**
 * Frames from members, and what is sent to them: votes go to the protocol once verified, transactions to the pool,
 * questions are answered from pool and chain.
 *
 * `onFrame` resolves when the frame was dealt with; until then nothing more is read from that member, so that one
 * that floods waits for itself and holds at most one frame of memory here.
 *
 * @module
 */
import type { Height, TxId } from "../../core/brands.ts";
import type { Bytes } from "../../core/bytes.ts";
import { unreachable } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { ChainPort, CryptoPort } from "../../core/ports.ts";
import type { Transaction } from "../../core/transaction.ts";
import { verifyTransaction } from "../../core/transaction_rules.ts";
import type { Event } from "../events.ts";
import { readMessage } from "../verify.ts";
import type { Bodies } from "./bodies.ts";
import { decodeFrame, encodeFrame, type Frame } from "./frames.ts";
import type { DriverLog } from "./log.ts";
import type { Pool } from "./pool_port.ts";

/** The members' links. */
export interface NetworkPort {
  /** False when no link stands or its queue is full. */
  readonly send: (member: number, frame: Bytes) => boolean;
  readonly broadcast: (frame: Bytes) => void;
}

/** What traffic works with. */
export interface TrafficOptions {
  readonly network: NetworkPort;
  readonly chain: ChainPort;
  readonly pool: Pool;
  readonly bodies: Bodies;
  readonly crypto: CryptoPort;
  readonly post: (event: Event) => Promise<void>;
  /** A body that is held for the height being decided. */
  readonly heldTransaction: (id: TxId) => Transaction | undefined;
  /** Encoded blocks of our chain, bounded. */
  readonly readBlocks: (options: { from: Height; limit: number }) => Promise<readonly Bytes[]>;
  /** Blocks that were asked for. */
  readonly onBlocks: (member: number, answer: { from: Height; blocks: readonly Bytes[] }) => void;
  readonly log: DriverLog;
}

/** Traffic with the members. */
export interface Traffic {
  readonly onFrame: (member: number, bytes: Bytes) => Promise<void>;
  /** Tells a member that came up what our pool has. */
  readonly greet: (member: number) => void;
  /** Spreads transactions that this member took. */
  readonly spread: (transactions: readonly Transaction[]) => void;
}

/** Makes the traffic. */
export function makeTraffic(options: TrafficOptions): Traffic {
  const { network, chain, pool, bodies, crypto, post, log } = options;

  async function onMessage(member: number, bytes: Bytes): Promise<void> {
    const verdict = readMessage(bytes, { federation: chain.tip().federation, crypto });
    if (verdict.ok) return await post({ kind: "message", from: member, message: verdict.value });
    log("warning", "message refused", { member, code: verdict.code, detail: verdict.detail });
  }

  async function onTransactions(member: number, all: readonly Bytes[]): Promise<void> {
    const { genesisId } = chain.tip().federation;
    const verified: Transaction[] = [];
    for (const bytes of all) {
      const verdict = verifyTransaction(bytes, { genesisId, crypto });
      if (verdict.ok) verified.push(verdict.value);
      else log("warning", "transaction refused", { member, code: verdict.code, detail: verdict.detail });
    }
    // First the proposal that waits for them, whose validity does not depend on the pool.
    bodies.arrived(verified);
    await pool.add(verified.filter(({ id }) => pool.get(id) === undefined));
  }

  function onWant(member: number, ids: readonly TxId[]): void {
    const found = ids.map((id) => pool.get(id) ?? options.heldTransaction(id)).filter((found) =>
      found !== undefined
    );
    sendTransactions(found, (frame) => network.send(member, frame));
  }

  function onPool(member: number, ids: readonly TxId[]): void {
    const missing = ids.filter((id) => pool.get(id) === undefined);
    for (let i = 0; i < missing.length; i += LIMITS.frameTransactions) {
      network.send(
        member,
        encodeFrame({ kind: "want", ids: missing.slice(i, i + LIMITS.frameTransactions) }),
      );
    }
  }

  async function onGetBlocks(
    member: number,
    { from, count }: { from: Height; count: number },
  ): Promise<void> {
    const blocks = await options.readBlocks({ from, limit: count });
    network.send(member, encodeFrame({ kind: "blocks", from, blocks }));
  }

  async function onFrame(member: number, frame: Frame): Promise<void> {
    switch (frame.kind) {
      case "message":
        return await onMessage(member, frame.bytes);
      case "transactions":
        return await onTransactions(member, frame.transactions);
      case "want":
        return onWant(member, frame.ids);
      case "pool":
        return onPool(member, frame.ids);
      case "height":
        return await post({ kind: "peerHeight", member, height: frame.height });
      case "getBlocks":
        return await onGetBlocks(member, frame);
      case "blocks":
        return options.onBlocks(member, frame);
      default:
        return unreachable(frame);
    }
  }

  return {
    onFrame: async (member, bytes) => {
      const frame = decodeFrame(bytes);
      if (frame.ok) return await onFrame(member, frame.value);
      log("warning", "frame refused", { member, code: frame.code, detail: frame.detail });
    },
    greet: (member) => {
      const ids = pool.ids();
      if (ids.length > 0) network.send(member, encodeFrame({ kind: "pool", ids }));
    },
    spread: (transactions) => sendTransactions(transactions, network.broadcast),
  };
}

/** Sends transactions in frames of bounded size; one transaction always fits. */
function sendTransactions(transactions: readonly Transaction[], send: (frame: Bytes) => unknown): void {
  let group: Bytes[] = [];
  let bytes = 0;
  const flush = () => {
    if (group.length > 0) send(encodeFrame({ kind: "transactions", transactions: group }));
    group = [];
    bytes = 0;
  };
  for (const transaction of transactions) {
    group.push(transaction.bytes);
    bytes += transaction.bytes.length;
    if (bytes >= LIMITS.disseminationBytes || group.length >= LIMITS.frameTransactions) flush();
  }
  flush();
}
