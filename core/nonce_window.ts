/**
 * The uniqueness window in memory: which (sender, nonce) pairs the blocks of the last while used. Later a pair may come
 * again, but no transaction can: the latest timestamp that a block admits expires exactly when the window lets go of
 * that block (paper §III-A, duplication).
 *
 * @module
 */
import type { Hash } from "./brands.ts";
import type { Parameters } from "./federation.ts";
import { LIMITS } from "./limits.ts";

/** The pairs used, by block time. */
export interface NonceWindow {
  /** Whether a block of the time `sinceMs` or later used the pair with this key. */
  readonly seen: (key: Hash, sinceMs: number) => boolean;
  /** Adds a block's pairs; block times rise. */
  readonly add: (timeMs: number, keys: readonly Hash[]) => void;
  /** Frees what only blocks before `sinceMs` used. */
  readonly forget: (sinceMs: number) => void;
  /** Pairs remembered. */
  readonly size: () => number;
}

/** The first block time whose pairs a block of the time `timeMs` may not use again, in milliseconds. */
export function windowStart(
  timeMs: number,
  { transactionLifetimeMs }: Pick<Parameters, "transactionLifetimeMs">,
): number {
  return timeMs - transactionLifetimeMs - LIMITS.timestampAheadMs;
}

/** An empty window. */
export function openNonceWindow(): NonceWindow {
  const lastUseMs = new Map<string, number>();
  const blocks: { readonly timeMs: number; readonly names: readonly string[] }[] = [];
  let oldest = 0;

  function forget(sinceMs: number): void {
    for (; oldest < blocks.length; oldest++) {
      const { timeMs, names } = blocks[oldest] as typeof blocks[number];
      if (timeMs >= sinceMs) break;
      for (const name of names) {
        if (lastUseMs.get(name) === timeMs) lastUseMs.delete(name);
      }
    }
    // Not with every block: removing from the front of a list moves the rest.
    if (oldest * 2 > blocks.length) {
      blocks.splice(0, oldest);
      oldest = 0;
    }
  }

  return {
    seen: (key, sinceMs) => (lastUseMs.get(nameOf(key)) ?? -Infinity) >= sinceMs,
    add: (timeMs, keys) => {
      const names = keys.map(nameOf);
      for (const name of names) lastUseMs.set(name, timeMs);
      if (names.length > 0) blocks.push({ timeMs, names });
    },
    forget,
    size: () => lastUseMs.size,
  };
}

/** One character a byte: half of what hexadecimal digits take. */
function nameOf(key: Hash): string {
  return String.fromCharCode(...key);
}
