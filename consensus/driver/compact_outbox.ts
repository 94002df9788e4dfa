/**
 * Our own messages on their way to the others: in compact form when they are sent for the first time in round 0, in
 * full otherwise, and in full again to whoever asks. A question is small and its answer may be large: each message is
 * told to one member once in a while.
 * Source: docs/PROTOCOL.md, "Compact forms".
 *
 * @module
 */
import type { Height } from "../../core/brands.ts";
import type { Bytes } from "../../core/bytes.ts";
import type { HashFunction } from "../../core/hashing.ts";
import type { Message, VoteMessage } from "../message.ts";
import { encodeMessage } from "../wire.ts";
import { compactOf } from "./compact_make.ts";
import { encodeFrame } from "./frames.ts";

/** Nobody is told the same message in full again before this time has passed. */
const FULL_PAUSE_MS = 1_000;
/** Who has asked for a proposal in full gets so many more of them in full at once: something spoils its expansions. */
const FULL_HEIGHTS = 16;
/** Heights whose messages are kept: the last decided one, whose votes somebody may still lack, and the next. */
const KEPT_HEIGHTS = 2;

/** What messages are sent with. */
export interface OutboxOptions {
  readonly send: (member: number, frame: Bytes) => void;
  readonly broadcast: (frame: Bytes) => void;
  readonly hash: HashFunction;
  /** Milliseconds of a monotonic clock. */
  readonly monotonicMs: () => number;
}

/** Sends our messages. */
export interface CompactOutbox {
  /** To one member in full; to all, in compact form where there is one and it is sent for the first time. */
  readonly send: (to: number | "all", message: Message) => void;
  /** Answers `wantVotes`; false when nothing is kept of that height. */
  readonly answer: (member: number, height: Height) => boolean;
}

interface Sent {
  readonly message: VoteMessage;
  /** When each member was told it in full. */
  readonly toldMs: Map<number, number>;
}

/** Starts with nothing sent. */
export function makeCompactOutbox({ send, broadcast, hash, monotonicMs }: OutboxOptions): CompactOutbox {
  const byHeight = new Map<number, Sent[]>();
  /** Members that get proposals in full, and up to which height. */
  const fullUpTo = new Map<number, number>();

  /** Whether the message is new. */
  function note(message: Message): boolean {
    if (message.kind === "decided") return false;
    const { height, kind, round } = message;
    const sent = byHeight.get(height) ?? [];
    if (sent.some(({ message: before }) => before.kind === kind && before.round === round)) return false;
    // Of higher rounds the last of each kind is enough: it goes out again and again in full.
    const others = sent.filter(({ message: before }) => before.kind !== kind || before.round === 0);
    byHeight.set(height, [...others, { message, toldMs: new Map() }]);
    for (const old of byHeight.keys()) if (old <= height - KEPT_HEIGHTS) byHeight.delete(old);
    return true;
  }

  function broadcastNew(message: Message): void {
    const form = compactOf(hash, message);
    if (form === null) return broadcast(fullFrame(message));
    if (form.kind === "proposal") {
      for (const [member, upTo] of fullUpTo) {
        // Before the compact form, which then says nothing new.
        if (upTo >= form.form.height) send(member, fullFrame(message));
        else fullUpTo.delete(member);
      }
    }
    broadcast(encodeFrame(form));
  }

  return {
    send: (to, message) => {
      const isNew = note(message);
      if (to !== "all") send(to, fullFrame(message));
      else if (isNew) broadcastNew(message);
      else broadcast(fullFrame(message));
    },
    answer: (member, height) => {
      const sent = byHeight.get(height);
      if (sent === undefined) return false;
      const now = monotonicMs();
      for (const { message, toldMs } of sent) {
        if (now < (toldMs.get(member) ?? -Infinity) + FULL_PAUSE_MS) continue;
        toldMs.set(member, now);
        if (message.kind === "pre-prepare") fullUpTo.set(member, height + FULL_HEIGHTS);
        send(member, fullFrame(message));
      }
      return true;
    },
  };
}

function fullFrame(message: Message): Bytes {
  return encodeFrame({ kind: "message", bytes: encodeMessage(message) });
}
