/**
 * Witnessing: every vote whose signature was verified is held against what its signer cast before at that height,
 * whichever way it came: as a message, inside a justification or a prepared block, or in a certificate.
 *
 * Kept apart from the slots: what is kept here is counted towards no quorum. Bounded: a few votes a member and height,
 * the last few heights. Source: docs/PROTOCOL.md, "Evidence".
 *
 * @module
 */
import type { Hash, Height } from "../core/brands.ts";
import { equal } from "../core/bytes.ts";
import { LIMITS } from "../core/limits.ts";
import { type Draft, withEntry } from "./draft.ts";
import { contradict } from "./evidence.ts";
import type { State, Witnessed } from "./state.ts";
import { bareVote, sameSubject, type Vote } from "./vote.ts";

/** Votes of one height, all verified under the federation with this hash. */
export interface SignedVotes {
  readonly federationHash: Hash;
  readonly height: Height;
  readonly votes: readonly Vote[];
}

/** Holds votes against those kept. Accuses a member once a height: who contradicts itself needs no second proof. */
export function witness(draft: Draft, { federationHash, height, votes }: SignedVotes): void {
  if (height + LIMITS.witnessedHeights < draft.height || height > draft.height + LIMITS.futureHeights) return;
  const before = witnessedAt(draft, { federationHash, height });
  const news = votes.filter((vote) => vote.sender !== draft.self && isNews(before, vote));
  if (news.length === 0) return;
  const kept = new Map(before.votes);
  const accused = new Set(before.accused);
  for (const vote of news) {
    const { sender } = vote;
    const known = kept.get(sender) ?? [];
    const first = known.find((each) => contradict(each, vote));
    kept.set(sender, [...known, bareVote(vote)].slice(-LIMITS.witnessedVotes));
    if (first === undefined || accused.has(sender)) continue;
    accused.add(sender);
    draft.actions.push({ kind: "evidence", evidence: { federationHash, first, second: bareVote(vote) } });
  }
  draft.witnessed = withEntry(draft.witnessed, [height, { federationHash, votes: kept, accused }]);
}

function witnessedAt(
  { witnessed }: State,
  { federationHash, height }: Pick<SignedVotes, "federationHash" | "height">,
): Witnessed {
  const found = witnessed.get(height);
  // Under another federation an index is another member's.
  if (found !== undefined && equal(found.federationHash, federationHash)) return found;
  return { federationHash, votes: new Map(), accused: new Set() };
}

function isNews({ votes, accused }: Witnessed, vote: Vote): boolean {
  return !accused.has(vote.sender) && !(votes.get(vote.sender) ?? []).some((each) => sameSubject(each, vote));
}

/** Whether the vote would accuse its sender, if its signature holds: then also a late one is worth verifying. */
export function isIncriminating({ witnessed, self }: State, vote: Vote): boolean {
  const found = witnessed.get(vote.height);
  if (found === undefined || vote.sender === self || found.accused.has(vote.sender)) return false;
  return (found.votes.get(vote.sender) ?? []).some((each) => contradict(each, vote));
}

/** Drops what lies too far below the height. */
export function forgetWitnessed(draft: Draft): void {
  const kept = [...draft.witnessed].filter(([height]) => height + LIMITS.witnessedHeights >= draft.height);
  draft.witnessed = new Map(kept);
}
