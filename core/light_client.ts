/**
 * The light client: judges a poll answer with nothing but the pinned federation and what was seen before.
 *
 * An answer that passes is complete and in order up to the certified header: nothing of the feeds asked for was left
 * out, reordered, invented or rolled back, and "not found" is proved. What the answer leaves to pages has its certified
 * state here, and is read with history_page.ts. How old the header may be is for the caller, who has a clock.
 *
 * @module
 */
import { type Cid, type Hash, type Height, ZERO_HASH } from "./brands.ts";
import { equal, toHex } from "./bytes.ts";
import { type KnownHeader, verifyNewestHeader } from "./certified_header.ts";
import { accept, type Refusal, refuse, type Verdict } from "./errors.ts";
import type { Federation } from "./federation.ts";
import {
  type ConfigurationAnswer,
  decodePollAnswer,
  type FeedAnswerEntry,
  type PollAnswer,
  type PollConfiguration,
} from "./poll.ts";
import type { CryptoPort } from "./crypto_port.ts";
import { decodeShape } from "./shape.ts";
import { configurationId, type Feed, feedId } from "./state/keys.ts";
import { verifyState } from "./state/state_proof.ts";
import {
  type ConfigurationState,
  configurationStateShape,
  extendConfiguration,
  extendFeed,
  type FeedState,
  feedStateShape,
} from "./state/values.ts";
import type { Transaction } from "./transaction.ts";
import { verifyTransaction } from "./transaction_rules.ts";

/** A feed that a client follows, and how far it has verified it. */
export interface FollowedFeed extends Feed {
  /** What the client has verified so far; null before the first transaction. */
  readonly state: FeedState | null;
}

/** A verified transaction at its certified place. */
export interface PlacedTransaction {
  readonly height: Height;
  readonly index: number;
  readonly transaction: Transaction;
}

/** What is new in a feed. */
export interface FeedNews {
  readonly transactions: readonly PlacedTransaction[];
  /** The feed's state after these transactions; what the next poll starts from. */
  readonly state: FeedState | null;
  /** False when the answer was cut for its size: poll again from `state`. */
  readonly complete: boolean;
  /** The certified state when what is new is to be read in pages, before polling again; else null. */
  readonly paged: FeedState | null;
}

/** An answer that holds. */
export interface VerifiedPoll {
  readonly head: KnownHeader;
  /** In the order asked. */
  readonly feeds: readonly FeedNews[];
  /** A configuration at the certified height; null when it is proved not to be there. */
  readonly configuration: (wanted: PollConfiguration) => Verdict<PlacedTransaction | null>;
  /** The certified state of a configuration whose versions are to be read in pages; null when they are not. */
  readonly paged: (wanted: PollConfiguration) => ConfigurationState | null;
}

/** What an answer is judged against. */
export interface PollContext {
  readonly feeds: readonly FollowedFeed[];
  readonly configurations: readonly PollConfiguration[];
  /** Null on the very first poll. */
  readonly known: Pick<KnownHeader, "height" | "hash"> | null;
  /** In force at the answer's height: see federation_following.ts. */
  readonly federation: Federation;
  readonly crypto: CryptoPort;
}

/** Verifies an answer's bytes. */
export function verifyPoll(bytes: Uint8Array, context: PollContext): Verdict<VerifiedPoll> {
  const decoded = decodePollAnswer(bytes);
  if (!decoded.ok) return decoded;
  const answer = decoded.value;
  const { header, certificate } = answer;
  const head = verifyNewestHeader({ header, certificate }, context);
  if (!head.ok) return head;
  const proved = verifyProof(answer, context);
  if (!proved.ok) return proved;
  if (answer.feeds.length !== context.feeds.length) {
    return refuse("proof-incomplete", `${answer.feeds.length} feeds answered, ${context.feeds.length} asked`);
  }
  const feeds: FeedNews[] = [];
  for (const [i, feed] of context.feeds.entries()) {
    const entries = answer.feeds[i] as PollAnswer["feeds"][number];
    const news = verifyFeed({ feed, entries, certified: proved.value.feed(feed) }, context);
    if (!news.ok) return news;
    feeds.push(news.value);
  }
  const lookUp = (wanted: PollConfiguration) => ({ wanted, answer, certified: proved.value.configuration });
  return accept({
    head: { height: header.height, hash: head.value, time: header.time, proof: { header, certificate } },
    feeds,
    configuration: (wanted) => verifyConfiguration(lookUp(wanted), context),
    paged: (wanted) => {
      const { state, found } = findConfiguration(lookUp(wanted));
      return found?.versions === null && state !== undefined ? state : null;
    },
  });
}

interface Certified {
  readonly feed: (feed: Feed) => FeedState | null;
  readonly configuration: (cid: Cid) => ConfigurationState | null | undefined;
}

/** Checks the multi-proof against the certified root; every value that is read later comes from here. */
function verifyProof(answer: PollAnswer, { feeds, configurations, crypto }: PollContext): Verdict<Certified> {
  const cids = [...configurations, ...answer.configurations].map(({ cid }) => cid);
  const ids = new Map<string, Hash>();
  for (const feed of feeds) add(feedId(crypto.hash, feed));
  for (const cid of cids) add(configurationId(crypto.hash, cid));
  function add(id: Hash): void {
    ids.set(toHex(id), id);
  }
  const verified = verifyState(crypto.hash, {
    root: answer.header.stateRoot,
    proof: answer.proof,
    keys: [...ids.values()],
  });
  if (!verified.ok) return verified;
  const values = new Map<string, FeedState | ConfigurationState | null>();
  const feedNames = new Set(feeds.map((feed) => toHex(feedId(crypto.hash, feed))));
  for (const [name, value] of verified.value) {
    if (value === null) {
      values.set(name, null);
      continue;
    }
    const format = { what: "state value", code: "proof-format" } as const;
    const state = feedNames.has(name)
      ? decodeShape(feedStateShape, value, format)
      : decodeShape(configurationStateShape, value, format);
    if (!state.ok) return state;
    values.set(name, state.value);
  }
  return accept({
    feed: (feed) => (values.get(toHex(feedId(crypto.hash, feed))) ?? null) as FeedState | null,
    configuration: (cid) =>
      values.get(toHex(configurationId(crypto.hash, cid))) as ConfigurationState | null | undefined,
  });
}

/** Replays a feed's new transactions onto what the client has; the end must be the certified state. */
function verifyFeed(
  { feed, entries, certified }: {
    feed: FollowedFeed;
    entries: PollAnswer["feeds"][number];
    certified: FeedState | null;
  },
  context: PollContext,
): Verdict<FeedNews> {
  if (entries === null && certified !== null && certified.count > (feed.state?.count ?? 0)) {
    return accept({ transactions: [], state: feed.state, complete: false, paged: certified });
  }
  const transactions: PlacedTransaction[] = [];
  let state = feed.state;
  let reached = feed.state;
  let complete = true;
  for (const entry of entries ?? []) {
    if (state !== null && entry.height < state.lastHeight) {
      return refuse("proof-incomplete", "a feed goes back in height");
    }
    state = extendFeed(context.crypto.hash, state, {
      height: entry.height,
      index: entry.index,
      txId: entry.id,
    });
    complete = complete && entry.transaction !== null;
    if (!complete) continue;
    const placed = verifyEntry({ entry, feed }, context);
    if (!placed.ok) return placed;
    transactions.push(placed.value);
    reached = state;
  }
  const reproduced = (state?.count ?? 0) === (certified?.count ?? 0) &&
    equal(state?.feedHash ?? ZERO_HASH, certified?.feedHash ?? ZERO_HASH);
  if (!reproduced) return refuse("proof-incomplete", "the transactions do not reproduce the certified feed");
  return accept({ transactions, state: reached, complete, paged: null });
}

function verifyEntry(
  { entry, feed }: { entry: FeedAnswerEntry; feed: Feed },
  { federation: { genesisId }, crypto }: PollContext,
): Verdict<PlacedTransaction> {
  const verified = verifyTransaction(entry.transaction ?? new Uint8Array(), { genesisId, crypto });
  if (!verified.ok) return verified;
  const { payload, id } = verified.value;
  const own = equal(id, entry.id) && equal(feedId(crypto.hash, payload), feedId(crypto.hash, feed));
  return own
    ? accept({ height: entry.height, index: entry.index, transaction: verified.value })
    : refuse("proof-incomplete", "a transaction of another feed was sent");
}

interface ConfigurationLookUp {
  readonly wanted: PollConfiguration;
  readonly answer: PollAnswer;
  readonly certified: Certified["configuration"];
}

/** The certified state and what was answered about it; neither means that the version is proved not to be there. */
function findConfiguration({ wanted, answer, certified }: ConfigurationLookUp): {
  readonly state: ConfigurationState | null | undefined;
  readonly found?: ConfigurationAnswer | undefined;
} {
  const state = certified(wanted.cid);
  const latest = state?.latestVid ?? 0;
  const vid = wanted.vid ?? latest;
  if (state === undefined) return { state };
  if (state === null || vid < 1 || vid > latest) return { state: null };
  return {
    state,
    found: answer.configurations.find((item) => equal(item.cid, wanted.cid) && item.vid === vid),
  };
}

/** Checks that the transaction is the version asked for, at the certified height. */
function verifyConfiguration(
  lookUp: ConfigurationLookUp,
  context: PollContext,
): Verdict<PlacedTransaction | null> {
  const { state, found } = findConfiguration(lookUp);
  if (state === null) return accept(null);
  if (state === undefined || found === undefined) {
    return refuse("proof-incomplete", "a configuration was not answered");
  }
  const chain = verifyVersions({ found, state }, context);
  return chain ?? verifyVersion(found, context);
}

function verifyVersions(
  { found, state }: { found: ConfigurationAnswer; state: ConfigurationState },
  { crypto }: PollContext,
): Refusal | undefined {
  const wrong = refuse("proof-incomplete", "the versions do not reproduce the certified configuration");
  if (found.versions?.length !== state.latestVid - found.vid + 1) return wrong;
  let reached: ConfigurationState = {
    version: 1,
    latestVid: found.vid - 1,
    versionsHash: found.previous,
    lastHeight: 0 as Height,
  };
  for (const { height, index, id } of found.versions) {
    if (height < reached.lastHeight) return wrong;
    reached = extendConfiguration(crypto.hash, reached, {
      height,
      index,
      vid: reached.latestVid + 1,
      txId: id,
    });
  }
  return equal(reached.versionsHash, state.versionsHash) ? undefined : wrong;
}

function verifyVersion(
  { versions, transaction, cid, vid }: ConfigurationAnswer,
  { federation: { genesisId }, crypto }: PollContext,
): Verdict<PlacedTransaction> {
  const first = versions?.[0];
  if (first === undefined || transaction === null) {
    return refuse("proof-incomplete", "a configuration lacks its bytes");
  }
  const verified = verifyTransaction(transaction, { genesisId, crypto });
  if (!verified.ok) return verified;
  const { payload, id } = verified.value;
  return equal(id, first.id) && equal(payload.cid, cid) && payload.vid === vid
    ? accept({ height: first.height, index: first.index, transaction: verified.value })
    : refuse("proof-incomplete", "another configuration was sent");
}
