/**
 * The other members: links, heights, and what each was seen to vote.
 * Source: docs/PROTOCOL.md, "Catching up" and "After a start".
 *
 * @module
 */
import type { Height } from "../core/brands.ts";
import { type Federation, memberAt, memberIndex } from "../core/federation.ts";
import { type Draft, withEntry } from "./draft.ts";
import type { Event } from "./events.ts";
import { votesToResend } from "./own_vote.ts";
import { isOwnVote, type ShownVote } from "./shown_vote.ts";
import type { Peers, State } from "./state.ts";
import { bareVote, comparePositions, positionOf, type Vote } from "./vote.ts";

/** A greeting: counts towards the quorum to be heard after a start, and may show that we must follow. */
export function onPeerUp(
  draft: Draft,
  { member, height, highest }: Extract<Event, { kind: "peerUp" }>,
): void {
  const { heard, links, heights } = draft.peers;
  draft.peers = {
    ...draft.peers,
    heard: new Set(heard).add(member),
    links: withEntry(links, [member, true]),
    heights: withEntry(heights, [member, height]),
  };
  if (highest !== null) onOwnVoteShown(draft, highest);
  for (const message of votesToResend(draft)) draft.actions.push({ kind: "send", to: member, message });
  if (height >= draft.height) fetchDecided(draft, [member]);
}

/** A vote of ours above our journal's: the disk was set back, so we only follow until the chain has passed it. */
export function onOwnVoteShown(draft: Draft, shown: ShownVote): void {
  const { tools, tip, followUntil } = draft;
  const { height } = shown.vote;
  if (height <= followUntil || comparePositions(positionOf(shown.vote), draft.position) <= 0) return;
  const context = { key: tools.publicKey, federation: tip.federation, crypto: tools.crypto };
  if (isOwnVote(shown, context)) draft.followUntil = height;
}

/** A link broke; the rules see to what follows. */
export function onPeerDown(draft: Draft, { member }: Extract<Event, { kind: "peerDown" }>): void {
  draft.peers = { ...draft.peers, links: withEntry(draft.peers.links, [member, false]) };
}

/** A member said its height. */
export function onPeerHeight(draft: Draft, { member, height }: Extract<Event, { kind: "peerHeight" }>): void {
  draft.peers = { ...draft.peers, heights: withEntry(draft.peers.heights, [member, height]) };
  if (height > draft.height) fetchDecided(draft, [member]);
}

/** Notes that a member's chain has at least this height. */
export function noteHeight(draft: Draft, { member, height }: { member: number; height: number }): void {
  const before = draft.peers.heights.get(member);
  if (before !== undefined && before >= height) return;
  draft.peers = { ...draft.peers, heights: withEntry(draft.peers.heights, [member, height as Height]) };
}

/** Remembers the member's highest vote, to be shown to it; the next votes of ours make it durable. */
export function noteSeen(draft: Draft, vote: Vote): void {
  const { sender } = vote;
  const before = draft.peers.seen.get(sender);
  if (before !== undefined && comparePositions(positionOf(before.vote), positionOf(vote)) >= 0) return;
  const shown: ShownVote = { federationHash: draft.tip.federation.hash, vote: bareVote(vote) };
  draft.peers = { ...draft.peers, seen: withEntry(draft.peers.seen, [sender, shown]) };
}

/** The highest vote of a member that we have seen, for our greeting to it. */
export function highestVoteOf({ peers }: State, member: number): ShownVote | null {
  return peers.seen.get(member) ?? null;
}

/** Asks the driver to catch up from members that have decided our height. */
export function fetchDecided(draft: Draft, from: readonly number[]): void {
  if (from.length > 0) draft.actions.push({ kind: "fetchDecided", height: draft.height, from });
}

/** The same, from whoever is known to be ahead; nothing when nobody is. */
export function fetchFromAhead(draft: Draft): void {
  const ahead = [...draft.peers.heights].filter(([, height]) => height >= draft.height).map(([member]) =>
    member
  );
  const signers = draft.outcome?.handed === false ? draft.outcome.signers : [];
  fetchDecided(draft, [...new Set([...signers, ...ahead])].sort((a, b) => a - b));
}

/** Whether this height is decided for sure: f + 1 members show a chain that has it, and one of them is correct. */
export function isDecidedElsewhere({ peers, height, tip }: State): boolean {
  const ahead = [...peers.heights.values()].filter((shown) => shown >= height);
  return ahead.length > tip.federation.faults;
}

/** What is known of the members, by their places in another federation; who left is forgotten. */
export function movePeers(peers: Peers, { from, to }: { from: Federation; to: Federation }): Peers {
  const place = (index: number) => memberIndex(to, memberAt(from, index).key);
  const move = <V>(map: ReadonlyMap<number, V>) =>
    new Map([...map].map(([index, value]) => [place(index), value] as const).filter(([index]) => index >= 0));
  return {
    heard: new Set([...peers.heard].map(place).filter((index) => index >= 0)),
    links: move(peers.links),
    heights: move(peers.heights),
    seen: move<{ readonly federationHash: ShownVote["federationHash"]; readonly vote: Vote }>(peers.seen),
  };
}
