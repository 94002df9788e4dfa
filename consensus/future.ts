/**
 * Messages about the next heights, kept until the chain is there: of each sender and height one a kind, the one of
 * the highest round. What lies further ahead is not kept.
 *
 * @module
 */
import type { Height } from "../core/brands.ts";
import { LIMITS } from "../core/limits.ts";
import { type Draft, withEntry } from "./draft.ts";
import type { Verified, VoteMessage } from "./message.ts";

/** Keeps a message about a height above ours. */
export function keepForLater(draft: Draft, verified: Verified<VoteMessage>): void {
  const { height, kind, round, sender } = verified.message;
  if (height > draft.height + LIMITS.futureHeights) return;
  const kept = draft.future.get(sender) ?? [];
  const rival = kept.find(({ message }) => message.height === height && message.kind === kind);
  if (rival !== undefined && rival.message.round >= round) return;
  const others = kept.filter((each) => each !== rival);
  const sameHeight = others.filter(({ message }) => message.height === height);
  if (sameHeight.length >= LIMITS.futureMessages) return;
  draft.future = withEntry(draft.future, [sender, [...others, verified]]);
}

/** Takes out what was kept for this height, in order of sender; drops what is below. */
export function takeKept(draft: Draft, height: Height): readonly Verified<VoteMessage>[] {
  const bySender = [...draft.future].sort(([a], [b]) => a - b);
  draft.future = new Map(
    bySender.map(([sender, kept]) => [sender, kept.filter(({ message }) => message.height > height)] as const)
      .filter(([, kept]) => kept.length > 0),
  );
  return bySender.flatMap(([, kept]) => kept.filter(({ message }) => message.height === height));
}
