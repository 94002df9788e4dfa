/**
 * Operations on byte strings that the whole code base shares.
 *
 * @module
 */
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

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
