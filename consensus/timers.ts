/**
 * Timers: which should run follows from the state alone, so they are brought in line once, at the end of each step.
 * Source: docs/PROTOCOL.md, "Timers".
 *
 * @module
 */
import type { Round } from "../core/brands.ts";
import type { Parameters } from "../core/federation.ts";
import type { Draft } from "./draft.ts";
import type { TimerName } from "./events.ts";
import { membersAt } from "./slots.ts";
import { mayVote, standingOf, type State } from "./state.ts";

/** A round's time in milliseconds: doubles with each round up to the cap. */
export function roundTimeoutMs({ roundTimeoutMs, roundTimeoutMaxMs }: Parameters, round: Round): number {
  // 2^30 times anything is above any cap; a higher power would not stay an integer.
  return Math.min(roundTimeoutMs * 2 ** Math.min(round, 30), roundTimeoutMaxMs);
}

/**
 * Whether the round's time runs. Round 0: while something can be proposed, a heartbeat is due, or a proposal is there.
 * Above: once a quorum is known to be in this round or a higher one; before that, leaving alone would only drift.
 */
export function isRoundTimed(state: State): boolean {
  if (!mayVote(state)) return false;
  const { round, work, heartbeatDue, current, outcome } = state;
  return round === 0
    ? work || heartbeatDue || current !== null || outcome !== null
    : membersAt(state, round) >= state.tip.federation.quorum;
}

/** Whether there is something to send or to ask for again: above round 0, and whenever others must help us. */
function isResent(state: State): boolean {
  if (state.outcome?.handed) return false;
  return state.round > 0 || state.outcome !== null || standingOf(state) !== "voting";
}

/** Starts, replaces and ends the driver's timers. */
export function alignTimers(draft: Draft): void {
  const { parameters } = draft.tip.federation.document;
  align(draft, {
    timer: "round",
    wanted: isRoundTimed(draft) ? draft.round : null,
    ms: roundTimeoutMs(parameters, draft.round),
  });
  align(draft, {
    timer: "resend",
    wanted: isResent(draft) ? draft.round : null,
    ms: parameters.roundTimeoutMs,
  });
}

function align(
  draft: Draft,
  { timer, wanted, ms }: { timer: Exclude<TimerName, "heartbeat">; wanted: Round | null; ms: number },
): void {
  if (draft.timers[timer] === wanted) return;
  draft.timers = { ...draft.timers, [timer]: wanted };
  draft.actions.push(
    wanted === null
      ? { kind: "clearTimer", timer }
      : { kind: "setTimer", timer, height: draft.height, round: wanted, ms },
  );
}
