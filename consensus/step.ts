/**
 * The protocol: `step(state, event)` gives the next state and what to do. Synchronous, total and deterministic: the
 * same inputs give the same outputs, and no remote input makes it throw.
 *
 * An event is noted first; then the rules look at the state until none of them applies any more. So it does not
 * matter in which order a proposal, its bodies and the votes for it come in.
 * Source: QBFT (Moniz, arXiv 2002.03613); docs/PROTOCOL.md.
 *
 * @module
 */
import { equal } from "../core/bytes.ts";
import { unreachable } from "../core/errors.ts";
import type { Tip } from "../core/ports.ts";
import { commitsIn, votesIn } from "./carried_votes.ts";
import { decide, onDecided, voteCommit } from "./commit.ts";
import { type Draft, draftOf, finish, type Transition } from "./draft.ts";
import type { Event } from "./events.ts";
import { keepForLater, takeKept } from "./future.ts";
import { beginHeight, stateAt } from "./height.ts";
import type { Verified, VoteMessage } from "./message.ts";
import {
  fetchDecided,
  movePeers,
  noteHeight,
  noteSeen,
  onOwnVoteShown,
  onPeerDown,
  onPeerHeight,
  onPeerUp,
} from "./peers.ts";
import { onBuilt, onPrePrepare, onValidated, onWork, propose, votePrepare } from "./pre_prepare.ts";
import { joinOthers, leaveEarly, onResend, onTimeout, voteRoundChange } from "./round_change.ts";
import { recordVote } from "./slots.ts";
import type { ShownVote } from "./shown_vote.ts";
import type { State } from "./state.ts";
import { alignTimers } from "./timers.ts";
import type { Vote } from "./vote.ts";
import { forgetWitnessed, witness } from "./witness.ts";

/** One step. The actions are to be run in list order; see {@link Event} and the actions for what each asks. */
export function step(state: State, event: Event): Transition {
  const draft = draftOf(state);
  note(draft, event);
  return settle(draft);
}

/** Applies the rules until none applies, then brings the timers in line. */
export function settle(draft: Draft): Transition {
  while (RULES.some((rule) => rule(draft)));
  alignTimers(draft);
  return finish(draft);
}

/**
 * In order of precedence: what is decided needs no vote, and no vote is cast in a round that is about to be left.
 * Each says whether it changed something; each changes a finite thing in one direction.
 */
const RULES: readonly ((draft: Draft) => boolean)[] = [
  decide,
  joinOthers,
  leaveEarly,
  voteRoundChange,
  propose,
  votePrepare,
  voteCommit,
];

function note(draft: Draft, event: Event): void {
  switch (event.kind) {
    case "message":
      return onMessage(draft, event);
    case "timeout":
      return onTimeout(draft, event);
    case "resend":
      return onResend(draft, event);
    case "heartbeat":
      if (event.height === draft.height) draft.heartbeatDue = true;
      return;
    case "work":
      return onWork(draft, event);
    case "built":
      return onBuilt(draft, event);
    case "validated":
      return onValidated(draft, event);
    case "advanced":
      return onAdvanced(draft, event);
    case "peerUp":
      return onPeerUp(draft, event);
    case "peerHeight":
      return onPeerHeight(draft, event);
    case "peerDown":
      return onPeerDown(draft, event);
    default:
      return unreachable(event);
  }
}

function onMessage(draft: Draft, { from, message: verified }: Extract<Event, { kind: "message" }>): void {
  const { message, federationHash } = verified;
  // Verified before the federation changed: its signer may be another member by now.
  if (!equal(federationHash, draft.tip.federation.hash)) return;
  if (message.kind === "decided") return onDecided(draft, { message, from });
  // Our own vote comes back: known, or from a life that our journal does not remember.
  if (message.sender === draft.self) return onOwnVoteShown(draft, { federationHash, vote: message });
  const votes = votesIn(message);
  noteVotes(draft, { federationHash, votes });
  witness(draft, { federationHash, height: message.height, votes });
  if (message.height < draft.height) return onLate(draft, message);
  if (message.height > draft.height) return onAhead(draft, verified as Verified<VoteMessage>);
  if (!draft.outcome?.handed) onVote(draft, message);
}

/** What is held against a member is what it is shown, lest one whose disk was set back contradicts it unwarned. */
function noteVotes(
  draft: Draft,
  { federationHash, votes }: { federationHash: ShownVote["federationHash"]; votes: readonly Vote[] },
): void {
  for (const vote of votes) {
    if (vote.sender === draft.self) onOwnVoteShown(draft, { federationHash, vote });
    else noteSeen(draft, vote);
  }
}

function onVote(draft: Draft, message: VoteMessage): void {
  if (message.kind === "pre-prepare") onPrePrepare(draft, message);
  else recordVote(draft, message);
}

/** Only who asks for another round is stuck there; the other late votes are of who was just slower. */
function onLate(draft: Draft, { kind, height, sender }: VoteMessage): void {
  if (kind === "round-change") draft.actions.push({ kind: "sendDecided", to: sender, height });
}

/** A vote shows that its signer has decided the height below. One height ahead is a matter of moments; two are not. */
function onAhead(draft: Draft, verified: Verified<VoteMessage>): void {
  const { sender, height } = verified.message;
  const before = draft.peers.heights.get(sender) ?? 0;
  noteHeight(draft, { member: sender, height: height - 1 });
  if (height - 1 > draft.height && before <= draft.height) fetchDecided(draft, [sender]);
  keepForLater(draft, verified);
}

/** Who signed the certificate of this height has sent COMMIT, though it may have shown us something else. */
function witnessCertificate(draft: Draft, { certificate }: Tip): void {
  const { height, tip: { federation } } = draft;
  if (certificate?.height !== height) return;
  const votes = commitsIn(certificate, federation.document.members.length);
  const federationHash = federation.hash;
  noteVotes(draft, { federationHash, votes });
  witness(draft, { federationHash, height, votes });
}

/** A new height, with what came about it before; the same or an older tip says nothing new. */
function onAdvanced(draft: Draft, { tip, self, work }: Extract<Event, { kind: "advanced" }>): void {
  if (tip.parent.height < draft.height) return;
  const { timers, tip: { federation } } = draft;
  witnessCertificate(draft, tip);
  for (const timer of ["round", "resend"] as const) {
    if (timers[timer] !== null) draft.actions.push({ kind: "clearTimer", timer });
  }
  const same = equal(federation.hash, tip.federation.hash);
  Object.assign(draft, stateAt(draft, { tip, self, work }));
  if (!same) {
    draft.peers = movePeers(draft.peers, { from: federation, to: tip.federation });
    draft.future = new Map();
  }
  forgetWitnessed(draft);
  beginHeight(draft);
  for (const { message } of takeKept(draft, draft.height)) onVote(draft, message);
}
