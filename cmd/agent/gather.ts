/**
 * Gathers all that is new: polls until no feed is cut for its size any more. Nothing is taken over before that, so
 * what came in parts is still put in certified order as a whole.
 *
 * @module
 */
import type { FollowedFeed, VerifiedPoll } from "../../core/light_client.ts";
import type { PollConfiguration } from "../../core/poll.ts";
import type { NodeFailure } from "../common/nodes.ts";
import type { Polled, Poller } from "./poll.ts";
import { openSelection, type Selection, type SelectionContext, selectMore } from "./select.ts";
import type { SeenHeader } from "./state.ts";

/** All that is new, as of `poll`'s height. */
export interface Gathered {
  readonly kind: "answered";
  /** The last answer. */
  readonly poll: VerifiedPoll;
  readonly header: SeenHeader;
  /** The feeds with the states that the selection reaches. */
  readonly feeds: readonly FollowedFeed[];
  readonly selection: Selection;
  readonly failures: readonly NodeFailure[];
}

/** Polls as often as needed. `configurations` are asked for in the first poll, and judged by `onFirst`. */
export async function gather(
  poller: Poller,
  options: {
    readonly feeds: readonly FollowedFeed[];
    readonly known: SeenHeader | null;
    readonly context: SelectionContext;
    readonly configurations: readonly PollConfiguration[];
    readonly onFirst: (poll: VerifiedPoll) => void;
  },
): Promise<Gathered | Exclude<Polled, { kind: "answered" }>> {
  let { feeds, known, configurations } = options;
  let selection = openSelection(options.context);
  const failures: NodeFailure[] = [];
  for (let round = 0;; round++) {
    const polled = await poller({ feeds, configurations, known });
    failures.push(...polled.failures);
    if (polled.kind !== "answered") return { ...polled, failures };
    const { poll } = polled;
    if (round === 0) options.onFirst(poll);
    configurations = [];
    selection = selectMore(
      selection,
      poll.feeds.flatMap(({ transactions }) => transactions),
      options.context,
    );
    feeds = feeds.map((feed, i) => ({ ...feed, state: poll.feeds[i]?.state ?? null }));
    const header = { height: poll.header.height, hash: poll.headerHash, time: poll.header.time };
    if (poll.feeds.every(({ complete }) => complete)) {
      return { kind: "answered", poll, header, feeds, selection, failures };
    }
    known = header;
  }
}
