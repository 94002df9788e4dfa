/**
 * Leaving a round, and meeting the others again in a higher one.
 * Source: QBFT (Moniz, arXiv 2002.03613), Algorithm 3; docs/PROTOCOL.md, "Round change".
 *
 * @module
 */
import type { Round } from "../core/brands.ts";
import type { Draft } from "./draft.ts";
import type { Event } from "./events.ts";
import { leaderAt } from "./leader.ts";
import { castVote, votesToResend } from "./own_vote.ts";
import { fetchFromAhead } from "./peers.ts";
import { enterRound, leaveRound } from "./round.ts";
import { mayVote, type State } from "./state.ts";
import { isRoundTimed } from "./timers.ts";
import { comparePositions, positionOf } from "./vote.ts";

/** The round's time is over: on to the next. A timer of another height or round is stale, whatever it says. */
export function onTimeout(draft: Draft, { height, round }: Extract<Event, { kind: "timeout" }>): void {
  if (height !== draft.height || round !== draft.timers.round) return;
  draft.timers = { ...draft.timers, round: null };
  if (round !== draft.round || !mayVote(draft)) return;
  fetchFromAhead(draft);
  leaveRound(draft);
}

/** Periodically above round 0: whoever missed our votes, or came back, gets the same bytes again. */
export function onResend(draft: Draft, { height, round }: Extract<Event, { kind: "resend" }>): void {
  if (height !== draft.height || round !== draft.timers.resend) return;
  draft.timers = { ...draft.timers, resend: null };
  fetchFromAhead(draft);
  if (!mayVote(draft)) return;
  for (const message of votesToResend(draft)) draft.actions.push({ kind: "send", to: "all", message });
}

/**
 * f + 1 members above our round: one of them is correct. On to the (f+1)-th highest. Also with a certificate whose block
 * is not here: who has the block may lack the certificate, and need us for a quorum of ROUND-CHANGEs.
 */
export function joinOthers(draft: Draft): boolean {
  if (draft.outcome?.handed) return false;
  const above = [...draft.rounds].filter(([member, round]) => member !== draft.self && round > draft.round);
  const target = above.map(([, round]) => round).sort((a, b) => b - a)[draft.tip.federation.faults];
  if (target === undefined) return false;
  enterRound(draft, target);
  return true;
}

/**
 * Leaves the round before its time: its proposal is invalid, or its leader's link broke before the proposal came or,
 * above round 0, never stood. A link is a reason only when the timer would run, so that an idle chain stays where it is
 * and nobody runs ahead alone.
 */
export function leaveEarly(draft: Draft): boolean {
  if (!mayVote(draft)) return false;
  const { current } = draft;
  const hopeless = current === null
    ? isRoundTimed(draft) && isLeaderGone(draft)
    : current.status === "invalid";
  return hopeless && leaveRound(draft);
}

function isLeaderGone({ tip, round, self, peers }: State): boolean {
  const leader = leaderAt(tip, round);
  if (leader === self) return false;
  // Not heard since our start: in round 0 it may be about to be; above, a time-out was paid for it already.
  const stands = peers.links.get(leader) ?? round === 0;
  return !stands;
}

/**
 * ROUND-CHANGE: once a round above 0, unless we came there by its proposal. It names our lock and proves it, so that
 * the new leader can propose the locked block again.
 */
export function voteRoundChange(draft: Draft): boolean {
  const { height, prepared, current } = draft;
  const round: Round = draft.round;
  if (!mayVote(draft) || round === 0 || current !== null) return false;
  if (comparePositions(positionOf({ kind: "round-change", height, round }), draft.position) <= 0) {
    return false;
  }
  castVote(draft, { kind: "round-change", height, round, prepared });
  return true;
}
