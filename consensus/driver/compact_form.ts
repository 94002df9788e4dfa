/**
 * Compact forms: votes and proposals of round 0 without what their receiver knows already. A vote names its block by
 * four bytes; a proposal names its transactions by six bytes each, and its parent's certificate by who signed it.
 *
 * What a compact form means is a full message, and only that is ever verified: a receiver that expands one wrongly
 * finds that the signature does not hold, and asks for the full form. So nothing here has to be free of collisions.
 * The manner is that of compact blocks in BIP 152.
 * Source: docs/FORMATS.md, "Compact forms".
 *
 * @module
 */
import {
  asSignature,
  type Hash,
  type Height,
  type Round,
  type Signature,
  type TxId,
} from "../../core/brands.ts";
import { type Bytes, concat, u64be } from "../../core/bytes.ts";
import { type HashFunction, taggedHash } from "../../core/hashing.ts";
import { LIMITS } from "../../core/limits.ts";
import {
  bytesOf,
  bytesUpTo,
  hashShape,
  heightShape,
  mapped,
  nullable,
  record,
  roundShape,
  type Shape,
  signatureShape,
  uint,
} from "../../core/shape.ts";

/** Bytes of a block's hash in a compact vote. */
export const HASH_PREFIX_BYTES = 4;
/** Bytes of a transaction's short id. */
export const SHORT_ID_BYTES = 6;
const SIGNATURE_BYTES = 64;

/** PREPARE or COMMIT of round 0; its sender is the member at the other end of the link. */
export interface CompactVote {
  readonly height: Height;
  /** The first bytes of the block's hash. */
  readonly prefix: Bytes;
  readonly signature: Signature;
}

/** PRE-PREPARE of round 0; sender, proposer, parent and federations are known from the link and the chain. */
export interface CompactProposal {
  readonly height: Height;
  /** Milliseconds since 1970, as in the header. */
  readonly time: number;
  readonly stateRoot: Hash;
  /** The parent's certificate without its signatures; null at height 1. */
  readonly parentCertificate: { readonly round: Round; readonly bitmap: Bytes } | null;
  /** The transactions' short ids, back to back. */
  readonly shortIds: Bytes;
  readonly signature: Signature;
}

/** How a compact vote is encoded: prefix and signature are one byte string, which spares the head of one. */
export const compactVoteShape: Shape<CompactVote> = mapped(
  record({ height: heightShape, rest: bytesOf(HASH_PREFIX_BYTES + SIGNATURE_BYTES) }),
  {
    encode: ({ height, prefix, signature }: CompactVote) => ({ height, rest: concat(prefix, signature) }),
    decode: ({ height, rest }) => ({
      height,
      prefix: rest.subarray(0, HASH_PREFIX_BYTES),
      signature: asSignature(rest.subarray(HASH_PREFIX_BYTES)),
    }),
    wanted: "a compact vote",
  },
);

const shortIdsShape: Shape<Bytes> = mapped(bytesUpTo(LIMITS.blockTransactions * SHORT_ID_BYTES), {
  encode: (bytes: Bytes) => bytes,
  decode: (bytes) => bytes.length % SHORT_ID_BYTES === 0 ? bytes : undefined,
  wanted: "short ids back to back",
});

/** How a compact proposal is encoded. */
export const compactProposalShape: Shape<CompactProposal> = record({
  height: heightShape,
  time: uint(),
  stateRoot: hashShape,
  parentCertificate: nullable(
    record({ round: roundShape, bitmap: bytesUpTo(Math.ceil(LIMITS.members / 8)) }),
  ),
  shortIds: shortIdsShape,
  signature: signatureShape,
});

/** A compact form by what it stands for. */
export type CompactForm =
  | { readonly kind: "prepare" | "commit"; readonly form: CompactVote }
  | { readonly kind: "proposal"; readonly form: CompactProposal };

/** How the transactions of a block are named. */
export type ShortIdOf = (id: TxId) => Bytes;

/**
 * The first bytes of a hash over what the proposer alone knows beforehand, and the id: so nobody can make pools hold
 * transactions that will have the same short id.
 */
export function shortIds(
  hash: HashFunction,
  { stateRoot, time }: Pick<CompactProposal, "stateRoot" | "time">,
): ShortIdOf {
  const salt = concat(stateRoot, u64be(time));
  return (id) => taggedHash(hash, "vnfchain/short-id/1", salt, id).subarray(0, SHORT_ID_BYTES);
}

/** The first bytes of a block's hash. */
export function prefixOf(blockHash: Hash): Bytes {
  return blockHash.subarray(0, HASH_PREFIX_BYTES);
}
