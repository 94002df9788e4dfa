/**
 * Messages between members: what they mean. How they are written stands in wire.ts, whether they hold is for
 * verify.ts to say.
 *
 * @module
 */
import type { RawBlock } from "../core/block.ts";
import type { Brand, Hash, Signature } from "../core/brands.ts";
import type { Proposal } from "../core/ports.ts";
import type { BlockVote, PreparedReference, RoundChangeVote } from "./vote.ts";

/** A member's signature where the rest of the vote is known from the context. */
export interface MemberSignature {
  readonly sender: number;
  readonly signature: Signature;
}

/** A block and the quorum of PREPAREs, in order of sender, that locks it in a round. */
export interface PreparedCertificate extends PreparedReference {
  readonly proposal: Proposal;
  readonly prepares: readonly MemberSignature[];
}

/** A ROUND-CHANGE inside a justification: height and round are the proposal's. */
export interface JustifyingRoundChange extends MemberSignature {
  readonly prepared: PreparedReference | null;
}

/** Why a leader may propose its block in a round above 0; both lists empty in round 0. */
export interface Justification {
  /** A quorum for exactly the proposal's height and round, in order of sender. */
  readonly roundChanges: readonly JustifyingRoundChange[];
  /** A quorum for the block in the highest prepared round, in order of sender; empty when none is prepared. */
  readonly prepares: readonly MemberSignature[];
}

/** The leader's proposal: header and transaction ids; bodies are fetched where they are missing. */
export interface PrePrepare extends BlockVote<"pre-prepare"> {
  readonly proposal: Proposal;
  readonly justification: Justification;
}

/** The member has every body of the block, valid and durable. */
export type Prepare = BlockVote<"prepare">;

/** The member has seen a quorum of PREPAREs; the signature is the block certificate's. */
export type Commit = BlockVote<"commit">;

/**
 * The member has left every round below. It carries the prepared block's header and ids, so that a leader that never
 * saw the proposal can propose it again; the bodies are with the signers of its PREPAREs.
 */
export interface RoundChange extends RoundChangeVote {
  readonly prepared: PreparedCertificate | null;
}

/** A decided block for whoever lags. Nobody signs it: the certificate in it does. */
export interface Decided {
  readonly kind: "decided";
  readonly block: RawBlock;
}

/** A message that one member signed. */
export type VoteMessage = PrePrepare | Prepare | Commit | RoundChange;

/** Whatever members send each other about a height. */
export type Message = VoteMessage | Decided;

/**
 * A message whose format, signatures and inner signatures hold under the federation with this hash.
 * Made by verify.ts alone; `step` takes nothing else.
 */
export type Verified<M extends Message = Message> = Brand<
  { readonly message: M; readonly federationHash: Hash },
  "Verified"
>;
