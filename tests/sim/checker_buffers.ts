/** What a member keeps of others stays within its limits: invariant 9. */
import type { State } from "../../consensus/state.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Member } from "./surroundings.ts";

/** What overflows; undefined when nothing does. */
export function overflow(state: State, member: Pick<Member, "backlog" | "pool"> | null): string | undefined {
  return stateOverflow(state) ?? (member === null ? undefined : memberOverflow(state, member));
}

function stateOverflow(state: State): string | undefined {
  const { future, blocks, votes, rounds, peers, tip, height } = state;
  const n = tip.federation.document.members.length;
  const { prePrepares, prepares, commits, roundChanges } = votes;
  const { heard, links, heights, seen } = peers;
  for (
    const each of [prePrepares, prepares, commits, roundChanges, rounds, future, heard, links, heights, seen]
  ) {
    if (each.size > n) return `${each.size} entries of ${n} members`;
  }
  if (blocks.size > LIMITS.heldProposals) return `${blocks.size} blocks of one height`;
  for (const [sender, kept] of future) {
    if (kept.length > LIMITS.futureHeights * LIMITS.futureMessages) {
      return `${kept.length} messages of member ${sender} for later`;
    }
    if (kept.some(({ message }) => message.height > height + LIMITS.futureHeights)) {
      return `a message of member ${sender} for a height far above ${height}`;
    }
  }
  return witnessedOverflow(state);
}

function witnessedOverflow({ witnessed, height }: State): string | undefined {
  for (const [at, { votes }] of witnessed) {
    if (at + LIMITS.witnessedHeights < height || at > height + LIMITS.futureHeights) {
      return `votes of height ${at} at height ${height}`;
    }
    for (const [sender, kept] of votes) {
      if (kept.length > LIMITS.witnessedVotes) {
        return `${kept.length} votes of member ${sender} at height ${at}`;
      }
    }
  }
  return undefined;
}

function memberOverflow(
  { tip }: State,
  { backlog, pool }: Pick<Member, "backlog" | "pool">,
): string | undefined {
  const { events, blocks } = backlog();
  const n = tip.federation.document.members.length;
  if (events > LIMITS.eventQueue) return `${events} events that wait`;
  if (blocks > LIMITS.catchUpBlocks * n) return `${blocks} blocks that came before their turn`;
  const { entries, bytes, limits } = pool.pure;
  return entries.size > limits.poolTransactions || bytes > limits.poolBytes
    ? "a pool beyond its limits"
    : undefined;
}
