/**
 * The vote journal's records: every vote of ours as it is sent, with what is needed to go on after a crash, and the
 * highest votes seen of the others. Framing, checksums and syncing are the store's.
 *
 * The store may drop what was persisted for heights below that of the newest `persist`; nothing else.
 *
 * @module
 */
import { asHeight, type Hash, type Height, type PublicKey } from "../core/brands.ts";
import { type Bytes, toHex } from "../core/bytes.ts";
import type { Cbor } from "../core/cbor.ts";
import { assert, EXIT, VnfchainError } from "../core/errors.ts";
import { memberAt, memberIndex } from "../core/federation.ts";
import { LIMITS } from "../core/limits.ts";
import type { Proposal, Tip } from "../core/ports.ts";
import {
  constant,
  decodeShape,
  encodeShape,
  hashShape,
  list,
  nullable,
  publicKeyShape,
  record,
  type Shape,
} from "../core/shape.ts";
import { commitsIn, preparesIn } from "./carried_votes.ts";
import type { MemberSignature, Message, VoteMessage } from "./message.ts";
import { isOwnVote, type ShownVote, shownVoteShape } from "./shown_vote.ts";
import { NO_PART, type OwnPart, type State, type Tools } from "./state.ts";
import { comparePositions, NO_POSITION, positionOf, type VotePosition } from "./vote.ts";
import { messageShape, prepareListShape, proposalShape } from "./wire.ts";

/** A vote of ours, as it was or will be sent. */
export interface VoteRecord {
  readonly version: 1;
  readonly type: 1;
  /** The federation under which it was cast. */
  readonly federationHash: Hash;
  readonly message: Message;
  /** PREPARE: the block, which is durable. */
  readonly block: Proposal | null;
  /** COMMIT: the quorum of PREPAREs for the same round and block. */
  readonly prepares: readonly MemberSignature[];
}

/** The highest vote seen of each other member, but for those that the vote records before it show. */
export interface SeenRecord {
  readonly version: 1;
  readonly type: 2;
  /** By key: a member's index changes with the federation. */
  readonly seen: readonly { readonly member: PublicKey; readonly shown: ShownVote }[];
}

const voteRecordShape: Shape<VoteRecord> = record({
  version: constant(1),
  type: constant(1),
  federationHash: hashShape,
  message: messageShape,
  block: nullable(proposalShape),
  prepares: prepareListShape,
});

const seenRecordShape: Shape<SeenRecord> = record({
  version: constant(1),
  type: constant(2),
  seen: list(record({ member: publicKeyShape, shown: shownVoteShape }), LIMITS.members),
});

/** One record of the journal. */
export type JournalRecord = VoteRecord | SeenRecord;

/** How a record is encoded; the type number stands second. */
export const recordShape: Shape<JournalRecord> = {
  encode: (value) => value.type === 1 ? voteRecordShape.encode(value) : seenRecordShape.encode(value),
  decode: (value, path) => {
    const type = Array.isArray(value) ? (value as readonly Cbor[])[1] : undefined;
    return type === 2 ? seenRecordShape.decode(value, path) : voteRecordShape.decode(value, path);
  },
};

/** Encodes a record. */
export function encodeRecord(value: JournalRecord): Bytes {
  return encodeShape(recordShape, value);
}

/** The record of a vote of ours. */
export function voteRecord(
  { tip }: Pick<State, "tip">,
  vote: { message: Message; block?: Proposal; prepares?: readonly MemberSignature[] },
): VoteRecord {
  const { message, block = null, prepares = [] } = vote;
  return { version: 1, type: 1, federationHash: tip.federation.hash, message, block, prepares };
}

/** The record of the others' highest votes, beside the vote records that it is written with. */
export function seenRecord(
  { tip, peers }: Pick<State, "tip" | "peers">,
  beside: readonly VoteRecord[],
): SeenRecord {
  const written = new Set(beside.flatMap(votesShownBy).map(nameOf));
  const seen = [...peers.seen].filter(([, shown]) => !written.has(nameOf(shown))).map(([member, shown]) => ({
    member: memberAt(tip.federation, member).key,
    shown,
  }));
  return { version: 1, type: 2, seen };
}

/** The others' votes that a vote of ours rests on: two thirds of all that there are to remember. */
function votesShownBy({ federationHash, message, block, prepares }: VoteRecord): readonly ShownVote[] {
  const certificate = block?.parentCertificate ?? null;
  const votes = [
    ...(message.kind === "commit" ? preparesIn({ ...message, prepares }) : []),
    // Whoever the bitmap can name: the federation that signed is not known here.
    ...(certificate === null ? [] : commitsIn(certificate, certificate.bitmap.length * 8)),
  ];
  return votes.map((vote) => ({ federationHash, vote }));
}

/** A shown vote as a text: a signature is over all of it, but for what it is shown to be under. */
function nameOf({ federationHash, vote: { signature } }: ShownVote): string {
  return `${toHex(federationHash)}/${toHex(signature)}`;
}

/** What a journal tells who starts from it. */
export interface Recalled {
  /** Our highest vote. */
  readonly position: VotePosition;
  /** The height of the highest vote; 0 when there is none. */
  readonly height: Height;
  /** Our part at that height. */
  readonly part: OwnPart;
  /** The highest vote seen of each other member, by index. */
  readonly seen: ReadonlyMap<number, ShownVote>;
}

/**
 * Reads a journal, oldest record first.
 *
 * @throws {VnfchainError} `journal-damaged` when a record is malformed, `journal-foreign` when a vote in it is not of
 * this key and chain.
 */
export function recall(
  records: readonly Bytes[],
  { tools, tip }: { tools: Tools; tip: Tip },
): Recalled {
  const read = records.map(readRecord);
  const votes = read.filter((each) => each.type === 1).map((each) => ownVote(each, { tools, tip }));
  const position = votes.map(({ message }) => positionOf(message))
    .reduce((a, b) => comparePositions(a, b) < 0 ? b : a, NO_POSITION);
  const atHeight = votes.filter(({ message }) => message.height === position.height);
  return {
    position,
    height: asHeight(position.height),
    part: atHeight.reduce(withVote, NO_PART),
    seen: recallSeen(read, { tools, tip }),
  };
}

function readRecord(bytes: Bytes, index: number): JournalRecord {
  const verdict = decodeShape(recordShape, bytes, { what: "journal record", code: "message-format" });
  if (verdict.ok) return verdict.value;
  throw new VnfchainError(`cannot read record ${index} of the vote journal: ${verdict.detail}`, {
    code: "journal-damaged",
    hint: "this node may have voted what is lost: keep the file, and give the node a new key and membership",
    exitCode: EXIT.failed,
  });
}

type OwnVoteRecord = VoteRecord & { readonly message: VoteMessage };

function ownVote(
  each: VoteRecord,
  { tools, tip: { federation } }: { tools: Tools; tip: Tip },
): OwnVoteRecord {
  const { message, federationHash } = each;
  const { crypto, publicKey: key } = tools;
  if (
    message.kind !== "decided" && isOwnVote({ federationHash, vote: message }, { key, federation, crypto })
  ) {
    return { ...each, message };
  }
  // With another member's journal we would not know what we have signed.
  throw new VnfchainError("cannot use the vote journal: a vote in it is not of this key and chain", {
    code: "journal-foreign",
    hint: "the data directory belongs to another node; use the one that was made with this key",
    exitCode: EXIT.failed,
  });
}

function withVote(part: OwnPart, { message, block, prepares }: OwnVoteRecord): OwnPart {
  const { own } = part;
  switch (message.kind) {
    case "pre-prepare":
      return { ...part, own: { ...own, prePrepare: message } };
    case "prepare":
      return { ...part, own: { ...own, prepare: message }, block };
    case "commit": {
      const { round, blockHash } = message;
      // A member sends COMMIT for the block that it sent PREPARE for, and for no other.
      assert(part.block !== null, "a COMMIT in the vote journal without its PREPARE");
      return {
        ...part,
        own: { ...own, commit: message },
        prepared: { round, blockHash, proposal: part.block, prepares },
      };
    }
    case "round-change":
      return { ...part, own: { ...own, roundChange: message }, prepared: message.prepared ?? part.prepared };
  }
}

/** The last record of the others' votes, and what our own votes show of them, each verified. */
function recallSeen(
  records: readonly JournalRecord[],
  { tools: { crypto, publicKey }, tip: { federation } }: { tools: Tools; tip: Tip },
): ReadonlyMap<number, ShownVote> {
  const last = records.findLast((each) => each.type === 2);
  const listed = (last?.seen ?? []).map(({ member, shown }) =>
    [memberIndex(federation, member), shown] as const
  );
  const seen = new Map(listed.filter(([index]) => index >= 0));
  const own = memberIndex(federation, publicKey);
  for (const shown of records.flatMap((each) => each.type === 1 ? votesShownBy(each) : [])) {
    const { sender } = shown.vote;
    const before = seen.get(sender);
    if (sender === own || sender >= federation.document.members.length) continue;
    if (before !== undefined && comparePositions(positionOf(before.vote), positionOf(shown.vote)) >= 0) {
      continue;
    }
    // A certificate from before a change of the federation counts its signers otherwise, and does not verify.
    const { key } = memberAt(federation, sender);
    if (isOwnVote(shown, { key, federation, crypto })) seen.set(sender, shown);
  }
  return seen;
}
