/**
 * Operations on byte strings that the whole code base shares.
 *
 * @module
 */
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { base64 } from "@scure/base";
import { assert } from "./errors.ts";

/** A byte string; never mutated after it was handed on. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Joins byte strings in the order given. */
export function concat(...parts: readonly Uint8Array[]): Bytes {
  return concatBytes(...parts) as Bytes;
}

/** Compares two byte strings. Not constant in time: nothing secret is compared with it. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compare(a, b) === 0;
}

/** Orders byte strings lexicographically; a prefix comes first. Returns a number below, at or above 0. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Lower-case hexadecimal digits, two a byte. */
export function toHex(bytes: Uint8Array): string {
  return bytesToHex(bytes);
}

/** Reads hexadecimal digits of either case; `undefined` when the text is anything else. */
export function fromHex(text: string): Bytes | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined;
  return hexToBytes(text) as Bytes;
}

/** UTF-8 bytes of a text. */
export function utf8(text: string): Bytes {
  return utf8ToBytes(text) as Bytes;
}

/** Four bytes, most significant first; asserts an integer from 0 to 2^32−1. */
export function u32be(value: number): Bytes {
  assert(Number.isInteger(value) && value >= 0 && value <= 0xffffffff, `${value} does not fit 32 bits`);
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** Eight bytes, most significant first; asserts a safe integer from 0. */
export function u64be(value: number): Bytes {
  assert(Number.isSafeInteger(value) && value >= 0, `${value} is no safe integer from 0`);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/** Base64 with padding (RFC 4648 §4). */
export function toBase64(bytes: Uint8Array): string {
  return base64.encode(bytes);
}

/** Reads base64 with padding; `undefined` when the text is anything else. */
export function fromBase64(text: string): Bytes | undefined {
  try {
    return base64.decode(text) as Bytes;
  } catch {
    return undefined;
  }
}
