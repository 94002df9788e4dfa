/**
 * What a transaction must be, whatever the chain's state: the first two of the paper's three checks (format,
 * signature; paper §III-A) and the rules between fields. The third, duplication, and whatever else depends on the
 * chain, stands in state/transition.ts.
 *
 * @module
 */
import type { Cid, Hash } from "./brands.ts";
import { equal, toHex } from "./bytes.ts";
import { ownsCid } from "./cid.ts";
import { accept, type Refusal, refuse, unreachable, type Verdict } from "./errors.ts";
import { checkDocument, type Parameters } from "./federation.ts";
import type { HashFunction } from "./hashing.ts";
import type { CryptoPort } from "./crypto_port.ts";
import { decodeShape } from "./shape.ts";
import {
  COMPRESSION,
  type ConfigurationPayload,
  coseSign1Shape,
  ENCRYPTION,
  type FederationPayload,
  type Payload,
  payloadShape,
  type RequestPayload,
  signatureInput,
  type Transaction,
  transactionId,
  TYPE,
} from "./transaction.ts";

/** Decodes and verifies untrusted bytes as a transaction of the chain `genesisId`. */
export function verifyTransaction(
  bytes: Uint8Array,
  { genesisId, crypto }: { genesisId: Hash; crypto: CryptoPort },
): Verdict<Transaction> {
  const read = readTransaction(bytes, { genesisId, hash: crypto.hash });
  if (!read.ok) return read;
  const { signed, transaction } = read.value;
  const { payload, signature } = transaction;
  const problem = checkFields(payload, { genesisId, hash: crypto.hash });
  if (problem !== undefined) return problem;
  if (!crypto.verify(payload.sender, signed, signature)) {
    return refuse("transaction-signature", "the signature does not verify under the sender's key");
  }
  return accept(transaction);
}

/** Decodes without verifying: for bytes of our own store, and for the step before the signature is checked. */
export function readTransaction(
  bytes: Uint8Array,
  { genesisId, hash }: { genesisId: Hash; hash: HashFunction },
): Verdict<{ transaction: Transaction; signed: Uint8Array }> {
  const cose = decodeShape(coseSign1Shape, bytes, { what: "transaction", code: "transaction-format" });
  if (!cose.ok) return cose;
  const decoded = decodeShape(payloadShape, cose.value.payload, {
    what: "payload",
    code: "transaction-format",
  });
  if (!decoded.ok) return decoded;
  const signed = signatureInput(genesisId, cose.value.payload);
  return accept({
    transaction: {
      id: transactionId(hash, signed),
      payload: decoded.value,
      signature: cose.value.signature,
      bytes: bytes.slice(),
    },
    signed,
  });
}

/** The rules between fields; `undefined` when all hold. */
export function checkFields(
  payload: Payload,
  { genesisId, hash }: { readonly genesisId: Hash; readonly hash: HashFunction },
): Refusal | undefined {
  if (payload.vid < 1) return refuse("transaction-fields", "VID is 0, wanted 1 or more");
  // Nobody owns it but all: whoever found a key whose CIDs begin with it could otherwise get between the documents.
  if (payload.type !== TYPE.federation && equal(payload.cid, genesisId)) {
    return refuse("cid-owner", "the CID is the federation's own");
  }
  switch (payload.type) {
    case TYPE.request:
      return checkRequest(hash, payload);
    case TYPE.configuration:
      return checkConfiguration(hash, payload);
    case TYPE.federation:
      return checkFederationPayload(payload, genesisId);
    default:
      return unreachable(payload);
  }
}

/** A document belongs to all: it is public, and stands under the chain's own CID, its sequence as VID. */
function checkFederationPayload(payload: FederationPayload, genesisId: Hash): Refusal | undefined {
  const { cid, vid, compression, encryption, recipient, body: { document } } = payload;
  if (!equal(cid, genesisId)) return refuse("cid-owner", "the CID of a federation change is the genesis id");
  if (recipient !== null || compression !== COMPRESSION.none || encryption !== ENCRYPTION.none) {
    return refuse("transaction-fields", "a federation change has a recipient, or is compressed or encrypted");
  }
  return vid === document.sequence
    ? checkDocument(document)
    : refuse("transaction-fields", `VID is ${vid}, but the document's sequence is ${document.sequence}`);
}

function checkRequest(hash: HashFunction, payload: RequestPayload): Refusal | undefined {
  const { recipient, vid, cid } = payload;
  if (recipient === null) return refuse("transaction-fields", "a request names nobody who should answer");
  if (vid !== 1) return refuse("transaction-fields", `a request's VID is ${vid}, wanted 1`);
  // Bound to the VNF that answers: so nobody else can publish under it first.
  if (!ownsCid(hash, { owner: recipient, cid })) {
    return refuse("cid-owner", "the request's CID is not its recipient's");
  }
  return undefined;
}

function checkConfiguration(hash: HashFunction, payload: ConfigurationPayload): Refusal | undefined {
  const { recipient, sender, vid, cid, encryption, body } = payload;
  if (!ownsCid(hash, { owner: sender, cid })) return refuse("cid-owner", "the CID is not the sender's");
  if (recipient === null && encryption !== ENCRYPTION.none) {
    return refuse("transaction-fields", "a template, which has no recipient, is encrypted");
  }
  if (body.inReplyTo !== null && (recipient === null || vid !== 1)) {
    return refuse("transaction-fields", "an answer has no recipient, or a VID other than 1");
  }
  return checkReferences(cid, body);
}

function checkReferences(
  own: Cid,
  { applyBefore, applyAfter }: ConfigurationPayload["body"],
): Refusal | undefined {
  const named = new Set<string>();
  for (const { cid, vid } of [...applyBefore, ...applyAfter]) {
    const name = toHex(cid);
    if (name === toHex(own)) {
      return refuse("reference-self", `the configuration refers to its own CID ${name}`);
    }
    if (named.has(name)) return refuse("reference-repeated", `CID ${name} is referred to twice`);
    if (vid !== null && vid < 1) {
      return refuse("transaction-fields", "a reference has VID 0, wanted 1 or more");
    }
    named.add(name);
  }
  return undefined;
}

/** A federation bounds the bytes of a transaction, all of the envelope included. */
export function checkSize(
  bytes: Uint8Array,
  { maxTransactionBytes }: Pick<Parameters, "maxTransactionBytes">,
): Refusal | undefined {
  return bytes.length <= maxTransactionBytes
    ? undefined
    : refuse("too-large", `a transaction of ${bytes.length} bytes, at most ${maxTransactionBytes}`);
}
