/** Virtual time, and the trace of what happened in it. */
import { makeHeap } from "./heap.ts";

/** Milliseconds since 1970 when virtual time begins. */
export const EPOCH_MS = 1_700_000_000_000;

/** Virtual time. */
export interface Clockwork {
  readonly nowMs: () => number;
  readonly after: (ms: number, run: () => void) => void;
  /** Runs what is next; false when nothing is left, or all that is left is later. */
  readonly next: (untilMs: number) => boolean;
  readonly events: () => number;
}

/** Time 0. */
export function makeClockwork(): Clockwork {
  const heap = makeHeap();
  let nowMs = 0;
  let sequence = 0;
  let events = 0;
  return {
    nowMs: () => nowMs,
    after: (ms, run) => heap.push({ atMs: nowMs + Math.max(0, ms), sequence: sequence++, run }),
    next: (untilMs) => {
      const planned = heap.peek();
      if (planned === undefined || planned.atMs > untilMs) return false;
      heap.pop();
      nowMs = planned.atMs;
      events++;
      planned.run();
      return true;
    },
    events: () => events,
  };
}

/** What happened, as a running hash, and as text for who wants to read it. */
export interface Trace {
  /** Adds something that happened at a node: a word for what, and numbers that tell it from others. */
  readonly note: (
    what: { readonly node: number; readonly code: number; readonly value: number },
    text: () => string,
  ) => void;
  readonly hash: () => string;
  readonly lines: () => readonly string[];
}

/** An empty trace. */
export function makeTrace({ nowMs, keep }: { nowMs: () => number; keep: boolean }): Trace {
  const lines: string[] = [];
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  const mix = (value: number) => {
    a = Math.imul(a ^ value, 0x85ebca6b);
    a ^= a >>> 15;
    b = Math.imul(b + value, 0xc2b2ae35) ^ a;
    b ^= b >>> 13;
  };
  return {
    note: ({ node, code, value }, text) => {
      const micros = Math.round(nowMs() * 1000);
      mix(micros | 0);
      mix((node << 8) | code);
      mix(value | 0);
      if (keep) lines.push(`${nowMs().toFixed(3).padStart(11)} n${node} ${text()}`);
    },
    hash: () => (a >>> 0).toString(16).padStart(8, "0") + (b >>> 0).toString(16).padStart(8, "0"),
    lines: () => lines,
  };
}
