/**
 * Moving to a higher round of the height.
 *
 * @module
 */
import type { Round } from "../core/brands.ts";
import { assert } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Draft } from "./draft.ts";

/** Enters a higher round; nothing is signed for the rounds below any more. */
export function enterRound(draft: Draft, round: Round): void {
  assert(round > draft.round && round <= LIMITS.rounds, `from round ${draft.round} to ${round}`);
  draft.round = round;
  draft.current = null;
  draft.build = null;
}

/** The next round; there is none after the last. */
export function leaveRound(draft: Draft): boolean {
  if (draft.round >= LIMITS.rounds) return false;
  enterRound(draft, draft.round + 1 as Round);
  return true;
}
