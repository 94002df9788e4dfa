/**
 * Receipts: one file that proves, with nothing but the federation document, that a transaction is on the chain and
 * where: transaction, inclusion path, header, certificate, federation.
 *
 * @module
 */
import { type Header, headerShape } from "./block.ts";
import type { Hash } from "./brands.ts";
import { type Bytes, equal } from "./bytes.ts";
import { type Certificate, certificateShape } from "./certificate.ts";
import { verifyCertifiedHeader } from "./certified_header.ts";
import { accept, refuse, type Verdict } from "./errors.ts";
import { decodeFederation, encodeFederation, type Federation } from "./federation.ts";
import { type FederationTransition, followFederation, transitionsShape } from "./federation_following.ts";
import { LIMITS } from "./limits.ts";
import { verifyInclusion } from "./merkle.ts";
import type { CryptoPort } from "./crypto_port.ts";
import {
  bytesUpTo,
  constant,
  decodeShape,
  encodeShape,
  hashShape,
  list,
  record,
  type Shape,
  uint,
} from "./shape.ts";
import type { Transaction } from "./transaction.ts";
import { verifyTransaction } from "./transaction_rules.ts";

/** A receipt as it is written to a file. */
export interface Receipt {
  readonly version: 1;
  /** The first federation document, encoded. */
  readonly federation: Bytes;
  /** How the document of the header's height came of it; empty when it is the first. */
  readonly changes: readonly FederationTransition[];
  readonly header: Header;
  readonly certificate: Certificate;
  /** COSE_Sign1. */
  readonly transaction: Bytes;
  /** Index in the block, from 0. */
  readonly index: number;
  /** RFC 9162 inclusion path. */
  readonly path: readonly Hash[];
}

/** A receipt that holds. */
export interface VerifiedReceipt {
  readonly header: Header;
  readonly certificate: Certificate;
  /** In force at the header's height. */
  readonly federation: Federation;
  readonly index: number;
  readonly transaction: Transaction;
}

/** A path's length is at most the binary logarithm of the largest block. */
const PATH_MAX = Math.ceil(Math.log2(LIMITS.blockTransactions));

const receiptShape: Shape<Receipt> = record({
  version: constant(1),
  federation: bytesUpTo(LIMITS.federationBytes),
  changes: transitionsShape,
  header: headerShape,
  certificate: certificateShape,
  transaction: bytesUpTo(LIMITS.transactionBytesCeiling),
  index: uint(LIMITS.blockTransactions),
  path: list(hashShape, PATH_MAX),
});

/** Encodes a receipt; `first` is the chain's first federation. */
export function encodeReceipt(receipt: Omit<Receipt, "version" | "federation">, first: Federation): Bytes {
  return encodeShape(receiptShape, { version: 1, federation: encodeFederation(first.document), ...receipt });
}

/**
 * Verifies a receipt with nothing but a federation document of its chain: that of the header's height, or an earlier
 * one, from which the receipt's own changes lead there.
 */
export function verifyReceipt(
  bytes: Uint8Array,
  { pinned, crypto }: { pinned: Federation; crypto: CryptoPort },
): Verdict<VerifiedReceipt> {
  const decoded = decodeShape(receiptShape, bytes, { what: "receipt", code: "proof-format" });
  if (!decoded.ok) return decoded;
  const { header, certificate, index, path } = decoded.value;
  const inForce = federationOfReceipt(decoded.value, { pinned, crypto });
  if (!inForce.ok) return inForce;
  const certified = verifyCertifiedHeader({ header, certificate }, { federation: inForce.value, crypto });
  if (!certified.ok) return certified;
  const { genesisId } = pinned;
  const transaction = verifyTransaction(decoded.value.transaction, { genesisId, crypto });
  if (!transaction.ok) return transaction;
  const inclusion = {
    leaf: transaction.value.id,
    index,
    size: header.count,
    path,
    root: header.transactionsRoot,
  };
  return verifyInclusion(crypto.hash, inclusion)
    ? accept({
      header,
      certificate,
      federation: inForce.value,
      index,
      transaction: transaction.value,
    })
    : refuse("proof-root", "the path does not lead from the transaction to the header's root");
}

/** The document in force at the header's height, followed from the pinned one. */
function federationOfReceipt(
  { federation, changes, header }: Receipt,
  { pinned, crypto }: { pinned: Federation; crypto: CryptoPort },
): Verdict<Federation> {
  const first = decodeFederation(crypto.hash, federation);
  if (!first.ok) return first;
  if (!equal(first.value.hash, pinned.genesisId) || !equal(header.genesisId, pinned.genesisId)) {
    return refuse("proof-root", "the receipt is of another chain");
  }
  const followed = followFederation(pinned, { transitions: changes, crypto });
  if (!followed.ok) return followed;
  return equal(followed.value.federation.hash, header.federation)
    ? accept(followed.value.federation)
    : refuse("proof-root", "the receipt is of an earlier federation than the one given, or of another");
}
