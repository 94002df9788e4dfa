/**
 * Casting our own votes. The one place where our key signs, and where the order of votes is asserted: a vote is
 * always above every vote before it, so two different ones for one height, round and kind cannot come to be.
 *
 * @module
 */
import { assert } from "../core/errors.ts";
import type { Proposal } from "../core/ports.ts";
import type { Draft } from "./draft.ts";
import { voteRecord } from "./journal.ts";
import type { MemberSignature, VoteMessage } from "./message.ts";
import { recordVote } from "./slots.ts";
import { mayVote, type OwnVotes, type State } from "./state.ts";
import { comparePositions, positionOf, voteMessage } from "./vote.ts";

/** A message that lacks its sender and signature. */
export type Unsigned<M> = M extends unknown ? Omit<M, "sender" | "signature"> : never;

/** Signs a vote, has it made durable, sent to all, and counted. */
export function castVote(
  draft: Draft,
  unsigned: Unsigned<VoteMessage>,
  beside: { block?: Proposal; prepares?: readonly MemberSignature[] } = {},
): void {
  const { self, tip: { federation }, tools } = draft;
  const position = positionOf(unsigned);
  assert(mayVote(draft), `a ${unsigned.kind} at height ${position.height} while this member does not vote`);
  assert(
    position.height === draft.height && position.round === draft.round,
    `a ${unsigned.kind} out of its round`,
  );
  // A crash here: the state would have made this key vote twice, or below a round that it left.
  assert(
    comparePositions(position, draft.position) > 0,
    `a ${unsigned.kind} that is not above our last vote`,
  );
  const message = {
    ...unsigned,
    sender: self,
    signature: tools.sign(voteMessage(federation, unsigned)),
  } as VoteMessage;
  draft.position = position;
  draft.own = withOwn(draft.own, message);
  draft.records.push(voteRecord(draft, { message, ...beside }));
  draft.actions.push({ kind: "send", to: "all", message });
  recordVote(draft, message);
}

function withOwn(own: OwnVotes, message: VoteMessage): OwnVotes {
  switch (message.kind) {
    case "pre-prepare":
      return { ...own, prePrepare: message };
    case "prepare":
      return { ...own, prepare: message };
    case "commit":
      return { ...own, commit: message };
    case "round-change":
      return { ...own, roundChange: message };
  }
}

/** Our votes that may still help somebody at this height, in the order in which they were cast. */
export function votesToResend({ own, round }: State): readonly VoteMessage[] {
  const { roundChange, prePrepare, prepare, commit } = own;
  const all = [
    roundChange,
    prePrepare?.round === round ? prePrepare : null,
    prepare?.round === round ? prepare : null,
    // A COMMIT counts towards its own round's quorum for ever.
    commit,
  ];
  return all.filter((message) => message !== null);
}
