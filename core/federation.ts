/**
 * Federations: who the members are, what they agreed on, and how many of them make a quorum.
 *
 * A document's members carry their public key beside the X.509 certificate that certifies it, so that a light client
 * needs no X.509; whether key and certificate agree is checked where a document is admitted (platform/x509.ts).
 *
 * @module
 */
import { type Hash, type PublicKey, ZERO_HASH } from "./brands.ts";
import { type Bytes, equal, toHex } from "./bytes.ts";
import { accept, assert, type Refusal, refuse, type Verdict } from "./errors.ts";
import { type HashFunction, taggedHash } from "./hashing.ts";
import { LIMITS } from "./limits.ts";
import {
  bytesUpTo,
  constant,
  decodeShape,
  encodeShape,
  hashShape,
  list,
  publicKeyShape,
  record,
  type Shape,
  text,
  uint,
} from "./shape.ts";

/** A member: a vote, two addresses (`host:port`; IPv6 as `[::1]:7000`), and a certificate in DER. */
export interface Member {
  readonly name: string;
  readonly key: PublicKey;
  readonly certificate: Bytes;
  /** Where the other members reach it, by TCP. */
  readonly peerAddress: string;
  /** Where clients reach it: an http or https URL. */
  readonly apiUrl: string;
}

/** What the members agreed on; part of the document, so the same for all. */
export interface Parameters {
  /** A transaction's timestamp may be this much older than its block. */
  readonly transactionLifetimeMs: number;
  /** A new block's time may differ this much from a validator's clock. */
  readonly maxDriftMs: number;
  /** When nothing is due, an empty block is closed after this time. */
  readonly heartbeatMs: number;
  readonly maxBlockBytes: number;
  readonly maxTransactionBytes: number;
  /** The leader changes at heights divisible by this. */
  readonly tenureBlocks: number;
  /** Timer of round 0; doubles each round. */
  readonly roundTimeoutMs: number;
  /** Where the doubling ends. */
  readonly roundTimeoutMaxMs: number;
  /** Bytes of transactions that one member may bring in an hour. */
  readonly quotaBytesPerHour: number;
}

/** Values that `node testnet` starts with. */
export const DEFAULT_PARAMETERS: Parameters = {
  transactionLifetimeMs: 3_600_000,
  maxDriftMs: 15_000,
  heartbeatMs: 30_000,
  maxBlockBytes: 4 * 1024 * 1024,
  maxTransactionBytes: 2 * 1024 * 1024,
  tenureBlocks: 64,
  roundTimeoutMs: 1_000,
  roundTimeoutMaxMs: 16_000,
  quotaBytesPerHour: 16 * 1024 * 1024 * 1024,
};

/** A federation document; the first has sequence 0, and its zero genesis id stands for its own hash. */
export interface FederationDocument {
  readonly version: 1;
  readonly genesisId: Hash;
  readonly sequence: number;
  /** Hash of the document before; zero for the first. */
  readonly previous: Hash;
  /** Milliseconds since 1970; the first block is later than the first document. */
  readonly time: number;
  readonly name: string;
  /** The certificate authority's certificate in DER. */
  readonly authority: Bytes;
  /** Votes are counted by index in this list. */
  readonly members: readonly Member[];
  readonly parameters: Parameters;
}

/** A document in force, with what follows from it. */
export interface Federation {
  readonly document: FederationDocument;
  readonly hash: Hash;
  readonly genesisId: Hash;
  /** Members that may fail in any way: ⌊(n−1)/3⌋. */
  readonly faults: number;
  /** Votes that decide: ⌈(n+f+1)/2⌉. */
  readonly quorum: number;
}

const name = text(LIMITS.federationTextBytes);

const memberShape: Shape<Member> = record({
  name,
  key: publicKeyShape,
  certificate: bytesUpTo(LIMITS.x509Bytes),
  peerAddress: name,
  apiUrl: name,
});

const parametersShape: Shape<Parameters> = record({
  transactionLifetimeMs: uint(),
  maxDriftMs: uint(),
  heartbeatMs: uint(),
  maxBlockBytes: uint(LIMITS.blockBytesCeiling),
  maxTransactionBytes: uint(LIMITS.transactionBytesCeiling),
  tenureBlocks: uint(),
  roundTimeoutMs: uint(),
  roundTimeoutMaxMs: uint(),
  quotaBytesPerHour: uint(),
});

/** How a document is encoded. */
export const federationShape: Shape<FederationDocument> = record({
  version: constant(1),
  genesisId: hashShape,
  sequence: uint(),
  previous: hashShape,
  time: uint(),
  name,
  authority: bytesUpTo(LIMITS.x509Bytes),
  members: list(memberShape, LIMITS.members),
  parameters: parametersShape,
});

/** Members that a federation of `n` tolerates in any fault: ⌊(n−1)/3⌋. */
export function faultsOf(n: number): number {
  return Math.floor((n - 1) / 3);
}

/** Votes that decide among `n`: ⌈(n+f+1)/2⌉; any two quorums share a correct member. */
export function quorumOf(n: number): number {
  return Math.ceil((n + faultsOf(n) + 1) / 2);
}

/** Encodes a document canonically. */
export function encodeFederation(document: FederationDocument): Bytes {
  return encodeShape(federationShape, document);
}

/** Decodes a document and judges what needs no certificates. */
export function decodeFederation(hash: HashFunction, bytes: Uint8Array): Verdict<Federation> {
  if (bytes.length > LIMITS.federationBytes) {
    return refuse("too-large", `federation document of ${bytes.length} bytes`);
  }
  const decoded = decodeShape(federationShape, bytes, { what: "federation", code: "federation-format" });
  if (!decoded.ok) return decoded;
  const problem = checkDocument(decoded.value);
  return problem ?? accept(federationOf(hash, decoded.value));
}

/** What follows from a document that was checked. */
export function federationOf(hash: HashFunction, document: FederationDocument): Federation {
  const own = taggedHash(hash, "vnfchain/federation/1", encodeFederation(document));
  const n = document.members.length;
  return {
    document,
    hash: own,
    genesisId: document.sequence === 0 ? own : document.genesisId,
    faults: faultsOf(n),
    quorum: quorumOf(n),
  };
}

/** The member at `index`; asserts that there is one. */
export function memberAt(federation: Federation, index: number): Member {
  const member = federation.document.members[index];
  assert(member !== undefined, `member ${index} of ${federation.document.members.length}`);
  return member;
}

/** A key's index among the members; −1 for strangers. */
export function memberIndex(federation: Federation, key: PublicKey): number {
  return federation.document.members.findIndex((member) => equal(member.key, key));
}

/** The rules of a document that need no certificate; `undefined` when all hold. */
export function checkDocument(document: FederationDocument): Refusal | undefined {
  const { members, sequence, genesisId, previous, parameters } = document;
  const wrong = (detail: string) => refuse("federation-format", `federation document: ${detail}`);
  if (members.length === 0) return wrong("no members");
  if (new Set(members.map((member) => toHex(member.key))).size < members.length) {
    return wrong("a key stands twice");
  }
  if (new Set(members.map((member) => member.name)).size < members.length) {
    return wrong("a name stands twice");
  }
  const first = sequence === 0;
  if (first !== equal(genesisId, ZERO_HASH) || first !== equal(previous, ZERO_HASH)) {
    return wrong("genesis id and previous hash are zero in the first document and in no other");
  }
  return checkParameters(parameters);
}

function checkParameters(parameters: Parameters): Refusal | undefined {
  for (const [parameter, value] of Object.entries(parameters)) {
    if (value < 1) {
      return refuse("federation-format", `federation parameter ${parameter} is 0, wanted 1 or more`);
    }
  }
  const { maxBlockBytes, maxTransactionBytes, roundTimeoutMs, roundTimeoutMaxMs, heartbeatMs } = parameters;
  if (Math.max(roundTimeoutMaxMs, heartbeatMs) > LIMITS.federationTimerMs) {
    return refuse(
      "federation-format",
      `federation parameters: a timer is above ${LIMITS.federationTimerMs} ms`,
    );
  }
  if (maxTransactionBytes > maxBlockBytes) {
    return refuse("federation-format", "federation parameters: maxTransactionBytes is above maxBlockBytes");
  }
  if (roundTimeoutMs > roundTimeoutMaxMs) {
    return refuse("federation-format", "federation parameters: roundTimeoutMs is above roundTimeoutMaxMs");
  }
  return undefined;
}
