/**
 * The keys of the state tree: one a feed, one a configuration, under different tags, so that neither meets the other.
 *
 * @module
 */
import { type Cid, type Hash, type PublicKey, ZERO_HASH } from "../brands.ts";
import { type HashFunction, taggedHash } from "../hashing.ts";

/** Who publishes to whom. */
export interface Feed {
  /** Whose transactions the feed holds. */
  readonly sender: PublicKey;
  /** `null` for templates, which have no recipient. */
  readonly recipient: PublicKey | null;
}

/**
 * Key of a feed: hash of sender and recipient. Thirty-two zero bytes stand for "no recipient"; they are no public
 * key, because they encode a point of small order.
 */
export function feedId(hash: HashFunction, { sender, recipient }: Feed): Hash {
  return taggedHash(hash, "vnfchain/feed-id/1", sender, recipient ?? ZERO_HASH);
}

/** Key of a configuration: hash of its CID. */
export function configurationId(hash: HashFunction, cid: Cid): Hash {
  return taggedHash(hash, "vnfchain/configuration-id/1", cid);
}
