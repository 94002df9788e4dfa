/**
 * Hash functions with domain separation: every use of SHA-256 has a tag of its own, so that bytes of one kind never
 * hash like bytes of another. The transaction tree alone follows RFC 9162 instead.
 *
 * @module
 */
import { asHash, type Hash } from "./brands.ts";
import { type Bytes, concat, utf8 } from "./bytes.ts";

/** SHA-256; the platform's comes in as an argument, so that the same code runs in a browser. */
export type HashFunction = (data: Uint8Array) => Hash;

/** What a hash or a signature is about. Part of every format: a new meaning gets a new tag. */
export type Tag = `vnfchain/${string}/${number}`;

const prefixes = new Map<Tag, Bytes>();

/** The tag's bytes as they stand before what is hashed: UTF-8, then one zero byte that ends it. */
export function tagPrefix(tag: Tag): Bytes {
  const found = prefixes.get(tag);
  if (found !== undefined) return found;
  const made = concat(utf8(tag), new Uint8Array(1));
  prefixes.set(tag, made);
  return made;
}

/** SHA-256(tag ‖ 0x00 ‖ parts). The parts are of fixed length, or one CBOR value: nothing here separates them. */
export function taggedHash(hash: HashFunction, tag: Tag, ...parts: readonly Uint8Array[]): Hash {
  return asHash(hash(concat(tagPrefix(tag), ...parts)));
}
