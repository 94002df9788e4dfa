/**
 * Branded types: a hash is never taken for a key, nor a height for a round.
 * The casts stand here, in the constructors, and nowhere else.
 *
 * @module
 */
import type { Bytes } from "./bytes.ts";
import { assert } from "./errors.ts";

declare const brand: unique symbol;

/** `T` marked with a name that exists for the compiler alone. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A SHA-256 digest, 32 bytes. */
export type Hash = Brand<Bytes, "Hash">;
/** A transaction's id: SHA-256 of its COSE Sig_structure, 32 bytes. */
export type TxId = Brand<Bytes, "TxId">;
/** A configuration identifier (CID): 16 bytes of the owner key's hash, 16 random bytes. */
export type Cid = Brand<Bytes, "Cid">;
/** An Ed25519 public key in canonical form and not of small order, 32 bytes. */
export type PublicKey = Brand<Bytes, "PublicKey">;
/** An Ed25519 signature, 64 bytes. */
export type Signature = Brand<Bytes, "Signature">;
/** A block's height; the first block has height 1. */
export type Height = Brand<number, "Height">;
/** A consensus round within a height, from 0. */
export type Round = Brand<number, "Round">;

/** Thirty-two zero bytes: the empty tree, "no recipient", "no certificate". */
export const ZERO_HASH: Hash = new Uint8Array(32) as Hash;

function sized(bytes: Uint8Array, { length, what }: { length: number; what: string }): Bytes {
  // Asked first: the message would be made each time, and nothing here is called more often.
  if (bytes.length !== length) assert(false, `${what} has ${bytes.length} bytes, wanted ${length}`);
  return bytes as Bytes;
}

/** Brands 32 bytes as a hash; asserts the length. */
export function asHash(bytes: Uint8Array): Hash {
  return sized(bytes, { length: 32, what: "hash" }) as Hash;
}

/** Brands 32 bytes as a transaction id; asserts the length. */
export function asTxId(bytes: Uint8Array): TxId {
  return sized(bytes, { length: 32, what: "transaction id" }) as TxId;
}

/** Brands 32 bytes as a CID; asserts the length. */
export function asCid(bytes: Uint8Array): Cid {
  return sized(bytes, { length: 32, what: "CID" }) as Cid;
}

/** Brands 64 bytes as a signature; asserts the length. */
export function asSignature(bytes: Uint8Array): Signature {
  return sized(bytes, { length: 64, what: "signature" }) as Signature;
}

/** Brands a safe integer from 0 as a height. */
export function asHeight(value: number): Height {
  assert(Number.isSafeInteger(value) && value >= 0, `height is ${value}`);
  return value as Height;
}

/** Brands a safe integer from 0 as a round. */
export function asRound(value: number): Round {
  assert(Number.isSafeInteger(value) && value >= 0, `round is ${value}`);
  return value as Round;
}
