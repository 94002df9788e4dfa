/**
 * Evidence: two votes of one member that no correct member casts, each with its signature, so that anybody who knows
 * the federation can judge them.
 *
 * What a correct member's votes at one height say: at most one block in each round, whatever the kind of vote; and a
 * lock in exactly those rounds in which it sent COMMIT, the highest of which every later ROUND-CHANGE names. Two votes
 * that cannot both say so are evidence. A member that sends the same vote again, restarted or not, is never accused.
 * Source: docs/PROTOCOL.md, "Evidence".
 *
 * @module
 */
import type { Hash, Round } from "../core/brands.ts";
import { type Bytes, equal } from "../core/bytes.ts";
import { accept, refuse, type Verdict } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { constant, decodeShape, encodeShape, hashShape, mapped, record, type Shape } from "../core/shape.ts";
import { isSigned, type VerifyContext } from "./quorum.ts";
import { type PreparedReference, sameSubject, type Vote } from "./vote.ts";
import { voteShape } from "./wire.ts";

/** Two votes that contradict each other, cast under one federation. */
export interface Evidence {
  readonly federationHash: Hash;
  readonly first: Vote;
  readonly second: Vote;
}

/** How two votes contradict each other. */
export type Contradiction =
  /** Two different votes of one kind for one round. */
  | "double-vote"
  /** Votes of two kinds, or of a ROUND-CHANGE for its lock, name two blocks of one round. */
  | "two-blocks"
  /** A ROUND-CHANGE does not own up to a lock that the other vote shows. */
  | "amnesia";

/** How evidence is encoded: `[version, federation hash, first vote, second vote]`. */
export const evidenceShape: Shape<Evidence> = mapped(
  record({ version: constant(1), federationHash: hashShape, first: voteShape, second: voteShape }),
  {
    encode: (evidence: Evidence) => ({ version: 1 as const, ...evidence }),
    decode: ({ federationHash, first, second }) => ({ federationHash, first, second }),
    wanted: "evidence",
  },
);

/** Encodes evidence. */
export function encodeEvidence(evidence: Evidence): Bytes {
  return encodeShape(evidenceShape, evidence);
}

/** Decodes evidence, and judges nothing; refuses with `too-large`, `cbor` or `evidence-format`. */
export function decodeEvidence(bytes: Uint8Array): Verdict<Evidence> {
  if (bytes.length > LIMITS.evidenceBytes) return refuse("too-large", `evidence of ${bytes.length} bytes`);
  return decodeShape(evidenceShape, bytes, { what: "evidence", code: "evidence-format" });
}

/** How two votes contradict each other; null when a correct member may cast both. Signatures are not looked at. */
export function contradictionOf(a: Vote, b: Vote): Contradiction | null {
  if (a.sender !== b.sender || a.height !== b.height) return null;
  if (a.kind === b.kind && a.round === b.round) return sameSubject(a, b) ? null : "double-vote";
  const [blockA, blockB] = [blockOf(a), blockOf(b)];
  if (blockA !== null && blockB !== null && blockA.round === blockB.round) {
    if (!equal(blockA.blockHash, blockB.blockHash)) return "two-blocks";
  }
  return denies(a, lockOf(b)) || denies(b, lockOf(a)) ? "amnesia" : null;
}

/** Whether no correct member casts both votes. */
export function contradict(a: Vote, b: Vote): boolean {
  return contradictionOf(a, b) !== null;
}

/** The block that a vote names, and the round in which its signer has voted for it. */
function blockOf(vote: Vote): PreparedReference | null {
  return vote.kind === "round-change" ? vote.prepared : vote;
}

/** The round in which the signer was locked when it cast the vote, as far as the vote shows it. */
function lockOf(vote: Vote): Round | null {
  if (vote.kind === "round-change") return vote.prepared?.round ?? null;
  return vote.kind === "commit" ? vote.round : null;
}

/** A ROUND-CHANGE names the highest lock below its round; so it denies every other one above that. */
function denies(vote: Vote, lock: Round | null): boolean {
  if (vote.kind !== "round-change" || lock === null || lock >= vote.round) return false;
  return vote.prepared === null || vote.prepared.round < lock;
}

/**
 * Judges evidence: both votes are one member's, under this federation, and contradict each other. Refuses with
 * `evidence-proof`.
 */
export function judgeEvidence(
  { federationHash, first, second }: Evidence,
  context: VerifyContext,
): Verdict<Contradiction> {
  const { federation } = context;
  const no = (detail: string) => refuse("evidence-proof", detail);
  if (!equal(federationHash, federation.hash)) return no("the votes are of another federation");
  const n = federation.document.members.length;
  if (first.sender >= n) return no(`the votes are of member ${first.sender}, of ${n}`);
  const contradiction = contradictionOf(first, second);
  if (contradiction === null) return no("a correct member may cast both votes");
  const unsigned = [first, second].find((vote) => !isSigned(vote, context));
  if (unsigned !== undefined) return no(`the signature of the ${unsigned.kind} does not verify`);
  return accept(contradiction);
}

/** Whether evidence holds under this federation. */
export function provesMisbehaviour(evidence: Evidence, context: VerifyContext): boolean {
  return judgeEvidence(evidence, context).ok;
}
