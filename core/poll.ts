/**
 * Polls: the question of an agent or a tenant, and an answer that proves itself. The answer holds a certified header,
 * one proof for all feeds and configurations concerned, and what is new in each feed; light_client.ts verifies it. What
 * has more rows than an answer has room for is left to pages (history_page.ts), its state being proved all the same.
 *
 * @module
 */
import { type Header, headerShape } from "./block.ts";
import type { Cid, Hash, Height, PublicKey, TxId } from "./brands.ts";
import { type Bytes, concat } from "./bytes.ts";
import { type Certificate, certificateShape } from "./certificate.ts";
import type { CertifiedHeader } from "./certified_header.ts";
import type { Verdict } from "./errors.ts";
import { historyRowShape } from "./history_page.ts";
import { LIMITS } from "./limits.ts";
import type { FeedItem } from "./ports.ts";
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

/** A configuration at the certified height: the version asked for, and what connects it with the certified state. */
export interface ConfigurationAnswer {
  readonly cid: Cid;
  /** The version that `transaction` is; 0 when the chain has none of the CID, or not the one asked for. */
  readonly vid: number;
  /** Versions hash before this version; zero for version 1. */
  readonly previous: Hash;
  /** This version and all later ones, oldest first; null when they are too many: to be read in pages. */
  readonly versions: readonly FeedItem[] | null;
  readonly transaction: Bytes | null;
}

/** What a node answers. */
export interface PollAnswer {
  readonly version: 1;
  readonly header: Header;
  readonly certificate: Certificate;
  readonly proof: StateProof;
  /** In the request's order; null for a feed with too much that is new: to be read in pages. */
  readonly feeds: readonly (readonly FeedAnswerEntry[] | null)[];
  readonly configurations: readonly ConfigurationAnswer[];
}

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
  versions: nullable(list(historyRowShape, LIMITS.pollRows)),
  transaction: nullable(bytesUpTo(LIMITS.transactionBytesCeiling)),
});

const feedAnswerShape: Shape<readonly FeedAnswerEntry[]> = list(
  record({
    height: heightShape,
    index: uint(LIMITS.blockTransactions),
    id: txIdShape,
    transaction: nullable(bytesUpTo(LIMITS.transactionBytesCeiling)),
  }),
  LIMITS.pollRows,
);

const feedAnswersShape: Shape<PollAnswer["feeds"]> = list(nullable(feedAnswerShape), LIMITS.pollFeeds);
const configurationAnswersShape: Shape<readonly ConfigurationAnswer[]> = list(
  configurationAnswerShape,
  CONFIGURATIONS_MAX,
);

const answerShape: Shape<PollAnswer> = record({
  version: constant(1),
  header: headerShape,
  certificate: certificateShape,
  proof: stateProofShape,
  feeds: feedAnswersShape,
  configurations: configurationAnswersShape,
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
  const proof = encodeShape(stateProofShape, answer.proof);
  return concat(encodePollHead(answer), encodePollBody({ ...answer, proof }));
}

/** The first part of an answer, the same for all that are given at one height: an array of six, version, header, certificate. */
export function encodePollHead({ header, certificate }: CertifiedHeader): Bytes {
  const start = Uint8Array.of(0x86, 0x01);
  return concat(start, encodeShape(headerShape, header), encodeShape(certificateShape, certificate));
}

/** What follows the head; the same for one question as long as the state is the same. The proof is encoded already. */
export function encodePollBody(
  { proof, feeds, configurations }:
    & { readonly proof: Bytes }
    & Pick<PollAnswer, "feeds" | "configurations">,
): Bytes {
  return concat(
    proof,
    encodeShape(feedAnswersShape, feeds),
    encodeShape(configurationAnswersShape, configurations),
  );
}

/** Decodes an answer; nothing in it is verified yet. */
export function decodePollAnswer(bytes: Uint8Array): Verdict<PollAnswer> {
  return decodeShape(answerShape, bytes, { what: "poll answer", code: "proof-format" });
}
