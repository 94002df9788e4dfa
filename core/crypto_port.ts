/**
 * The primitives that the pure part is given.
 *
 * @module
 */
import type { PublicKey } from "./brands.ts";
import type { HashFunction } from "./hashing.ts";

/** Ed25519 verification by the platform: one rule everywhere. The key has passed `parsePublicKey`. */
export type VerifyFunction = (publicKey: PublicKey, message: Uint8Array, signature: Uint8Array) => boolean;

/** The two primitives that the pure part is given. */
export interface CryptoPort {
  readonly hash: HashFunction;
  readonly verify: VerifyFunction;
}
