/**
 * Evidence in words, for operators and auditors. Names come from a federation document: whoever prints escapes them.
 *
 * @module
 */
import { toHex } from "../../core/bytes.ts";
import { type Federation, memberAt } from "../../core/federation.ts";
import { publicKeyToText } from "../../core/keys.ts";
import type { Contradiction, Evidence } from "../../consensus/evidence.ts";
import type { Vote } from "../../consensus/vote.ts";

/** Evidence that was judged. A type, not an interface: it is printed as JSON as it stands. */
export type ProvenEvidence = {
  readonly height: number;
  readonly member: {
    /** In the federation under which it voted. */
    readonly index: number;
    readonly name: string;
    /** `vc1…` */
    readonly key: string;
  };
  readonly contradiction: Contradiction;
  /** The two votes, in words. */
  readonly votes: readonly [string, string];
};

const HASH_DIGITS = 16;

const MEANING: Readonly<Record<Contradiction, string>> = {
  "double-vote": "voted twice",
  "two-blocks": "voted for two blocks in one round",
  "amnesia": "did not own up to a lock",
};

/** Describes evidence that holds under this federation. */
export function describeEvidence(
  { first, second }: Evidence,
  { federation, contradiction }: { federation: Federation; contradiction: Contradiction },
): ProvenEvidence {
  const { name, key } = memberAt(federation, first.sender);
  return {
    height: first.height,
    member: { index: first.sender, name, key: publicKeyToText(key) },
    contradiction,
    votes: [voteText(first), voteText(second)],
  };
}

/** One line: who, and what contradicts what. */
export function evidenceText({ member, contradiction, votes }: ProvenEvidence): string {
  return `member ${member.name} ${MEANING[contradiction]}: ${votes.join("; ")}`;
}

function voteText(vote: Vote): string {
  const name = vote.kind.toUpperCase();
  if (vote.kind !== "round-change") return `${name} in round ${vote.round} for ${shortHash(vote.blockHash)}`;
  const { round, prepared } = vote;
  if (prepared === null) return `${name} to round ${round} without a lock`;
  return `${name} to round ${round}, locked on ${shortHash(prepared.blockHash)} in round ${prepared.round}`;
}

function shortHash(hash: Uint8Array): string {
  return `${toHex(hash).slice(0, HASH_DIGITS)}…`;
}
