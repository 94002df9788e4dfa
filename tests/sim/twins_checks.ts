/** What must hold of each copy, whatever its round was like; always by the genuine rules. */
import { contradict, type Evidence, provesMisbehaviour } from "../../consensus/evidence.ts";
import { leaderKeyAt } from "../../consensus/leader.ts";
import type { VoteMessage } from "../../consensus/message.ts";
import { checkHeader } from "../../core/block_rules.ts";
import { equal } from "../../core/bytes.ts";
import { verifyCertificate } from "../../core/certificate.ts";
import type { Copy, TwinWorld } from "./twins_world.ts";
import type { Violation } from "./types.ts";

/** A broken promise; the numbers are those of the checker. */
export type TwinViolation = Pick<Violation, "invariant" | "detail">;

/** Invariants 2 and 3: a block of height 1 with a quorum's certificate. */
export function checkDecided(
  { federation, crypto, genesis: tip }: TwinWorld,
  { hash, proposal, certificate }: NonNullable<Copy["decided"]>,
): TwinViolation | null {
  const { header } = proposal;
  const checked = checkHeader(proposal, { tip, crypto });
  if (!checked.ok) return { invariant: 3, detail: `the block is not valid: ${checked.detail}` };
  if (!equal(header.proposer, leaderKeyAt(tip, header.createdRound))) {
    return { invariant: 3, detail: `the block is not by the leader of round ${header.createdRound}` };
  }
  const verdict = verifyCertificate(certificate, {
    federation,
    block: { height: header.height, hash },
    crypto,
  });
  if (!verdict.ok) return { invariant: 2, detail: `the certificate is refused: ${verdict.detail}` };
  if (certificate.round >= header.createdRound) return null;
  return { invariant: 2, detail: "the block was decided before it was made" };
}

/** Where a vote stands; one key signs one value there. */
export function placeOf({ kind, height, round }: VoteMessage): string {
  return `${kind} ${height}/${round}`;
}

/**
 * Invariants 5, 7 and 8: what was sent before may be sent again, nothing else in its place, nothing below a round left,
 * and nothing that would accuse the sender.
 */
export function checkVote({ signed, state }: Copy, message: VoteMessage): TwinViolation | null {
  const place = placeOf(message);
  const before = signed.get(place);
  if (before !== undefined && equal(before.signature, message.signature)) return null;
  if (before !== undefined) return { invariant: 5, detail: `two values for ${place} by one process` };
  if (message.height === state.height && message.round < state.round) {
    return { invariant: 7, detail: `${place} from round ${state.round}` };
  }
  const rival = [...signed.values()].find((each) => contradict(each, message));
  return rival === undefined
    ? null
    : { invariant: 8, detail: `${placeOf(rival)} and ${place} accuse their sender` };
}

/** Invariant 8: whoever is accused is the twin, and the proof holds. */
export function checkEvidence(
  { federation, crypto, twin }: TwinWorld,
  evidence: Evidence,
): TwinViolation | null {
  const accused = evidence.first.sender;
  if (accused !== twin) return { invariant: 8, detail: `member ${accused} is accused, which is correct` };
  if (provesMisbehaviour(evidence, { federation, crypto })) return null;
  return { invariant: 8, detail: "the twin is accused without proof" };
}
