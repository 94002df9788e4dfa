/**
 * Proposals: making one, taking one, and voting PREPARE for it.
 * Source: QBFT (Moniz, arXiv 2002.03613), Algorithm 2, lines 1 to 10; docs/PROTOCOL.md, "Normal case".
 *
 * @module
 */
import { blockHash as hashOf } from "../core/block.ts";
import { equal } from "../core/bytes.ts";
import { assert } from "../core/errors.ts";
import type { Proposal } from "../core/ports.ts";
import { blockOf, type Draft, keepBlock } from "./draft.ts";
import type { Event } from "./events.ts";
import { justify, NO_JUSTIFICATION } from "./justification.ts";
import { leaderAt, leaderKeyAt } from "./leader.ts";
import type { Justification, PrePrepare } from "./message.ts";
import { castVote } from "./own_vote.ts";
import { isDecidedElsewhere } from "./peers.ts";
import { enterRound } from "./round.ts";
import { noteRound, recordVote } from "./slots.ts";
import { mayVote, type State } from "./state.ts";

/** A justified proposal of the current or a higher round, by that round's leader, becomes the current one. */
export function onPrePrepare(draft: Draft, message: PrePrepare): void {
  recordVote(draft, message);
  const { round, sender, blockHash, justification } = message;
  for (const { sender: member } of justification.roundChanges) noteRound(draft, { sender: member, round });
  if (round < draft.round || sender !== leaderAt(draft.tip, round)) return;
  // Decided: only the decided block is still of use.
  if (draft.outcome !== null && !equal(draft.outcome.blockHash, blockHash)) return;
  if (round > draft.round) enterRound(draft, round);
  if (draft.current === null) takeProposal(draft, message);
}

/** Makes a proposal the current one; the driver judges it unless it was found valid in an earlier round. */
export function takeProposal(draft: Draft, message: PrePrepare): void {
  const { height, round, blockHash, proposal, sender, justification: { prepares } } = message;
  const known = blockOf(draft, blockHash) !== undefined;
  const status = known ? "valid" : fits(draft, proposal) ? "validating" : "invalid";
  draft.current = { round, blockHash, proposal, status };
  if (status !== "validating") return;
  // Who signed PREPARE has the bodies; of a new block, its maker.
  const holders = [...new Set([sender, ...prepares.map((prepare) => prepare.sender)])];
  const from = holders.filter((member) => member !== draft.self);
  const fresh = proposal.header.createdRound === round;
  draft.actions.push({ kind: "validate", height, round, blockHash, proposal, fresh, from });
}

/** The block follows our tip and was made by the leader of the round that it was created in. */
function fits({ tip }: State, { header }: Proposal): boolean {
  return equal(header.parent, tip.parent.hash) &&
    equal(header.proposer, leaderKeyAt(tip, header.createdRound));
}

/** The driver's verdict on the current proposal; one about an earlier round's comes too late and is ignored. */
export function onValidated(draft: Draft, event: Extract<Event, { kind: "validated" }>): void {
  const { current } = draft;
  if (event.height !== draft.height || current === null || current.status !== "validating") return;
  if (event.round !== current.round || !equal(event.blockHash, current.blockHash)) return;
  draft.current = { ...current, status: event.verdict };
  if (event.verdict === "valid") keepBlock(draft, { hash: current.blockHash, proposal: current.proposal });
}

/** Whether something can be proposed now. That nothing can also answers `build` in round 0 without a heartbeat. */
export function onWork(draft: Draft, { available }: Extract<Event, { kind: "work" }>): void {
  draft.work = available;
  if (!available && draft.round === 0 && !draft.heartbeatDue && draft.build?.proposal === null) {
    draft.build = null;
  }
}

/** The driver's new block for us to propose; the round may be over by now. */
export function onBuilt(draft: Draft, event: Extract<Event, { kind: "built" }>): void {
  if (event.height !== draft.height || event.round !== draft.build?.round) return;
  draft.build = { round: event.round, proposal: event.proposal };
}

/**
 * The leader's rule, once a round. Round 0: a new block, when there is something to put in or a heartbeat is due.
 * Above: with a quorum of ROUND-CHANGEs for exactly this round, the block of the highest prepared round among them,
 * or a new one when there is none.
 */
export function propose(draft: Draft): boolean {
  const { round, self, tip, own, outcome } = draft;
  if (!mayVote(draft) || draft.current !== null || leaderAt(tip, round) !== self) return false;
  // Proposed before a restart, or asked for a block already: both are answered by waiting.
  if (own.prePrepare?.round === round) return false;
  if (round === 0) {
    // Who catches up past its own old turns would make, hold and sign a block at each, and nobody wants one.
    const isDue = (draft.work || draft.heartbeatDue) && outcome === null && !isDecidedElsewhere(draft);
    return isDue ? proposeNew(draft, NO_JUSTIFICATION) : false;
  }
  const roundChanges = [...draft.votes.roundChanges.values()].filter((vote) => vote.round === round);
  if (roundChanges.length < tip.federation.quorum) return false;
  const { justification, bound } = justify(roundChanges);
  // Decided, though the block is not here: no other is proposed, whatever anybody's locks say.
  if (outcome !== null && (bound === null || !equal(bound.blockHash, outcome.blockHash))) return false;
  if (bound === null) return proposeNew(draft, justification);
  sendProposal(draft, { proposal: bound.proposal, justification });
  return true;
}

/** Asks for a block once, and proposes it when it is there. */
function proposeNew(draft: Draft, justification: Justification): boolean {
  const { height, round, build } = draft;
  if (build === null) {
    draft.build = { round, proposal: null };
    draft.actions.push({ kind: "build", height, round });
    return true;
  }
  if (build.proposal === null) return false;
  const { header } = build.proposal;
  assert(
    header.height === height && header.createdRound === round,
    "the driver built a block for another round",
  );
  assert(fits(draft, build.proposal), "the driver built a block that does not follow the tip");
  keepBlock(draft, { hash: hashOf(draft.tools.crypto.hash, header), proposal: build.proposal });
  sendProposal(draft, { proposal: build.proposal, justification });
  return true;
}

function sendProposal(
  draft: Draft,
  { proposal, justification }: { proposal: Proposal; justification: Justification },
): void {
  const { height, round, tools } = draft;
  const blockHash = hashOf(tools.crypto.hash, proposal.header);
  castVote(draft, { kind: "pre-prepare", height, round, blockHash, proposal, justification });
  takeProposal(draft, draft.own.prePrepare as PrePrepare);
}

/** PREPARE: the current proposal is valid, and its block and bodies are durable here. Once a round. */
export function votePrepare(draft: Draft): boolean {
  const { current, height, round, own } = draft;
  if (!mayVote(draft) || draft.outcome !== null) return false;
  if (current?.status !== "valid" || own.prepare?.round === round) return false;
  assert(current.round === round, "the current proposal is of another round");
  const { blockHash, proposal } = current;
  castVote(draft, { kind: "prepare", height, round, blockHash }, { block: proposal });
  return true;
}
