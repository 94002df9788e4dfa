/**
 * Ports: the types through which rooms that never import each other meet.
 *
 * @module
 */
import type { Block, DecidedBlock, Header, Parent, RawBlock } from "./block.ts";
import type { Cid, Hash, Height, PublicKey, TxId } from "./brands.ts";
import type { Bytes } from "./bytes.ts";
import type { Certificate } from "./certificate.ts";
import type { Refusal, Verdict } from "./errors.ts";
import type { Federation } from "./federation.ts";
import type { FederationTerm } from "./federation_terms.ts";
import type { Feed } from "./state/keys.ts";
import type { ConfigurationState, FeedState } from "./state/values.ts";
import type { Payload, Transaction } from "./transaction.ts";

/** The chain's end: what the next block builds on. */
export interface Tip {
  readonly parent: Parent;
  /** Null before the first block. */
  readonly header: Header | null;
  /** Null before the first block. */
  readonly certificate: Certificate | null;
  /** In force at the tip's own height: its members signed the certificate. */
  readonly signedBy: Federation;
  /** In force at the next height. */
  readonly federation: Federation;
  /** In force at the height after the next; while a change is under way, another one than `federation`. */
  readonly nextFederation: Federation;
}

/** A proposal as it is judged: everything but the proof that it was decided. */
export interface Proposal {
  readonly header: Header;
  readonly parentCertificate: Certificate | null;
  readonly ids: readonly TxId[];
}

/** Where a transaction stands on the chain. */
export interface Position {
  readonly height: Height;
  readonly index: number;
}

/** The replicated chain, as consensus drives it. Calls are serial: the driver awaits one before the next. */
export interface ChainPort {
  /** The last block, durable. */
  readonly tip: () => Tip;
  /**
   * Makes a block on the tip from candidates in order; those that do not fit the state now are left out and named
   * in `refused`.
   */
  readonly build: (options: {
    candidates: readonly Transaction[];
    proposer: PublicKey;
    createdRound: Header["createdRound"];
    nowMs: number;
  }) => Promise<{ block: Block; refused: ReadonlyMap<string, Refusal> }>;
  /** Judges a proposal on the tip whose bodies are all there. `nowMs` is given for a first proposal alone. */
  readonly validate: (block: Block, options: { nowMs: number | null }) => Promise<Verdict<Hash>>;
  /** Makes a block and its bodies durable before a vote for it; forgotten when its height is decided. */
  readonly hold: (hash: Hash, block: Block) => Promise<void>;
  /** A held block. */
  readonly held: (hash: Hash) => Promise<Block | null>;
  /** Judges and appends the next block; the certificate is verified too. Durable when it resolves. */
  readonly append: (decided: DecidedBlock) => Promise<Verdict<Tip>>;
}

/** The certified state and what led to it, at one height. */
export interface StateView {
  /** The block whose state this is. */
  readonly tip: () => Tip;
  /** A feed's transactions from `count` on (0 = all), oldest first. */
  readonly feedSince: (feed: Feed, count: number) => Promise<readonly FeedItem[]>;
  /** The versions of a configuration from `vid` on (null = the latest alone), oldest first. */
  readonly versionsSince: (cid: Cid, vid: number | null) => Promise<readonly VersionItem[]>;
  /** Feeds by their keys in the state; null for one that has no transaction. */
  readonly feeds: (keys: readonly Hash[]) => Promise<readonly (FeedState | null)[]>;
  /**
   * What a history has before a place in a block where it has something, oldest first: the last `most` rows, or fewer
   * when the budget ends, yet never none where there are some. Null where the history has nothing in that block.
   */
  readonly history: (history: History, options: HistoryOptions) => Promise<readonly HistoryItem[] | null>;
  /** The latest version of a configuration; null when there is none. */
  readonly configuration: (cid: Cid) => Promise<ConfigurationState | null>;
  /** Proves the state tree's values, or their absence, against the tip's state root; an encoded state proof. */
  readonly proveState: (keys: readonly Hash[]) => Promise<Bytes>;
}

/** The replicated chain, as the client API reads it. Each call answers at the tip of its own moment. */
export interface ChainReader extends StateView {
  /** All federation documents of the chain, in order. */
  readonly federationTerms: () => readonly FederationTerm[];
  /** The federation document in force at a height, up to two above the tip's. */
  readonly federationAt: (height: number) => Federation;
  /** A decided block as stored. */
  readonly block: (height: Height) => Promise<RawBlock | null>;
  /** The transaction at a position. */
  readonly transactionAt: (position: Position) => Promise<Bytes | null>;
  /** Where a transaction stands. Recent ones are found at once; old ones by a bounded scan of a packed index. */
  readonly positionOf: (id: TxId) => Promise<Position | null>;
  /** The state as it is now, kept while blocks are appended: several answers at one height. To be disposed soon. */
  readonly view: () => StateView & Disposable;
  /** Whether a block at `timeMs` must refuse the transaction because its sender and nonce were used. */
  readonly isNonceUsed: (payload: Payload, timeMs: number) => boolean;
}

/** The transactions that a node has taken and no block has: durable, so that a `202` survives a crash. */
export interface PoolPort {
  /** Resolves once they are durable; what is already there stays as it is. Concurrent calls share one fsync. */
  readonly add: (transactions: readonly Transaction[]) => Promise<void>;
  /** Forgets what was evicted. What a block takes, its append forgets. */
  readonly remove: (ids: readonly TxId[]) => Promise<void>;
  /** What was there at the start and can still come into a block, in the order in which it was added. */
  readonly load: () => Promise<readonly Transaction[]>;
}

/** A hash chain over transactions, by its key in the state: a feed, or the versions of a configuration. */
export interface History {
  readonly kind: "feed" | "configuration";
  readonly key: Hash;
}

/** Where to begin in a history, and how much to read. */
export interface HistoryOptions {
  /** The place before which to begin. */
  readonly before: Position;
  readonly most: number;
  /** Takes bytes that were read; false when no more are to be. */
  readonly budget: { readonly take: (bytes: number) => boolean };
}

/** A row of a history. */
export interface HistoryItem extends FeedItem {
  /** The hash chain before this row; zero before the first. */
  readonly previous: Hash;
}

/** A transaction in a feed. */
export interface FeedItem extends Position {
  readonly id: TxId;
}

/** A version of a configuration. */
export interface VersionItem extends Position {
  readonly vid: number;
  readonly id: TxId;
  /** Versions hash before this version; zero for version 1. */
  readonly previous: Hash;
}
