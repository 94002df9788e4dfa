/**
 * Polls: the question of an agent or a tenant, and an answer that proves itself. The answer holds a certified header,
 * one proof for all feeds and configurations concerned, and what is new in each feed; light_client.ts verifies it.
 *
 * @module
 */
import { type Header, headerShape } from "./block.ts";
import type { Cid, Hash, Height, PublicKey, TxId } from "./brands.ts";
import type { Bytes } from "./bytes.ts";
import { type Certificate, certificateShape } from "./certificate.ts";
import type { Verdict } from "./errors.ts";
import { LIMITS } from "./limits.ts";
import {
  bytesUpTo,
  cidShape,
  constant,
  decodeShape,
  encodeShape,
  hashShape,
  heightShape,
  list,
  nullable,
  publicKeyShape,
  record,
  type Shape,
  txIdShape,
  uint,
} from "./shape.ts";
import { type StateProof, stateProofShape } from "./state/state_proof.ts";

/** A feed that is asked for, from the position that the client has. */
export interface PollFeed {
  readonly sender: PublicKey;
  readonly recipient: PublicKey | null;
  /** Transactions of this feed that the client has; 0 for none. */
  readonly count: number;
}

/** A configuration that is asked for by name. */
export interface PollConfiguration {
  readonly cid: Cid;
  /** Null for the latest version. */
  readonly vid: number | null;
}

/** What a client asks. */
export interface PollRequest {
  readonly version: 1;
  readonly feeds: readonly PollFeed[];
  /** Beside these, the configurations that new transactions refer to are answered unasked. */
  readonly configurations: readonly PollConfiguration[];
}

/** A transaction of a feed; what did not fit comes without its bytes, so that the feed's hash can still be checked. */
export interface FeedAnswerEntry {
  readonly height: Height;
  readonly index: number;
  readonly id: TxId;
  readonly transaction: Bytes | null;
}

/** One version of a configuration, as its hash chain needs it. */
export interface VersionAnswerEntry {
  readonly height: Height;
  readonly index: number;
  readonly id: TxId;
}

/** A configuration at the certified height: the version asked for, and what connects it with the certified state. */
export interface ConfigurationAnswer {
  readonly cid: Cid;
  /** The version that `transaction` is; 0 when the chain has none of the CID, or not the one asked for. */
  readonly vid: number;
  /** Versions hash before this version; zero for version 1. */
  readonly previous: Hash;
  /** This version and all later ones, oldest first. */
  readonly versions: readonly VersionAnswerEntry[];
  readonly transaction: Bytes | null;
}

/** What a node answers. */
export interface PollAnswer {
  readonly version: 1;
  readonly header: Header;
  readonly certificate: Certificate;
  readonly proof: StateProof;
  /** In the request's order. */
  readonly feeds: readonly (readonly FeedAnswerEntry[])[];
  readonly configurations: readonly ConfigurationAnswer[];
}

/** Versions that may lie between a pinned version and the latest. */
const VERSIONS_MAX = 65536;
/** New transactions of one feed in one answer, those without bytes included. */
const ENTRIES_MAX = 65536;
const CONFIGURATIONS_MAX = LIMITS.pollTransactions * 2 * LIMITS.references;

const requestShape: Shape<PollRequest> = record({
  version: constant(1),
  feeds: list(
    record({ sender: publicKeyShape, recipient: nullable(publicKeyShape), count: uint() }),
    LIMITS.pollFeeds,
  ),
  configurations: list(record({ cid: cidShape, vid: nullable(uint()) }), 2 * LIMITS.references),
});

const configurationAnswerShape: Shape<ConfigurationAnswer> = record({
  cid: cidShape,
  vid: uint(),
  previous: hashShape,
  versions: list(
    record({ height: heightShape, index: uint(LIMITS.blockTransactions), id: txIdShape }),
    VERSIONS_MAX,
  ),
  transaction: nullable(bytesUpTo(LIMITS.transactionBytesCeiling)),
});

const feedAnswerShape: Shape<readonly FeedAnswerEntry[]> = list(
  record({
    height: heightShape,
    index: uint(LIMITS.blockTransactions),
    id: txIdShape,
    transaction: nullable(bytesUpTo(LIMITS.transactionBytesCeiling)),
  }),
  ENTRIES_MAX,
);

const answerShape: Shape<PollAnswer> = record({
  version: constant(1),
  header: headerShape,
  certificate: certificateShape,
  proof: stateProofShape,
  feeds: list(feedAnswerShape, LIMITS.pollFeeds),
  configurations: list(configurationAnswerShape, CONFIGURATIONS_MAX),
});

/** Encodes a request. */
export function encodePollRequest(request: Omit<PollRequest, "version">): Bytes {
  return encodeShape(requestShape, { version: 1, ...request });
}

/** Decodes a request; refuses with `request`. */
export function decodePollRequest(bytes: Uint8Array): Verdict<PollRequest> {
  return decodeShape(requestShape, bytes, { what: "poll", code: "request" });
}

/** Encodes an answer. */
export function encodePollAnswer(answer: Omit<PollAnswer, "version">): Bytes {
  return encodeShape(answerShape, { version: 1, ...answer });
}

/** Decodes an answer; nothing in it is verified yet. */
export function decodePollAnswer(bytes: Uint8Array): Verdict<PollAnswer> {
  return decodeShape(answerShape, bytes, { what: "poll answer", code: "proof-format" });
}
