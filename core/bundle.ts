/**
 * Bundles: one file that brings a VNF its configurations when no node can be reached: a poll answer for whole feeds,
 * with all that leads from any federation document of the chain to the one that certified it. It proves itself as an answer over a
 * network does, so whoever carries it needs no trust; only its age is for the reader to judge.
 *
 * @module
 */
import type { Hash } from "./brands.ts";
import { type Bytes, equal } from "./bytes.ts";
import { higherHeader, type KnownHeader } from "./certified_header.ts";
import type { CryptoPort } from "./crypto_port.ts";
import { accept, type Refusal, refuse, type Verdict } from "./errors.ts";
import type { Federation } from "./federation.ts";
import {
  type FederationTransition,
  type Followed,
  followFederation,
  transitionsShape,
} from "./federation_following.ts";
import { type FeedNews, type FollowedFeed, type VerifiedPoll, verifyPoll } from "./light_client.ts";
import { LIMITS } from "./limits.ts";
import type { PollConfiguration } from "./poll.ts";
import {
  bytesUpTo,
  cidShape,
  constant,
  decodeShape,
  encodeShape,
  list,
  nullable,
  publicKeyShape,
  record,
  type Shape,
  text,
  uint,
} from "./shape.ts";
import { type Feed, feedId } from "./state/keys.ts";
import { extendFeed, type FeedState } from "./state/values.ts";

const FORMAT = "vnfchain/bundle";

/** A bundle as it is written to a file. */
export interface Bundle {
  /** From the first federation document to the one in force at the answer's height. */
  readonly changes: readonly FederationTransition[];
  /** What the answer is to: these feeds from their beginning… */
  readonly feeds: readonly Feed[];
  /** …and these configurations. */
  readonly configurations: readonly PollConfiguration[];
  /** A poll answer, encoded. */
  readonly answer: Bytes;
}

const bundleShape: Shape<Bundle & { readonly format: string; readonly version: 1 }> = record({
  format: text(FORMAT.length),
  version: constant(1),
  changes: transitionsShape,
  feeds: list(record({ sender: publicKeyShape, recipient: nullable(publicKeyShape) }), LIMITS.pollFeeds),
  configurations: list(record({ cid: cidShape, vid: nullable(uint()) }), LIMITS.pollConfigurations),
  answer: bytesUpTo(LIMITS.bundleBytes),
});

/** Encodes a bundle. */
export function encodeBundle(bundle: Bundle): Bytes {
  return encodeShape(bundleShape, { format: FORMAT, version: 1, ...bundle });
}

/** What a bundle is judged against: what its reader has seen so far. */
export interface BundleContext {
  /** The feeds that the reader follows; the bundle must hold each of them. */
  readonly feeds: readonly FollowedFeed[];
  readonly known: KnownHeader | null;
  /** A federation document that the reader trusts. */
  readonly trusted: Federation;
  readonly crypto: CryptoPort;
}

/** A bundle that holds: what is new in it for its reader. */
export interface VerifiedBundle {
  readonly poll: VerifiedPoll;
  /** The document in force at its height, and how the reader came to it. */
  readonly followed: Followed;
}

/** Verifies a bundle's bytes. */
export function verifyBundle(bytes: Uint8Array, context: BundleContext): Verdict<VerifiedBundle> {
  const { feeds, known, trusted, crypto } = context;
  if (bytes.length > LIMITS.bundleBytes) return refuse("too-large", `a bundle of ${bytes.length} bytes`);
  const decoded = decodeShape(bundleShape, bytes, { what: "bundle", code: "proof-format" });
  if (!decoded.ok) return decoded;
  const bundle = decoded.value;
  if (bundle.format !== FORMAT) return refuse("proof-format", "the file is no vnfchain bundle");
  const followed = followFederation(trusted, { transitions: bundle.changes, crypto });
  if (!followed.ok) return followed;
  const whole = verifyPoll(bundle.answer, {
    feeds: bundle.feeds.map((feed) => ({ ...feed, state: null })),
    configurations: bundle.configurations,
    known: higherHeader(known, followed.value.head),
    federation: followed.value.federation,
    crypto,
  });
  if (!whole.ok) return whole;
  const news: FeedNews[] = [];
  for (const feed of feeds) {
    const part = newsIn({ bundle, poll: whole.value }, { feed, hash: crypto.hash });
    if (!part.ok) return part;
    news.push(part.value);
  }
  return accept({ poll: { ...whole.value, feeds: news }, followed: followed.value });
}

/** What a bundle has of a feed after the reader's state, which must be on the way. */
function newsIn(
  { bundle, poll }: { readonly bundle: Bundle; readonly poll: VerifiedPoll },
  { feed, hash }: { readonly feed: FollowedFeed; readonly hash: CryptoPort["hash"] },
): Verdict<FeedNews> {
  const id = feedId(hash, feed);
  const place = bundle.feeds.findIndex((each) => equal(feedId(hash, each), id));
  const whole = poll.feeds[place];
  if (whole === undefined || !whole.complete) {
    return refuse("proof-incomplete", "the bundle lacks a feed that is followed here, or a part of it");
  }
  return checkPrefix(whole, { state: feed.state, hash }) ??
    accept({ ...whole, transactions: whole.transactions.slice(feed.state?.count ?? 0) });
}

/** What was verified before must be how the feed begins. */
function checkPrefix(
  { transactions }: FeedNews,
  { state, hash }: { readonly state: FeedState | null; readonly hash: (bytes: Uint8Array) => Hash },
): Refusal | undefined {
  if (state === null) return undefined;
  let reached: FeedState | null = null;
  for (const { height, index, transaction } of transactions.slice(0, state.count)) {
    reached = extendFeed(hash, reached, { height, index, txId: transaction.id });
  }
  return reached?.count === state.count && equal(reached.feedHash, state.feedHash)
    ? undefined
    : refuse("history", "the bundle's feed does not begin with what was verified before");
}
