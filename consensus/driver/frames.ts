/**
 * What members send each other over an authenticated link: one byte that says what follows, then CBOR.
 *
 * Votes are signed and verified wherever they come from; the rest is believed of nobody: transactions are verified,
 * blocks come with certificates, and a height is only a reason to ask.
 *
 * @module
 */
import type { Height, TxId } from "../../core/brands.ts";
import { type Bytes, concat } from "../../core/bytes.ts";
import { type Refusal, refuse, unreachable, type Verdict } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import {
  bytesUpTo,
  decodeShape,
  encodeShape,
  heightShape,
  list,
  record,
  type Shape,
  txIdShape,
  uint,
} from "../../core/shape.ts";
import { type CompactForm, compactProposalShape, compactVoteShape } from "./compact_form.ts";

/** A frame's content. */
export type Frame =
  /** A consensus message as wire.ts encodes it. */
  | { readonly kind: "message"; readonly bytes: Bytes }
  /** Transactions, COSE_Sign1 each: new ones, or the answer to `want`. */
  | { readonly kind: "transactions"; readonly transactions: readonly Bytes[] }
  /** Asks for transactions that a proposal or a pool names. */
  | { readonly kind: "want"; readonly ids: readonly TxId[] }
  /** The ids in the sender's pool, when a link comes up. */
  | { readonly kind: "pool"; readonly ids: readonly TxId[] }
  /** The sender's chain has this height. */
  | { readonly kind: "height"; readonly height: Height }
  /** Asks for decided blocks. */
  | { readonly kind: "getBlocks"; readonly from: Height; readonly count: number }
  /** Decided blocks from `from` on, encoded as in archives; empty when there are none. */
  | { readonly kind: "blocks"; readonly from: Height; readonly blocks: readonly Bytes[] }
  /** The sender's PREPARE, COMMIT or PRE-PREPARE of round 0, without what the receiver knows. */
  | CompactForm
  /** Asks for the receiver's own votes at a height, in full. */
  | { readonly kind: "wantVotes"; readonly height: Height };

const TAGS = {
  message: 1,
  transactions: 2,
  want: 3,
  pool: 4,
  height: 5,
  getBlocks: 6,
  blocks: 7,
  prepare: 8,
  commit: 9,
  proposal: 10,
  wantVotes: 11,
} as const;

const transactionsShape = list(bytesUpTo(LIMITS.transactionBytesCeiling), LIMITS.frameTransactions);
const idsShape: Shape<readonly TxId[]> = list(txIdShape, LIMITS.poolTransactions);
const getBlocksShape = record({ from: heightShape, count: uint(LIMITS.catchUpBlocks) });
const blocksShape = record({
  from: heightShape,
  blocks: list(bytesUpTo(LIMITS.frameBytes), LIMITS.catchUpBlocks),
});

/** Encodes a frame. */
export function encodeFrame(frame: Frame): Bytes {
  return concat(new Uint8Array([TAGS[frame.kind]]), encodePayload(frame));
}

function encodePayload(frame: Frame): Bytes {
  switch (frame.kind) {
    case "message":
      return frame.bytes;
    case "transactions":
      return encodeShape(transactionsShape, frame.transactions);
    case "want":
    case "pool":
      return encodeShape(idsShape, frame.ids);
    case "height":
      return encodeShape(heightShape, frame.height);
    case "getBlocks":
      return encodeShape(getBlocksShape, frame);
    case "blocks":
      return encodeShape(blocksShape, frame);
    case "prepare":
    case "commit":
      return encodeShape(compactVoteShape, frame.form);
    case "proposal":
      return encodeShape(compactProposalShape, frame.form);
    case "wantVotes":
      return encodeShape(heightShape, frame.height);
    default:
      return unreachable(frame);
  }
}

/** Decodes a frame; a consensus message inside is not looked at yet. */
export function decodeFrame(bytes: Bytes): Verdict<Frame> {
  const payload = bytes.subarray(1);
  switch (bytes[0]) {
    case TAGS.message:
      return { ok: true, value: { kind: "message", bytes: payload } };
    case TAGS.transactions:
      return map(decodeShape(transactionsShape, payload, FORMAT), (transactions) => ({
        kind: "transactions",
        transactions,
      }));
    case TAGS.want:
      return map(decodeShape(idsShape, payload, FORMAT), (ids) => ({ kind: "want", ids }));
    case TAGS.pool:
      return map(decodeShape(idsShape, payload, FORMAT), (ids) => ({ kind: "pool", ids }));
    case TAGS.height:
      return map(decodeShape(heightShape, payload, FORMAT), (height) => ({ kind: "height", height }));
    case TAGS.getBlocks:
      return map(decodeShape(getBlocksShape, payload, FORMAT), (asked) => ({ kind: "getBlocks", ...asked }));
    case TAGS.blocks:
      return map(decodeShape(blocksShape, payload, FORMAT), (answer) => ({ kind: "blocks", ...answer }));
    case TAGS.prepare:
      return map(decodeShape(compactVoteShape, payload, FORMAT), (form) => ({ kind: "prepare", form }));
    case TAGS.commit:
      return map(decodeShape(compactVoteShape, payload, FORMAT), (form) => ({ kind: "commit", form }));
    case TAGS.proposal:
      return map(decodeShape(compactProposalShape, payload, FORMAT), (form) => ({ kind: "proposal", form }));
    case TAGS.wantVotes:
      return map(decodeShape(heightShape, payload, FORMAT), (height) => ({ kind: "wantVotes", height }));
    default:
      return refuse("message-format", `frame of unknown kind ${bytes[0]}`);
  }
}

const FORMAT = { what: "frame", code: "message-format" } as const;

function map<T>(verdict: Verdict<T>, frame: (value: T) => Frame): { ok: true; value: Frame } | Refusal {
  return verdict.ok ? { ok: true, value: frame(verdict.value) } : verdict;
}
