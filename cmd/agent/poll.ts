/**
 * The agent's polls: the nodes in rotation, by how they behaved; every node that failed is named with its reason.
 *
 * @module
 */
import { type Bytes, toHex } from "../../core/bytes.ts";
import type { FollowedFeed, VerifiedPoll } from "../../core/light_client.ts";
import { pollNodes, type PollQuestion, type PollTarget } from "../common/certified_poll.ts";
import { readFeed, type Reading } from "../common/history.ts";
import type { NodeBook } from "../common/node_book.ts";
import type { NodeFailure } from "../common/nodes.ts";

/** What came of a poll. */
export type Polled =
  | { readonly kind: "answered"; readonly poll: VerifiedPoll; readonly failures: readonly NodeFailure[] }
  /** The best that any node had is older than allowed. */
  | { readonly kind: "stale"; readonly failures: readonly NodeFailure[] }
  /** Every node that answered gave something that does not hold. */
  | { readonly kind: "refused"; readonly failures: readonly NodeFailure[] }
  /** No node answered, or those that did have nothing to say yet. */
  | { readonly kind: "unreachable"; readonly failures: readonly NodeFailure[] }
  /** Two certified blocks at one height: the federation cannot be trusted any more. */
  | { readonly kind: "fork"; readonly evidence: Bytes; readonly failures: readonly NodeFailure[] };

/** Asks; the nodes' book says in which order. */
export type Poller = (question: PollQuestion) => Promise<Polled>;

/** Refusals by which a node says that it cannot serve now. */
const NOT_NOW: readonly string[] = ["unreachable", "busy", "not-ready", "rate", "timeout"];

/** Makes a poller. */
export function makePoller(target: PollTarget & { readonly book: NodeBook }): Poller {
  const { book } = target;
  return async (question) => {
    const outcome = await pollNodes(target, { nodes: book.order(), question });
    book.note(outcome);
    const { failures, fork } = outcome;
    if (fork !== null) return { kind: "fork", evidence: fork, failures };
    if (!outcome.ok) return { kind: kindOf(failures), failures };
    return { kind: "answered", poll: outcome.value, failures };
  };
}

/** Reads a feed that a poll has left to pages. */
export type FeedReader = (reading: Parameters<typeof readFeed>[1]) => Promise<Reading<null>>;

/** Makes a reader of the same nodes. */
export function makeFeedReader(target: PollTarget & { readonly book: NodeBook }): FeedReader {
  const { book, trust, client, signal } = target;
  return (reading) =>
    readFeed({
      nodes: book.order,
      note: book.note,
      genesisId: trust.current().genesisId,
      client,
      signal,
    }, reading);
}

/** How a question ended that no node answered well. */
export function kindOf(failures: readonly NodeFailure[]): "stale" | "refused" | "unreachable" {
  if (failures.some(({ code }) => code === "stale")) return "stale";
  return failures.every(({ code }) => NOT_NOW.includes(code)) ? "unreachable" : "refused";
}

/** A feed by name, for maps. */
export function feedName({ sender, recipient }: Pick<FollowedFeed, "sender" | "recipient">): string {
  return `${toHex(sender)}:${recipient === null ? "" : toHex(recipient)}`;
}
