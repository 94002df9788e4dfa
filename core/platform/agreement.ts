/**
 * Key agreement: the X25519 side of an Ed25519 key pair, so that one public key both signs and receives.
 *
 * The conversion is the birational map of RFC 7748 §4.1, as noble and libsodium compute it. What is signed and what is
 * agreed on never meet: signatures are over tagged bytes, agreement goes through HPKE's labelled key schedule.
 *
 * @module
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import type { Brand, PublicKey } from "../brands.ts";
import type { Bytes } from "../bytes.ts";
import { assert } from "../errors.ts";

/** An X25519 secret key, 32 bytes: opens what was encrypted to the Ed25519 key that it came from. */
export type AgreementKey = Brand<Bytes, "AgreementKey">;

/** The secret for agreement, from an Ed25519 private key's 32-byte seed (RFC 8032 §5.1.5). */
export function agreementKeyFromSeed(seed: Uint8Array): AgreementKey {
  assert(seed.length === 32, `Ed25519 seed has ${seed.length} bytes, wanted 32`);
  return ed25519.utils.toMontgomerySecret(seed) as AgreementKey;
}

/** The X25519 public key of an Ed25519 public key, 32 bytes. */
export function agreementPublicKey(key: PublicKey): Bytes {
  return ed25519.utils.toMontgomery(key) as Bytes;
}
