/**
 * Key pairs for tests, the same at every run: the seed is the SHA-256 of a name.
 *
 * @module
 */
import { utf8 } from "../../core/bytes.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { type PrivateKey, privateKeyFromSeed } from "../../core/platform/private_key.ts";

const keys = new Map<string, PrivateKey>();

/** The key pair of a name. */
export function testKey(name: string): PrivateKey {
  const known = keys.get(name);
  if (known !== undefined) return known;
  const key = privateKeyFromSeed(platformCrypto.hash(utf8(name)));
  keys.set(name, key);
  return key;
}
