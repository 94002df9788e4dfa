/**
 * Beginning a height, after a start or when the chain has a new tip.
 *
 * @module
 */
import type { Hash, Height, Round } from "../core/brands.ts";
import { equal } from "../core/bytes.ts";
import { assert } from "../core/errors.ts";
import { memberAt } from "../core/federation.ts";
import type { Proposal, Tip } from "../core/ports.ts";
import type { Draft } from "./draft.ts";
import { NO_VOTES, recordVote } from "./slots.ts";
import { NO_PART, type OwnPart, type State } from "./state.ts";

/** What is new with a height. */
export interface HeightStart {
  readonly tip: Tip;
  readonly self: number;
  readonly work: boolean;
}

/** A state at the beginning of the height after the tip; what lasts over heights comes from `lasting`. */
export function stateAt(
  lasting: Pick<State, "tools" | "position" | "followUntil" | "resume" | "peers" | "future" | "witnessed">,
  { tip, self, work }: HeightStart,
): State {
  const { tools, position, followUntil, resume, peers, future, witnessed } = lasting;
  const isOurs = self < 0 || equal(memberAt(tip.federation, self).key, tools.publicKey);
  assert(isOurs, `member ${self} has another key than this node`);
  return {
    tools,
    position,
    followUntil,
    resume,
    peers,
    future,
    witnessed,
    self,
    tip,
    work,
    height: tip.parent.height + 1 as Height,
    round: 0 as Round,
    heartbeatDue: false,
    timers: { round: null, resend: null },
    own: NO_PART.own,
    prepared: null,
    blocks: new Map(),
    current: null,
    build: null,
    votes: NO_VOTES,
    rounds: new Map(),
    outcome: null,
  };
}

/** Starts the height's heartbeat, and goes on with what the journal holds of our part at it. */
export function beginHeight(draft: Draft): void {
  const { height, tip, self, resume } = draft;
  if (self >= 0) {
    const { heartbeatMs, roundTimeoutMs } = tip.federation.document.parameters;
    // The first block does not wait for a heartbeat: until there is one, no client has anything that is certified.
    const ms = tip.header === null ? Math.min(heartbeatMs, roundTimeoutMs) : heartbeatMs;
    draft.actions.push({ kind: "setTimer", timer: "heartbeat", height, round: 0 as Round, ms });
  }
  if (resume === null || resume.height > height) return;
  draft.resume = null;
  if (resume.height === height && self >= 0) takeUp(draft, resume.part);
}

/** As before the restart, but for the bodies: the driver is asked again whether they are here. */
function takeUp(draft: Draft, { own, block, prepared }: OwnPart): void {
  const { prePrepare, prepare, commit, roundChange } = own;
  const votes = [roundChange, prePrepare, prepare, commit].filter((vote) => vote !== null);
  draft.own = own;
  draft.prepared = prepared;
  draft.round = votes.reduce<Round>((highest, { round }) => round > highest ? round : highest, draft.round);
  for (const vote of votes) recordVote(draft, vote);
  const { round } = draft;
  if (prepare?.round === round && block !== null) judgeAgain(draft, { blockHash: prepare.blockHash, block });
  else if (prePrepare?.round === round) {
    judgeAgain(draft, { blockHash: prePrepare.blockHash, block: prePrepare.proposal });
  }
}

/** The round's block is known from before; the clock has moved on since and is not asked about it again. */
function judgeAgain(draft: Draft, { blockHash, block }: { blockHash: Hash; block: Proposal }): void {
  const { round, height, tip, self } = draft;
  draft.current = { round, blockHash, proposal: block, status: "validating" };
  const from = tip.federation.document.members.map((_, member) => member).filter((member) => member !== self);
  draft.actions.push({ kind: "validate", height, round, blockHash, proposal: block, fresh: false, from });
}
