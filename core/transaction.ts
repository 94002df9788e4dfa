/**
 * Transactions: a COSE_Sign1 (RFC 9052 §4.2) around a payload with the paper's fields (paper §III-C).
 *
 * The external additional data is the genesis id, so that no transaction can be replayed on another chain and any
 * COSE library can verify one. What a transaction may say stands in transaction_rules.ts.
 *
 * @module
 */
import { asTxId, type Cid, type Hash, type PublicKey, type Signature, type TxId } from "./brands.ts";
import { type Bytes, fromHex } from "./bytes.ts";
import { type Cbor, encodeCbor } from "./cbor.ts";
import { assert } from "./errors.ts";
import { type FederationChange, federationChangeShape } from "./federation_change.ts";
import { type HashFunction, taggedHash } from "./hashing.ts";
import { LIMITS } from "./limits.ts";
import {
  bytesOf,
  bytesUpTo,
  cidShape,
  constant,
  encodeShape,
  list,
  mapped,
  nullable,
  publicKeyShape,
  record,
  type Shape,
  signatureShape,
  text,
  txIdShape,
  uint,
} from "./shape.ts";

/** Transaction types. */
export const TYPE = { configuration: 1, request: 2, federation: 3 } as const;
/** Compression of the content. */
export const COMPRESSION = { none: 0, gzip: 1, zstd: 2 } as const;
/** Encryption of the configuration; 2 is kept for a hybrid post-quantum KEM. */
export const ENCRYPTION = { none: 0, hpke: 1 } as const;

/** One of {@link COMPRESSION}. */
export type Compression = typeof COMPRESSION[keyof typeof COMPRESSION];
/** One of {@link ENCRYPTION}. */
export type Encryption = typeof ENCRYPTION[keyof typeof ENCRYPTION];

/** A configuration named in apply-before or apply-after; `vid` null means the latest version. */
export interface Reference {
  readonly cid: Cid;
  readonly vid: number | null;
}

/** What every transaction carries (paper §III-C, fields i to x). */
export interface PayloadHeader {
  readonly version: 1;
  readonly cid: Cid;
  /** From 1; each version is the one before plus one. */
  readonly vid: number;
  readonly compression: Compression;
  readonly encryption: Encryption;
  /** At most {@link LIMITS.descriptionBytes} bytes; public. */
  readonly description: string;
  readonly sender: PublicKey;
  readonly recipient: PublicKey | null;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  /** 16 random bytes. */
  readonly nonce: Bytes;
}

/** Type 1: installs a configuration, publishes a template, or answers a request. */
export interface ConfigurationPayload extends PayloadHeader {
  readonly type: 1;
  readonly body: {
    readonly applyBefore: readonly Reference[];
    readonly applyAfter: readonly Reference[];
    /** The request that this answers. */
    readonly inReplyTo: TxId | null;
    /** A content map, or an encryption envelope around one. */
    readonly configuration: Bytes;
  };
}

/** Type 2: asks a VNF for its state. CID, VID, compression, encryption and description are the answer's. */
export interface RequestPayload extends PayloadHeader {
  readonly type: 2;
  readonly body: { readonly replyTo: PublicKey };
}

/**
 * Type 3: brings the federation's next document. The documents are the versions of one configuration, whose CID is the
 * genesis id, so that a client can ask for the latest as for any other.
 */
export interface FederationPayload extends PayloadHeader {
  readonly type: 3;
  readonly body: FederationChange;
}

/** What the sender signs. */
export type Payload = ConfigurationPayload | RequestPayload | FederationPayload;

/** Whether a transaction brings the federation's next document. */
export function isFederationChange(
  transaction: Transaction,
): transaction is Transaction & { readonly payload: FederationPayload } {
  return transaction.payload.type === TYPE.federation;
}

/** A transaction whose format, fields and signature were verified. */
export interface Transaction {
  readonly id: TxId;
  readonly payload: Payload;
  readonly signature: Signature;
  /** The COSE_Sign1 as it travels and is stored. */
  readonly bytes: Bytes;
}

const referenceShape: Shape<Reference> = record({ cid: cidShape, vid: nullable(uint()) });
const references = list(referenceShape, LIMITS.references);

const header = {
  cid: cidShape,
  vid: uint(),
  compression: uint(COMPRESSION.zstd) as Shape<Compression>,
  encryption: uint(ENCRYPTION.hpke) as Shape<Encryption>,
  description: text(LIMITS.descriptionBytes),
  sender: publicKeyShape,
  recipient: nullable(publicKeyShape),
  timestamp: uint(),
  nonce: bytesOf(16),
};

const configurationShape: Shape<ConfigurationPayload> = record({
  version: constant(1),
  type: constant(TYPE.configuration),
  ...header,
  body: record({
    applyBefore: references,
    applyAfter: references,
    inReplyTo: nullable(txIdShape),
    configuration: bytesUpTo(LIMITS.transactionBytesCeiling),
  }),
});

const requestShape: Shape<RequestPayload> = record({
  version: constant(1),
  type: constant(TYPE.request),
  ...header,
  body: record({ replyTo: publicKeyShape }),
});

const federationPayloadShape: Shape<FederationPayload> = record({
  version: constant(1),
  type: constant(TYPE.federation),
  ...header,
  body: federationChangeShape,
});

const SHAPES = [configurationShape, requestShape, federationPayloadShape] as const;

/** The payload's shape, chosen by its type, the second element; an unknown one meets a shape that refuses it. */
export const payloadShape: Shape<Payload> = {
  encode: (payload) => (SHAPES[payload.type - 1] as Shape<Payload>).encode(payload),
  decode: (value, path) => {
    const type = Array.isArray(value) ? (value as readonly Cbor[])[1] : undefined;
    const index = Object.values<Cbor | undefined>(TYPE).indexOf(type);
    return (SHAPES[index] ?? configurationShape).decode(value, path);
  },
};

/** Protected header: {1: -8}, which is alg: EdDSA (RFC 9053 §2.2). */
const PROTECTED = fromHex("a10127") as Bytes;

const anyValue: Shape<Cbor> = { encode: (value) => value, decode: (value) => value };

const emptyMap: Shape<"empty"> = mapped(anyValue, {
  encode: () => new Map(),
  decode: (value) => value instanceof Map && value.size === 0 ? "empty" : undefined,
  wanted: "an empty map",
});

/** COSE_Sign1, untagged: [protected, unprotected = {}, payload, signature]. */
export const coseSign1Shape: Shape<{
  readonly algorithm: Bytes;
  readonly unprotected: "empty";
  readonly payload: Bytes;
  readonly signature: Signature;
}> = record({
  algorithm: mapped(bytesOf(PROTECTED.length), {
    encode: (value: Bytes) => value,
    decode: (value) => value.every((byte, i) => byte === PROTECTED[i]) ? value : undefined,
    wanted: "{alg: EdDSA}",
  }),
  unprotected: emptyMap,
  payload: bytesUpTo(LIMITS.transactionBytesCeiling),
  signature: signatureShape,
});

/** What is signed: the Sig_structure (RFC 9052 §4.4) with the genesis id as external additional data. */
export function signatureInput(genesisId: Hash, payload: Bytes): Bytes {
  return encodeCbor(["Signature1", PROTECTED, genesisId, payload]);
}

/** Encodes a payload. */
export function encodePayload(payload: Payload): Bytes {
  return encodeShape(payloadShape, payload);
}

/** The transaction's id: SHA-256 of the Sig_structure; so it does not depend on the signature's bytes. */
export function transactionId(hash: HashFunction, signed: Bytes): TxId {
  return asTxId(hash(signed));
}

/** Signs a payload; `sign` gives 64 bytes for the Sig_structure. Shape and rules are for the caller to keep. */
export function signTransaction(
  payload: Payload,
  options: { genesisId: Hash; hash: HashFunction; sign: (message: Bytes) => Signature },
): Transaction {
  const encoded = encodePayload(payload);
  const signed = signatureInput(options.genesisId, encoded);
  const signature = options.sign(signed);
  assert(signature.length === 64, `signature has ${signature.length} bytes, wanted 64`);
  const bytes = encodeShape(coseSign1Shape, {
    algorithm: PROTECTED,
    unprotected: "empty",
    payload: encoded,
    signature,
  });
  return { id: transactionId(options.hash, signed), payload, signature, bytes };
}

/**
 * The additional data that binds an encryption envelope to its header: payload items 0 to 10, the references and
 * in_reply_to; so a ciphertext cannot be moved under another header.
 */
export function envelopeContext(payload: ConfigurationPayload): Bytes {
  const items = configurationShape.encode({
    ...payload,
    body: { ...payload.body, configuration: new Uint8Array() },
  });
  return encodeCbor(items);
}

/** What (sender, nonce) is remembered by, 32 bytes; once in the uniqueness window. */
export function nonceKey(hash: HashFunction, payload: Payload): Hash {
  return taggedHash(hash, "vnfchain/nonce/1", payload.sender, payload.nonce);
}
