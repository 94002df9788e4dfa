/**
 * Padding before encryption, so that a ciphertext's length tells only a size bucket.
 *
 * ISO/IEC 7816-4: one byte 0x80, then zeros. The buckets are Padmé's (Nikitin et al., "Reducing Metadata Leakage from
 * Encrypted Files and Communication with PURBs", PETS 2019, §4.2): at most 12 % more bytes, from 512 bytes up.
 * Whoever opens it accepts any amount of padding: a sender may hide more.
 *
 * @module
 */
import type { Bytes } from "./bytes.ts";
import { accept, assert, refuse, type Verdict } from "./errors.ts";

const MARK = 0x80;
const SMALLEST_BUCKET = 512;

/** The size in bytes that `length` bytes are padded to, the mark included in `length`. */
export function bucketOf(length: number): number {
  assert(Number.isInteger(length) && length >= 0 && length < 2 ** 30, `length to pad is ${length}`);
  if (length <= SMALLEST_BUCKET) return SMALLEST_BUCKET;
  const exponent = 31 - Math.clz32(length);
  const significantBits = 32 - Math.clz32(exponent);
  const mask = 2 ** (exponent - significantBits) - 1;
  return (length + mask) & ~mask;
}

/** Pads content to its bucket. */
export function padContent(content: Uint8Array): Bytes {
  const padded = new Uint8Array(bucketOf(content.length + 1));
  padded.set(content);
  padded[content.length] = MARK;
  return padded;
}

/** Takes the padding off again; refuses with `content-format` what has none. The result is a view. */
export function unpadContent(padded: Bytes): Verdict<Bytes> {
  let end = padded.length - 1;
  while (end >= 0 && padded[end] === 0) end--;
  if (padded[end] !== MARK) return refuse("content-format", "content has no padding");
  return accept(padded.subarray(0, end));
}
