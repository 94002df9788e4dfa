/**
 * The uniqueness window: which (sender, nonce) pairs the recent blocks used (paper §III-A, duplication). A pair may not
 * come twice in blocks whose times lie at most `transactionLifetime` plus the allowance for timestamps ahead apart.
 * Later it may, but not with the same timestamp: the latest one that a block admits expires exactly when the window
 * lets go of that block. So no transaction can be replayed, and the index is bounded by time.
 *
 * Pairs are compared by the first 16 bytes of their nonce key. In memory only, packed in tables of open addressing, one
 * for each five minutes: 29 to 57 MB a million. Nothing in it depends on when or in which order blocks were added.
 *
 * @module
 */
import type { Bytes } from "./bytes.ts";
import { assert } from "./errors.ts";
import type { Parameters } from "./federation.ts";
import { LIMITS } from "./limits.ts";

/** The first block time whose pairs a block of the time `timeMs` may not use again, in milliseconds. */
export function windowStart(
  timeMs: number,
  { transactionLifetimeMs }: Pick<Parameters, "transactionLifetimeMs">,
): number {
  return timeMs - transactionLifetimeMs - LIMITS.timestampAheadMs;
}

/** The pairs used, by block time. */
export interface UniquenessWindow {
  /** Whether a block at or after `sinceMs` used the pair with this key. */
  readonly seen: (key: Uint8Array, sinceMs: number) => boolean;
  /** Adds a block's pairs. */
  readonly add: (timeMs: number, keys: readonly Uint8Array[]) => void;
  /** Frees what only blocks before `sinceMs` used. */
  readonly forget: (sinceMs: number) => void;
  /** Pairs remembered; some may be older than the last {@link UniquenessWindow.forget}. */
  readonly size: () => number;
}

/** Random bytes that a window wants. */
export const WINDOW_SALT_BYTES = 16;
/** Bytes of a key that are compared. */
const KEY_BYTES = 16;
const BUCKET_MS = 5 * 60 * 1000;

/** An empty window. Nobody knows the salt: a sender could choose nonces that all want the same place in a table. */
export function openUniquenessWindow(random: Bytes): UniquenessWindow {
  assert(random.length === WINDOW_SALT_BYTES, `salt has ${random.length} bytes`);
  const buckets = new Map<number, Bucket>();
  const salt = new Uint32Array(random.slice().buffer).map((word) => word | 1);
  return {
    seen: (key, sinceMs) => {
      for (const [number, bucket] of buckets) {
        if ((number + 1) * BUCKET_MS <= sinceMs) continue;
        const offsetMs = find(bucket, key, salt);
        if (offsetMs !== undefined && number * BUCKET_MS + offsetMs >= sinceMs) return true;
      }
      return false;
    },
    add: (timeMs, keys) => {
      const number = Math.floor(timeMs / BUCKET_MS);
      let bucket = buckets.get(number) ?? makeBucket(64);
      for (const key of keys) {
        if (bucket.count * 4 >= capacityOf(bucket) * 3) bucket = grown(bucket, salt);
        insert(bucket, { key, offsetMs: timeMs - number * BUCKET_MS, salt });
      }
      if (keys.length > 0) buckets.set(number, bucket);
    },
    forget: (sinceMs) => {
      for (const number of buckets.keys()) {
        if ((number + 1) * BUCKET_MS <= sinceMs) buckets.delete(number);
      }
    },
    size: () => [...buckets.values()].reduce((sum, { count }) => sum + count, 0),
  };
}

/** A table of open addressing with linear probing; its capacity is a power of two. */
interface Bucket {
  count: number;
  readonly keys: Uint8Array;
  /** Offset of the block's time within the bucket, plus one; 0 where the place is free. */
  readonly offsets: Uint32Array;
}

function makeBucket(capacity: number): Bucket {
  return { count: 0, keys: new Uint8Array(capacity * KEY_BYTES), offsets: new Uint32Array(capacity) };
}

function capacityOf({ offsets }: Bucket): number {
  return offsets.length;
}

/** The place that holds the key, or the free one where it belongs. */
function placeOf(bucket: Bucket, key: Uint8Array, salt: Uint32Array): number {
  const mask = capacityOf(bucket) - 1;
  const view = new DataView(key.buffer, key.byteOffset, KEY_BYTES);
  let mixed = 0;
  for (let i = 0; i < 4; i++) mixed = (mixed + Math.imul(view.getUint32(4 * i), salt[i] as number)) | 0;
  let place = (mixed ^ (mixed >>> 15)) & mask;
  while (bucket.offsets[place] !== 0 && !holds(bucket, key, place)) place = (place + 1) & mask;
  return place;
}

function holds({ keys }: Bucket, key: Uint8Array, place: number): boolean {
  const start = place * KEY_BYTES;
  for (let i = 0; i < KEY_BYTES; i++) {
    if (keys[start + i] !== key[i]) return false;
  }
  return true;
}

function find(bucket: Bucket, key: Uint8Array, salt: Uint32Array): number | undefined {
  const offset = bucket.offsets[placeOf(bucket, key, salt)] as number;
  return offset === 0 ? undefined : offset - 1;
}

/** Sets the key's time, or keeps the later one when the table has it. */
function insert(
  bucket: Bucket,
  { key, offsetMs, salt }: { key: Uint8Array; offsetMs: number; salt: Uint32Array },
): void {
  assert(key.length >= KEY_BYTES, `nonce key has ${key.length} bytes`);
  const place = placeOf(bucket, key, salt);
  const before = bucket.offsets[place] as number;
  if (before === 0) bucket.count++;
  bucket.keys.set(key.subarray(0, KEY_BYTES), place * KEY_BYTES);
  bucket.offsets[place] = Math.max(before, offsetMs + 1);
}

function grown(bucket: Bucket, salt: Uint32Array): Bucket {
  const larger = makeBucket(2 * capacityOf(bucket));
  for (let place = 0; place < capacityOf(bucket); place++) {
    const offset = bucket.offsets[place] as number;
    if (offset === 0) continue;
    const key = bucket.keys.subarray(place * KEY_BYTES, (place + 1) * KEY_BYTES);
    insert(larger, { key, offsetMs: offset - 1, salt });
  }
  return larger;
}
