/**
 * Hashes and signatures that are fast and stand for the real ones: 64 bits of state, spread over the length wanted. A
 * signature is a hash under a secret of its key, which nothing but `sign` uses; so nobody forges one, by construction.
 */
import { asHash, asSignature, type Hash, type PublicKey, type Signature } from "../../core/brands.ts";
import { type Bytes, equal } from "../../core/bytes.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { type PrivateKey, privateKeyFromSeed } from "../../core/platform/private_key.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";

/** Two 32-bit halves of a digest (cyrb53 by bryc, public domain), from a seed on. */
function digest(data: Uint8Array, seed: number): [number, number] {
  let a = 0xdeadbeef ^ seed;
  let b = 0x41c6ce57 ^ seed;
  for (let i = 0; i < data.length; i++) {
    const byte = data[i] as number;
    a = Math.imul(a ^ byte, 2654435761);
    b = Math.imul(b ^ byte, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return [a, b];
}

function spread([a, b]: readonly [number, number], words: number): Bytes {
  const out = new Uint32Array(words);
  for (let i = 0; i < words; i++) {
    const mixed = Math.imul(a + Math.imul(i + 1, 0x9e3779b9), 0x85ebca6b) ^ Math.imul(b ^ i, 0xc2b2ae35);
    out[i] = Math.imul(mixed ^ (mixed >>> 15), 0x27d4eb2f);
  }
  // Whatever the mixing loses, the digest itself is there.
  out[0] = a;
  out[1] = b;
  return new Uint8Array(out.buffer);
}

/** A hash of 64 bits spread over 32 bytes. */
export function quickHash(data: Uint8Array): Hash {
  return asHash(spread(digest(data, 0), 8));
}

/** Known to `sign` and `verify` alone. */
function secretOf(key: Uint8Array): number {
  return digest(key, 0x5ec7e7)[0];
}

function quickSign(key: PublicKey, message: Uint8Array): Signature {
  return asSignature(spread(digest(message, secretOf(key)), 16));
}

/** Who signs and verifies. */
export interface Signers {
  readonly crypto: CryptoPort;
  readonly sign: (key: PrivateKey, message: Bytes) => Signature;
}

/** The fast ones. */
export const QUICK_SIGNERS: Signers = {
  crypto: {
    hash: quickHash,
    verify: (key, message, signature) => equal(quickSign(key, message), signature),
  },
  sign: (key, message) => quickSign(key.publicKey, message),
};

/** SHA-256 and Ed25519 by the platform. */
export const REAL_SIGNERS: Signers = {
  crypto: platformCrypto,
  sign: (key, message) => key.sign(message),
};

const keys: PrivateKey[] = [];

/** The key of a node, the same in every schedule. */
export function nodeKey(node: number): PrivateKey {
  return keys[node] ??= privateKeyFromSeed(
    platformCrypto.hash(new TextEncoder().encode(`vnfchain simulated node ${node}`)),
  );
}
