/**
 * The platform's cryptography: SHA-256, Ed25519 (RFC 8032) and random bytes by `node:crypto`.
 *
 * Verification is the platform's rule, everywhere: S ≥ L and R in another than its canonical form are refused. Keys
 * of small order are refused where a key is parsed (core/keys.ts); the platform would accept them.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import {
  createHash,
  createPublicKey,
  type KeyObject,
  randomBytes as platformRandomBytes,
  verify as platformVerify,
} from "node:crypto";
import { asHash, type PublicKey } from "../brands.ts";
import { type Bytes, concat, fromHex } from "../bytes.ts";
import type { CryptoPort } from "../crypto_port.ts";

/** SubjectPublicKeyInfo of an Ed25519 key up to the key's 32 bytes (RFC 8410 §4). */
const SPKI_PREFIX = fromHex("302a300506032b6570032100") as Bytes;

/** SubjectPublicKeyInfo of an Ed25519 key in DER, as in certificates. */
export function subjectPublicKeyInfo(publicKey: PublicKey): Bytes {
  return concat(SPKI_PREFIX, publicKey);
}

/** Key objects by key: making one takes a third of the time of a verification, and the same few keys sign. */
const keyObjects = new Map<string, KeyObject>();
const KEY_OBJECTS_MAX = 4096;

function keyObjectOf(publicKey: PublicKey): KeyObject {
  const name = String.fromCharCode(...publicKey);
  const found = keyObjects.get(name);
  if (found !== undefined) return found;
  const made = createPublicKey({
    key: Buffer.from(subjectPublicKeyInfo(publicKey)),
    format: "der",
    type: "spki",
  });
  // The oldest goes: what a stranger with many keys displaces costs one import when it is next needed.
  if (keyObjects.size >= KEY_OBJECTS_MAX) keyObjects.delete(keyObjects.keys().next().value as string);
  keyObjects.set(name, made);
  return made;
}

function verify(publicKey: PublicKey, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return platformVerify(null, message, keyObjectOf(publicKey), signature);
  } catch {
    // The bytes are remote input: whatever the platform does not even take as a key or signature does not verify.
    return false;
  }
}

/** SHA-256 and Ed25519 verification for the pure part. `verify` never throws, whatever the bytes. */
export const platformCrypto: CryptoPort = {
  hash: (data) => asHash(new Uint8Array(createHash("sha256").update(data).digest())),
  verify,
};

/** `count` random bytes, fit for keys and nonces. */
export function randomBytes(count: number): Bytes {
  return new Uint8Array(platformRandomBytes(count));
}

/** SHA-256 in hexadecimal. */
export function sha256Hex(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
