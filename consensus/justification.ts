/**
 * Justifications: why a leader may propose its block in a round above 0. Both sides of the rule stand here, what a
 * leader puts together and what everybody checks.
 * Source: QBFT (Moniz, arXiv 2002.03613), Algorithm 4; docs/PROTOCOL.md, "Round change".
 *
 * @module
 */
import type { Round } from "../core/brands.ts";
import { equal } from "../core/bytes.ts";
import { type Refusal, refuse } from "../core/errors.ts";
import type { Justification, PreparedCertificate, PrePrepare, RoundChange } from "./message.ts";
import { checkQuorum, type VerifyContext } from "./quorum.ts";
import type { PreparedReference } from "./vote.ts";

/** What stands beside a proposal in round 0. */
export const NO_JUSTIFICATION: Justification = { roundChanges: [], prepares: [] };

/** The reference with the highest round; null when there is none. */
export function highestPrepared<P extends PreparedReference>(all: readonly (P | null)[]): P | null {
  return all.reduce<P | null>(
    (highest, each) => each !== null && (highest === null || each.round > highest.round) ? each : highest,
    null,
  );
}

/** The justification that a leader gives with a quorum of ROUND-CHANGEs, and the block that it binds the leader to. */
export function justify(
  roundChanges: readonly RoundChange[],
): { justification: Justification; bound: PreparedCertificate | null } {
  const inOrder = [...roundChanges].sort((a, b) => a.sender - b.sender);
  const bound = highestPrepared(inOrder.map(({ prepared }) => prepared));
  return {
    bound,
    justification: {
      roundChanges: inOrder.map(({ sender, signature, prepared }) => ({
        sender,
        signature,
        prepared: prepared === null ? null : { round: prepared.round, blockHash: prepared.blockHash },
      })),
      prepares: bound === null ? [] : bound.prepares,
    },
  };
}

/**
 * Checks a proposal's justification.
 *
 * Round 0: nothing stands beside it, and the block is made in round 0. Above: a quorum of ROUND-CHANGEs for exactly
 * this height and round. If none of them is prepared, the block is made in this round; else it is the one of the
 * highest prepared round, with a quorum of PREPAREs for exactly that round and block.
 */
export function checkJustification(message: PrePrepare, context: VerifyContext): Refusal | undefined {
  const { height, round, blockHash, proposal: { header }, justification: { roundChanges, prepares } } =
    message;
  const fresh = header.createdRound === round;
  if (round === 0) {
    return roundChanges.length + prepares.length === 0 && fresh
      ? undefined
      : refuse("message-justification", "a proposal in round 0 is new and has nothing beside it");
  }
  const problem = checkQuorum(roundChanges, {
    context,
    subjectOf: ({ prepared }) => ({ kind: "round-change", height, round, prepared }),
  });
  if (problem !== undefined) return problem;
  const highest = highestPrepared(roundChanges.map(({ prepared }) => prepared));
  if (highest === null) {
    return prepares.length === 0 && fresh
      ? undefined
      : refuse("message-justification", "nothing is prepared, so the block must be made in this round");
  }
  const others = roundChanges.some(({ prepared }) =>
    prepared !== null && prepared.round === highest.round && !equal(prepared.blockHash, blockHash)
  );
  if (highest.round >= round || header.createdRound > highest.round || others) {
    return refuse("message-justification", `the block is not the one prepared in round ${highest.round}`);
  }
  return checkPrepares({ height, round: highest.round, blockHash, prepares }, context);
}

/** Checks a quorum of PREPAREs for exactly this height, round and block. */
export function checkPrepares(
  { height, round, blockHash, prepares }: Pick<PrePrepare, "height" | "blockHash"> & {
    readonly round: Round;
    readonly prepares: Justification["prepares"];
  },
  context: VerifyContext,
): Refusal | undefined {
  return checkQuorum(prepares, { context, subjectOf: () => ({ kind: "prepare", height, round, blockHash }) });
}
