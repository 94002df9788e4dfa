/**
 * Answers to members' questions: bodies, blocks, and DECIDED for who is stuck below us. A question is small and an
 * answer large, so each answer is bounded, blocks are read for one member at a time, and nobody is told that a height
 * is decided more often than it can be stuck there.
 *
 * @module
 */
import type { Height, TxId } from "../../core/brands.ts";
import { type Bytes, toHex } from "../../core/bytes.ts";
import { LIMITS } from "../../core/limits.ts";
import type { ChainReader } from "../../core/ports.ts";
import type { Transaction } from "../../core/transaction.ts";
import { encodeMessage } from "../wire.ts";
import { encodeFrame } from "./frames.ts";
import type { HeldBlocks } from "./held_blocks.ts";
import { makeMutex } from "./mutex.ts";
import type { Pool } from "./pool_port.ts";

/** A member that is stuck asks again after a round's time; more often than this it is not told. */
const DECIDED_PAUSE_MS = 250;

/** What answers are made from. */
export interface ServingOptions {
  /** False when no link stands or its queue is full. */
  readonly send: (member: number, frame: Bytes) => boolean;
  readonly pool: Pick<Pool, "get">;
  readonly held: HeldBlocks;
  readonly chain: Pick<ChainReader, "block">;
  /** Encoded blocks of our chain, bounded. */
  readonly readBlocks: (options: { from: Height; limit: number }) => Promise<readonly Bytes[]>;
  /** Milliseconds of a monotonic clock. */
  readonly monotonicMs: () => number;
}

/** Answers; each resolves when the answer was handed to the link, or dropped. */
export interface Serving {
  readonly bodies: (member: number, ids: readonly TxId[]) => Promise<void>;
  readonly blocks: (member: number, range: { from: Height; count: number }) => Promise<void>;
  readonly decided: (member: number, height: Height) => Promise<void>;
}

/** Makes the answers. */
export function makeServing({ send, pool, held, chain, readBlocks, monotonicMs }: ServingOptions): Serving {
  const oneReader = makeMutex();
  const toldMs = new Map<number, number>();

  async function bodies(member: number, ids: readonly TxId[]): Promise<void> {
    // A name asked for many times is answered once.
    const wanted = [...new Map(ids.slice(0, LIMITS.frameTransactions).map((id) => [toHex(id), id])).values()];
    const near = wanted.map((id) => pool.get(id) ?? held.transaction(id));
    const far = await oneReader(() => held.find(wanted.filter((_, i) => near[i] === undefined)));
    const found = [...near.filter((one) => one !== undefined), ...far];
    sendTransactions(upTo(LIMITS.blockBytesCeiling, found), (frame) => send(member, frame));
  }

  return {
    bodies,
    blocks: async (member, { from, count }) => {
      const blocks = [...await oneReader(() => readBlocks({ from, limit: count }))];
      // What goes beyond a frame is asked for again.
      while (blocks.length > 1 && sizeOf(blocks) > LIMITS.blockBytesCeiling) blocks.pop();
      send(member, encodeFrame({ kind: "blocks", from, blocks }));
    },
    decided: async (member, height) => {
      const now = monotonicMs();
      if (now < (toldMs.get(member) ?? -Infinity) + DECIDED_PAUSE_MS) return;
      toldMs.set(member, now);
      const block = await oneReader(() => chain.block(height));
      if (block === null) return;
      send(member, encodeFrame({ kind: "message", bytes: encodeMessage({ kind: "decided", block }) }));
    },
  };
}

function sizeOf(all: readonly Bytes[]): number {
  return all.reduce((sum, bytes) => sum + bytes.length, 0);
}

/** The first ones that have so many bytes together. */
function upTo(bytes: number, transactions: readonly Transaction[]): readonly Transaction[] {
  let room = bytes;
  return transactions.filter((transaction) => (room -= transaction.bytes.length) >= 0);
}

/** Sends transactions in frames of bounded size, until one is not taken; one transaction always fits. */
export function sendTransactions(
  transactions: readonly Transaction[],
  send: (frame: Bytes) => boolean,
): void {
  let group: Bytes[] = [];
  let groupBytes = 0;
  for (const [index, { bytes }] of transactions.entries()) {
    group.push(bytes);
    groupBytes += bytes.length;
    const isFull = groupBytes >= LIMITS.disseminationBytes || group.length >= LIMITS.frameTransactions;
    if (!isFull && index < transactions.length - 1) continue;
    if (!send(encodeFrame({ kind: "transactions", transactions: group }))) return;
    group = [];
    groupBytes = 0;
  }
}
