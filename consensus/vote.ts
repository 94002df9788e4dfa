/**
 * Votes: what members sign, and the order in which one member may sign them.
 *
 * Every signature is over CBOR `[tag, genesis id, federation hash, height, round, …]`, so that a vote of one chain,
 * federation, kind, height or round is never one of another. COMMIT's is the block certificate's.
 * Source: docs/PROTOCOL.md, "Votes".
 *
 * @module
 */
import type { Hash, Height, Round, Signature } from "../core/brands.ts";
import { type Bytes, equal } from "../core/bytes.ts";
import { encodeCbor } from "../core/cbor.ts";
import { commitMessage } from "../core/certificate.ts";
import type { Federation } from "../core/federation.ts";

/** Votes that are about one block. */
export type BlockVoteKind = "pre-prepare" | "prepare" | "commit";

/** Where and by whom a vote was cast. */
export interface Cast {
  readonly height: Height;
  readonly round: Round;
  /** Index of the member that signed. */
  readonly sender: number;
  readonly signature: Signature;
}

/** PRE-PREPARE, PREPARE or COMMIT, without what a proposal carries beside its signature. */
export interface BlockVote<K extends BlockVoteKind = BlockVoteKind> extends Cast {
  readonly kind: K;
  readonly blockHash: Hash;
}

/** The block that a member has prepared, and in which round. */
export interface PreparedReference {
  readonly round: Round;
  readonly blockHash: Hash;
}

/** ROUND-CHANGE to `round`, without the proof that `prepared` holds. */
export interface RoundChangeVote extends Cast {
  readonly kind: "round-change";
  /** The block prepared in the highest round below this one; null when there is none. */
  readonly prepared: PreparedReference | null;
}

/** Whatever a member signs. */
export type Vote = BlockVote | RoundChangeVote;

/** A vote before it is signed. */
export type VoteSubject =
  | Omit<BlockVote, "sender" | "signature">
  | Omit<RoundChangeVote, "sender" | "signature">;

/** The bytes that a vote's signature is over. Of the federation, its hash and genesis id are used. */
export function voteMessage(federation: Federation, vote: VoteSubject): Bytes {
  if (vote.kind === "commit") return commitMessage(federation, vote);
  const prefix = [`vnfchain/${vote.kind}/1`, federation.genesisId, federation.hash, vote.height, vote.round];
  if (vote.kind !== "round-change") return encodeCbor([...prefix, vote.blockHash]);
  const { prepared } = vote;
  return encodeCbor([...prefix, prepared === null ? null : [prepared.round, prepared.blockHash]]);
}

/** A vote's place in the order in which its signer casts votes; steps in a round as in {@link STEPS}. */
export interface VotePosition {
  readonly height: Height;
  readonly round: Round;
  readonly step: number;
}

/** Before every vote. */
export const NO_POSITION: VotePosition = { height: 0 as Height, round: 0 as Round, step: 0 };

const STEPS = { "round-change": 0, "pre-prepare": 1, "prepare": 2, "commit": 3 } as const;

/** Where a vote stands in its signer's order. */
export function positionOf(vote: Pick<Vote, "kind" | "height" | "round">): VotePosition {
  return { height: vote.height, round: vote.round, step: STEPS[vote.kind] };
}

/** Orders positions; returns a number below, at or above 0. */
export function comparePositions(a: VotePosition, b: VotePosition): number {
  return a.height - b.height || a.round - b.round || a.step - b.step;
}

/** The vote alone, without what its message carries beside it. */
export function bareVote(vote: Vote): Vote {
  const cast = { height: vote.height, round: vote.round, sender: vote.sender, signature: vote.signature };
  if (vote.kind !== "round-change") return { kind: vote.kind, ...cast, blockHash: vote.blockHash };
  const { prepared } = vote;
  return {
    kind: vote.kind,
    ...cast,
    prepared: prepared === null ? null : { round: prepared.round, blockHash: prepared.blockHash },
  };
}

/** Whether two votes say the same; their signatures are not compared. */
export function sameSubject(a: VoteSubject, b: VoteSubject): boolean {
  if (a.kind !== b.kind || a.height !== b.height || a.round !== b.round) return false;
  if (a.kind !== "round-change") return b.kind !== "round-change" && equal(a.blockHash, b.blockHash);
  return b.kind === "round-change" && samePrepared(a.prepared, b.prepared);
}

function samePrepared(a: PreparedReference | null, b: PreparedReference | null): boolean {
  if (a === null || b === null) return a === b;
  return a.round === b.round && equal(a.blockHash, b.blockHash);
}
