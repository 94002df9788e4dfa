/**
 * Configuration identifiers. A CID belongs to a key: its first 16 bytes are a truncated hash of the owner's public
 * key, its last 16 are random. So only the owner can publish under it, nobody can squat on it, and a validator needs
 * no look-up. (The paper leaves CIDs without an owner, which would let a stranger publish the next version.)
 *
 * @module
 */
import { asCid, type Cid, type PublicKey } from "./brands.ts";
import { type Bytes, concat, equal } from "./bytes.ts";
import { type HashFunction, taggedHash } from "./hashing.ts";

const OWNER_BYTES = 16;

function ownerPrefix(hash: HashFunction, owner: PublicKey): Bytes {
  return taggedHash(hash, "vnfchain/cid-owner/1", owner).slice(0, OWNER_BYTES);
}

/** Makes the CID of `owner` from 16 random bytes. */
export function makeCid(hash: HashFunction, { owner, random }: { owner: PublicKey; random: Bytes }): Cid {
  return asCid(concat(ownerPrefix(hash, owner), random));
}

/** Whether `owner` may publish under the CID. */
export function ownsCid(hash: HashFunction, { owner, cid }: { owner: PublicKey; cid: Cid }): boolean {
  return equal(ownerPrefix(hash, owner), cid.subarray(0, OWNER_BYTES));
}
