/** SHA-256 for tests of the pure part, by the platform. */
import type { HashFunction } from "../../core/hashing.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";

/** SHA-256. */
export const sha256: HashFunction = platformCrypto.hash;
