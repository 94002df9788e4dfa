/**
 * Evidence: two votes of one member that no correct member casts, each with its signature, so that anybody who knows
 * the chain can judge them.
 *
 * Two different votes of one kind for one height and round; or a COMMIT, and later a ROUND-CHANGE that does not own
 * up to the block prepared then. A member that sends the same vote again, restarted or not, is never accused.
 *
 * @module
 */
import type { Hash } from "../core/brands.ts";
import { equal } from "../core/bytes.ts";
import { hashShape, record, type Shape } from "../core/shape.ts";
import { isSigned, type VerifyContext } from "./quorum.ts";
import { type BlockVote, type RoundChangeVote, sameSubject, type Vote } from "./vote.ts";
import { voteShape } from "./wire.ts";

/** Two votes that contradict each other, cast under one federation. */
export interface Evidence {
  readonly federationHash: Hash;
  readonly first: Vote;
  readonly second: Vote;
}

/** How evidence is encoded. */
export const evidenceShape: Shape<Evidence> = record({
  federationHash: hashShape,
  first: voteShape,
  second: voteShape,
});

/** Whether no correct member casts both votes. Signatures are not looked at. */
export function contradict(a: Vote, b: Vote): boolean {
  if (a.sender !== b.sender || a.height !== b.height) return false;
  if (a.kind === b.kind) return a.round === b.round && !sameSubject(a, b);
  if (a.kind === "commit" && b.kind === "round-change") return disowns(b, a);
  return a.kind === "round-change" && b.kind === "commit" && disowns(a, b);
}

/** Who has sent COMMIT is prepared in that round, and says so in every later ROUND-CHANGE unless prepared later. */
function disowns({ round, prepared }: RoundChangeVote, commit: Vote & BlockVote): boolean {
  if (round <= commit.round) return false;
  if (prepared === null || prepared.round < commit.round) return true;
  return prepared.round === commit.round && !equal(prepared.blockHash, commit.blockHash);
}

/** Judges evidence: both votes are the member's, under this federation, and contradict each other. */
export function provesMisbehaviour(
  { federationHash, first, second }: Evidence,
  context: VerifyContext,
): boolean {
  const { federation } = context;
  return equal(federationHash, federation.hash) && first.sender < federation.document.members.length &&
    contradict(first, second) && isSigned(first, context) && isSigned(second, context);
}
