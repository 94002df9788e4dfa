/**
 * Key pairs for tests, the same at every run: the seed is the SHA-256 of a name.
 *
 * @module
 */
import { utf8 } from "../../core/bytes.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { type PrivateKey, privateKeyFromSeed } from "../../core/platform/private_key.ts";

/** The key pair of a name. */
export function testKey(name: string): PrivateKey {
  return privateKeyFromSeed(platformCrypto.hash(utf8(name)));
}
