/**
 * Blocks: a header that names everything by hash, the parent's certificate, and transactions.
 *
 * @module
 */
import { type Hash, type Height, type PublicKey, type Round, type TxId, ZERO_HASH } from "./brands.ts";
import type { Bytes } from "./bytes.ts";
import { type Certificate, certificateShape } from "./certificate.ts";
import { type HashFunction, taggedHash } from "./hashing.ts";
import { LIMITS } from "./limits.ts";
import { merkleRoot } from "./merkle.ts";
import {
  bytesUpTo,
  constant,
  encodeShape,
  hashShape,
  heightShape,
  list,
  nullable,
  publicKeyShape,
  record,
  roundShape,
  type Shape,
  uint,
} from "./shape.ts";
import type { Transaction } from "./transaction.ts";

/** A block's header. Its hash leaves out the round that decides it, so a re-proposed block stays the same block. */
export interface Header {
  readonly version: 1;
  readonly genesisId: Hash;
  /** From 1. */
  readonly height: Height;
  /** Hash of the header before; the genesis id at height 1. */
  readonly parent: Hash;
  /** Milliseconds since 1970; greater than the parent's. */
  readonly time: number;
  readonly proposer: PublicKey;
  /** The round in which this block was first proposed. */
  readonly createdRound: Round;
  /** RFC 9162 root over the transaction ids. */
  readonly transactionsRoot: Hash;
  /** Root of the state tree after this block. */
  readonly stateRoot: Hash;
  /** Hash of the federation document in force at this height. */
  readonly federation: Hash;
  /** Hash of the one in force at the next height. */
  readonly nextFederation: Hash;
  /** Hash of the parent's certificate; zero at height 1. */
  readonly parentCertificate: Hash;
  /** Number of transactions. */
  readonly count: number;
}

/** A block as it is proposed, stored and shown. */
export interface Block {
  readonly header: Header;
  /** Null at height 1. */
  readonly parentCertificate: Certificate | null;
  readonly transactions: readonly Transaction[];
}

/** A block and the proof that it was decided. */
export interface DecidedBlock {
  readonly block: Block;
  readonly certificate: Certificate;
}

/** How a header is encoded. */
export const headerShape: Shape<Header> = record({
  version: constant(1),
  genesisId: hashShape,
  height: heightShape,
  parent: hashShape,
  time: uint(),
  proposer: publicKeyShape,
  createdRound: roundShape,
  transactionsRoot: hashShape,
  stateRoot: hashShape,
  federation: hashShape,
  nextFederation: hashShape,
  parentCertificate: hashShape,
  count: uint(LIMITS.blockTransactions),
});

/** A decided block on the wire and in archives, transactions as bytes not yet verified. */
export interface RawBlock {
  readonly version: 1;
  readonly header: Header;
  readonly parentCertificate: Certificate | null;
  readonly transactions: readonly Bytes[];
  readonly certificate: Certificate;
}

/** How a decided block is encoded. */
export const rawBlockShape: Shape<RawBlock> = record({
  version: constant(1),
  header: headerShape,
  parentCertificate: nullable(certificateShape),
  transactions: list(bytesUpTo(LIMITS.transactionBytesCeiling), LIMITS.blockTransactions),
  certificate: certificateShape,
});

/** A block's identity: the hash of its header. */
export function blockHash(hash: HashFunction, header: Header): Hash {
  return taggedHash(hash, "vnfchain/block/1", encodeShape(headerShape, header));
}

/** The root that a header holds over its transactions. */
export function transactionsRoot(hash: HashFunction, ids: readonly TxId[]): Hash {
  return merkleRoot(hash, ids);
}

/** What a block builds on. */
export interface Parent {
  readonly height: Height;
  /** Header hash; the genesis id before the first block. */
  readonly hash: Hash;
  /** Milliseconds since 1970; before the first block, the first document's time. */
  readonly time: number;
  /** Hash of the certificate at hand; zero before the first block. */
  readonly certificateHash: Hash;
}

/** The parent of the first block. */
export function genesisParent({ genesisId, time }: { genesisId: Hash; time: number }): Parent {
  return { height: 0 as Height, hash: genesisId, time, certificateHash: ZERO_HASH };
}
