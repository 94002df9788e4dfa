/**
 * What a block costs in bytes, by calculation: frames as they are handed to a link, in compact form.
 *
 * @module
 */
import { HASH_PREFIX_BYTES, SHORT_ID_BYTES } from "../../../consensus/driver/compact_form.ts";
import { FRAME_HEADER_BYTES } from "../../../consensus/tcp/frame.ts";
import { SEAL_BYTES } from "../../../consensus/tcp/session.ts";

/** What a link adds to each frame: its length, kind and authentication tag. TCP and IP are not counted. */
export const LINK_BYTES = FRAME_HEADER_BYTES + SEAL_BYTES;

/** A block. */
export interface Load {
  /** Members. */
  readonly n: number;
  readonly transactions: number;
  readonly transactionBytes: number;
  readonly height: number;
}

/** Frames of one block, in bytes. */
export interface FrameSizes {
  /** All transactions in one frame. */
  readonly transactions: number;
  readonly proposal: number;
  /** PREPARE, and COMMIT. */
  readonly vote: number;
  /** What tells that the block is on the chain. */
  readonly height: number;
}

/** Bytes of CBOR before a number, a string's content or a list's items. */
function headBytes(value: number): number {
  if (value < 24) return 1;
  if (value < 2 ** 8) return 2;
  if (value < 2 ** 16) return 3;
  return value < 2 ** 32 ? 5 : 9;
}

function stringBytes(length: number): number {
  return headBytes(length) + length;
}

const TAG = 1;
const ARRAY = 1;
const HASH = stringBytes(32);
const SIGNATURE = stringBytes(64);
/** Milliseconds since 1970. */
const TIME = 9;
const ROUND_0 = 1;

/** The frames. */
export function frameSizes({ n, transactions, transactionBytes, height }: Load): FrameSizes {
  const certificate = ARRAY + ROUND_0 + stringBytes(Math.ceil(n / 8));
  return {
    transactions: TAG + headBytes(transactions) + transactions * stringBytes(transactionBytes),
    proposal: TAG + ARRAY + headBytes(height) + TIME + HASH + certificate +
      stringBytes(SHORT_ID_BYTES * transactions) + SIGNATURE,
    vote: TAG + ARRAY + headBytes(height) + stringBytes(HASH_PREFIX_BYTES + 64),
    height: TAG + headBytes(height),
  };
}

/** Bytes that all members send together for one block, by phase. */
export interface Phases {
  readonly dissemination: number;
  readonly prePrepare: number;
  readonly prepare: number;
  readonly commit: number;
  /** Heights told. */
  readonly other: number;
}

/** All members' bytes: one of them spreads the transactions and leads. */
export function networkBytes(load: Load): Phases {
  const { n } = load;
  const { transactions, proposal, vote, height } = frameSizes(load);
  return {
    dissemination: (n - 1) * transactions,
    prePrepare: (n - 1) * proposal,
    prepare: n * (n - 1) * vote,
    commit: n * (n - 1) * vote,
    other: n * (n - 1) * height,
  };
}

/** Which bytes are compared with the data. */
export interface Reading {
  /** PRE-PREPARE, PREPARE and COMMIT alone, or heights too. */
  readonly withHeights: boolean;
  /** Bytes that each frame has besides. */
  readonly frameOverhead: number;
}

/**
 * The largest n at which all consensus bytes in the network do not exceed all configuration data delivered, which is
 * (n − 1) · transactions · transactionBytes. Both sides have the factor n − 1: proposal + 2n · vote against the data.
 */
export function crossing(load: Omit<Load, "n">, { withHeights, frameOverhead }: Reading): number {
  const data = load.transactions * load.transactionBytes;
  let n = 1;
  while (toOnePeer({ ...load, n: n + 1 }) <= data) n++;
  return n;

  function toOnePeer(at: Load): number {
    const { proposal, vote, height } = frameSizes(at);
    const votes = 2 * (vote + frameOverhead) + (withHeights ? height + frameOverhead : 0);
    return proposal + frameOverhead + at.n * votes;
  }
}

/** Whether two counts are the same in every phase. */
export function equalPhases(a: Phases, b: Phases): boolean {
  return (Object.keys(a) as (keyof Phases)[]).every((phase) => a[phase] === b[phase]);
}
