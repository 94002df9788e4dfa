/**
 * Links of a network in virtual time: each member has one uplink, on which its frames follow one another, and every
 * frame takes the same time on the way. Who receives is never the bottleneck.
 *
 * @module
 */
import type { Bytes } from "../../../core/bytes.ts";
import { makeHeap } from "../heap.ts";
import { LINK_BYTES } from "./formulas.ts";

/** How fast it is. */
export interface LinkSpeed {
  /** One way, in milliseconds. */
  readonly latencyMs: number;
  /** Of each member's uplink. */
  readonly bitsPerSecond: number;
}

/** Time and links. */
export interface Uplinks {
  readonly nowMs: () => number;
  /** Runs something after a while. */
  readonly after: (ms: number, run: () => void) => void;
  readonly send: (frame: { from: number; to: number; bytes: Bytes }) => void;
  /** Runs until nothing is left to do or `until` comes true. */
  readonly run: (until: () => boolean) => void;
}

/** Makes the links of `n` members; `deliver` is called when a frame is there, `onSent` when it is handed over. */
export function makeUplinks(
  { n, speed, deliver, onSent }: {
    n: number;
    speed: LinkSpeed;
    deliver: (frame: { from: number; to: number; bytes: Bytes }) => void;
    onSent: (frame: { from: number; to: number; bytes: Bytes }) => void;
  },
): Uplinks {
  const heap = makeHeap();
  const freeAtMs = new Float64Array(n);
  let nowMs = 0;
  let sequence = 0;

  function at(atMs: number, run: () => void): void {
    heap.push({ atMs, sequence: sequence++, run });
  }

  return {
    nowMs: () => nowMs,
    after: (ms, run) => at(nowMs + ms, run),
    send: (frame) => {
      onSent(frame);
      const takesMs = (frame.bytes.length + LINK_BYTES) * 8_000 / speed.bitsPerSecond;
      const sentMs = Math.max(nowMs, freeAtMs[frame.from] as number) + takesMs;
      freeAtMs[frame.from] = sentMs;
      at(sentMs + speed.latencyMs, () => deliver(frame));
    },
    run: (until) => {
      while (!until()) {
        const next = heap.pop();
        if (next === undefined) return;
        nowMs = next.atMs;
        next.run();
      }
    },
  };
}
