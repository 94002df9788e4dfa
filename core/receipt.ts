/**
 * Receipts: one file that proves, with nothing but the federation document, that a transaction is on the chain and
 * where: transaction, inclusion path, header, certificate, federation.
 *
 * @module
 */
import { blockHash, type Header, headerShape } from "./block.ts";
import type { Hash } from "./brands.ts";
import { type Bytes, equal } from "./bytes.ts";
import { type Certificate, certificateShape, verifyCertificate } from "./certificate.ts";
import { accept, refuse, type Verdict } from "./errors.ts";
import { decodeFederation, encodeFederation, type Federation } from "./federation.ts";
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
  /** The federation document of the header's height, encoded. */
  readonly federation: Bytes;
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
  readonly index: number;
  readonly transaction: Transaction;
}

/** A path's length is at most the binary logarithm of the largest block. */
const PATH_MAX = Math.ceil(Math.log2(LIMITS.blockTransactions));

const receiptShape: Shape<Receipt> = record({
  version: constant(1),
  federation: bytesUpTo(LIMITS.federationBytes),
  header: headerShape,
  certificate: certificateShape,
  transaction: bytesUpTo(LIMITS.transactionBytesCeiling),
  index: uint(LIMITS.blockTransactions),
  path: list(hashShape, PATH_MAX),
});

/** Encodes a receipt. */
export function encodeReceipt(
  receipt: Omit<Receipt, "version" | "federation">,
  federation: Federation,
): Bytes {
  return encodeShape(receiptShape, {
    version: 1,
    federation: encodeFederation(federation.document),
    ...receipt,
  });
}

/** Verifies a receipt against the chain that `pinned` is a federation of. */
export function verifyReceipt(
  bytes: Uint8Array,
  { pinned, crypto }: { pinned: Federation; crypto: CryptoPort },
): Verdict<VerifiedReceipt> {
  const decoded = decodeShape(receiptShape, bytes, { what: "receipt", code: "proof-format" });
  if (!decoded.ok) return decoded;
  const { header, certificate, index, path } = decoded.value;
  const federation = decodeFederation(crypto.hash, decoded.value.federation);
  if (!federation.ok) return federation;
  if (!equal(federation.value.hash, pinned.hash) || !equal(header.federation, pinned.hash)) {
    return refuse("proof-root", "the receipt is of another federation");
  }
  const block = { height: header.height, hash: blockHash(crypto.hash, header) };
  const certified = verifyCertificate(certificate, { federation: pinned, block, crypto });
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
    ? accept({ header, index, transaction: transaction.value })
    : refuse("proof-root", "the path does not lead from the transaction to the header's root");
}
