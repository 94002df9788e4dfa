/**
 * SHA-256 for tests of the pure part.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { asHash, type Hash } from "../../core/brands.ts";

/** SHA-256 by the platform. */
export function sha256(data: Uint8Array): Hash {
  return asHash(new Uint8Array(createHash("sha256").update(data).digest()));
}
