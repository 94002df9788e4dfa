/**
 * The values of the state tree: for a feed, how many transactions it has and a hash chain over them; for a
 * configuration, its latest version and a hash chain over all. A chain is extended by one transaction at a time, so
 * whoever has all transactions since a value that it trusts can compute the next one, and whoever lacks one cannot.
 *
 * @module
 */
import { type Hash, type Height, type TxId, ZERO_HASH } from "../brands.ts";
import { u32be, u64be } from "../bytes.ts";
import { assert } from "../errors.ts";
import { type HashFunction, taggedHash } from "../hashing.ts";
import { constant, hashShape, heightShape, record, type Shape, uint } from "../shape.ts";

/** State of a feed; absent before its first transaction. */
export interface FeedState {
  /** Version of the format. */
  readonly version: 1;
  /** Transactions in the feed. */
  readonly count: number;
  /** Hash chain over height, index and id of each. */
  readonly feedHash: Hash;
  /** Height of the last one. */
  readonly lastHeight: Height;
}

/** `[1, count, feed hash, last height]`. */
export const feedStateShape: Shape<FeedState> = record({
  version: constant(1),
  count: uint(),
  feedHash: hashShape,
  lastHeight: heightShape,
});

/** A transaction's place on the chain. */
export interface FeedEntry {
  /** Height of its block. */
  readonly height: Height;
  /** Position in its block, from 0. */
  readonly index: number;
  /** Its id. */
  readonly txId: TxId;
}

/** The feed with one more transaction; asserts that heights do not fall. */
export function extendFeed(hash: HashFunction, previous: FeedState | null, entry: FeedEntry): FeedState {
  const { height, index, txId } = entry;
  assert(previous === null || height >= previous.lastHeight, `feed goes back to height ${height}`);
  const before = previous?.feedHash ?? ZERO_HASH;
  return {
    version: 1,
    count: (previous?.count ?? 0) + 1,
    feedHash: taggedHash(hash, "vnfchain/feed/1", before, u64be(height), u32be(index), txId),
    lastHeight: height,
  };
}

/** State of a configuration; absent before its first version. */
export interface ConfigurationState {
  /** Version of the format. */
  readonly version: 1;
  /** VID of the latest version, from 1. */
  readonly latestVid: number;
  /** Hash chain over VID, height, index and transaction id of each version. */
  readonly versionsHash: Hash;
  /** Height of the latest version. */
  readonly lastHeight: Height;
}

/** `[1, latest VID, versions hash, last height]`. */
export const configurationStateShape: Shape<ConfigurationState> = record({
  version: constant(1),
  latestVid: uint(),
  versionsHash: hashShape,
  lastHeight: heightShape,
});

/** One version of a configuration: the transaction that brought it, and its place on the chain. */
export interface VersionEntry extends FeedEntry {
  /** Its VID. */
  readonly vid: number;
}

/** The configuration with its next version; asserts that the VID is the next and that heights do not fall. */
export function extendConfiguration(
  hash: HashFunction,
  previous: ConfigurationState | null,
  { vid, height, index, txId }: VersionEntry,
): ConfigurationState {
  assert(vid === (previous?.latestVid ?? 0) + 1, `VID ${vid} follows ${previous?.latestVid ?? 0}`);
  assert(previous === null || height >= previous.lastHeight, `configuration goes back to height ${height}`);
  const before = previous?.versionsHash ?? ZERO_HASH;
  return {
    version: 1,
    latestVid: vid,
    versionsHash: taggedHash(
      hash,
      "vnfchain/versions/1",
      before,
      u64be(vid),
      u64be(height),
      u32be(index),
      txId,
    ),
    lastHeight: height,
  };
}
