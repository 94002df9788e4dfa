/**
 * Keeping votes: one slot a member and kind, for its highest round, so that no flood of rounds grows the state and no
 * member counts twice. Votes of different rounds or blocks are never added up.
 *
 * @module
 */
import type { Hash, Round, Signature } from "../core/brands.ts";
import { equal } from "../core/bytes.ts";
import { type Draft, withEntry } from "./draft.ts";
import type { VoteMessage } from "./message.ts";
import type { State, VoteSlots } from "./state.ts";
import { bareVote, type BlockVote, type Vote } from "./vote.ts";

/** No votes. */
export const NO_VOTES: VoteSlots = {
  prePrepares: new Map(),
  prepares: new Map(),
  commits: new Map(),
  roundChanges: new Map(),
};

/** Keeps a vote of the current height. */
export function recordVote(draft: Draft, message: VoteMessage): void {
  draft.votes = withVote(draft.votes, message);
  noteRound(draft, message);
}

/** Notes that a member was shown to be in a round. */
export function noteRound(draft: Draft, { sender, round }: { sender: number; round: Round }): void {
  const before = draft.rounds.get(sender);
  if (before === undefined || before < round) draft.rounds = withEntry(draft.rounds, [sender, round]);
}

function withVote(votes: VoteSlots, message: VoteMessage): VoteSlots {
  switch (message.kind) {
    case "pre-prepare":
      // Of a proposal the slot keeps the vote alone.
      return {
        ...votes,
        prePrepares: keep(votes.prePrepares, bareVote(message) as BlockVote<"pre-prepare">),
      };
    case "prepare":
      return { ...votes, prepares: keep(votes.prepares, message) };
    case "commit":
      return { ...votes, commits: keep(votes.commits, message) };
    case "round-change":
      return { ...votes, roundChanges: keep(votes.roundChanges, message) };
  }
}

/** The vote of the highest round stays; of one round, the first. */
function keep<V extends Vote>(slots: ReadonlyMap<number, V>, vote: V): ReadonlyMap<number, V> {
  const before = slots.get(vote.sender);
  return before === undefined || before.round < vote.round ? withEntry(slots, [vote.sender, vote]) : slots;
}

/** The signatures, by member, of votes for exactly this round and block. */
export function signaturesFor(
  slots: ReadonlyMap<number, BlockVote>,
  { round, blockHash }: { round: Round; blockHash: Hash },
): ReadonlyMap<number, Signature> {
  const matching = [...slots.values()].filter((vote) =>
    vote.round === round && equal(vote.blockHash, blockHash)
  );
  return new Map(matching.map(({ sender, signature }) => [sender, signature]));
}

/** How many members are known to be in this round or above; this one is. */
export function membersAt({ rounds, self }: State, round: Round): number {
  return 1 + [...rounds].filter(([member, shown]) => member !== self && shown >= round).length;
}
