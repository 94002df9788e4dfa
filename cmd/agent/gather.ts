/**
 * Gathers all that is new: polls until no feed is cut for its size any more, and reads in pages what is too long for
 * polls. Nothing is taken over before that, so what came in parts is still put in certified order as a whole; and
 * nothing is held but what the selection keeps, so a VNF may be any number of transactions behind.
 *
 * @module
 */
import type { KnownHeader } from "../../core/certified_header.ts";
import type { FollowedFeed, VerifiedPoll } from "../../core/light_client.ts";
import type { PollConfiguration } from "../../core/poll.ts";
import type { NodeFailure } from "../common/nodes.ts";
import { type FeedReader, kindOf, type Polled, type Poller } from "./poll.ts";
import { openSelection, type Selection, type SelectionContext, selectMore } from "./select.ts";

/** All that is new, as of `poll`'s height. */
export interface Gathered {
  readonly kind: "answered";
  /** The last answer. */
  readonly poll: VerifiedPoll;
  readonly header: KnownHeader;
  /** The feeds with the states that the selection reaches. */
  readonly feeds: readonly FollowedFeed[];
  readonly selection: Selection;
  readonly failures: readonly NodeFailure[];
}

/** Polls as often as needed. `configurations` are asked for in the first poll, and judged by `onFirst`. */
export async function gather(
  { poller, feedReader }: { readonly poller: Poller; readonly feedReader: FeedReader },
  options: {
    readonly feeds: readonly FollowedFeed[];
    readonly known: KnownHeader | null;
    readonly context: SelectionContext;
    readonly configurations: readonly PollConfiguration[];
    readonly onFirst: (poll: VerifiedPoll) => void;
  },
): Promise<Gathered | Exclude<Polled, { kind: "answered" }>> {
  let { feeds, known, configurations }: {
    feeds: readonly FollowedFeed[];
    known: KnownHeader | null;
    configurations: readonly PollConfiguration[];
  } = options;
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
    const header = poll.head;
    if (poll.feeds.every(({ complete }) => complete)) {
      return { kind: "answered", poll, header, feeds, selection, failures };
    }
    for (const [i, { paged }] of poll.feeds.entries()) {
      if (paged === null) continue;
      const reading = await feedReader({
        feed: feeds[i] as FollowedFeed,
        certified: paged,
        onNews: (news) => {
          selection = selectMore(selection, news, options.context);
        },
      });
      failures.push(...reading.failures);
      if (!reading.ok) return { kind: kindOf(reading.failures), failures };
      feeds = feeds.with(i, { ...feeds[i] as FollowedFeed, state: paged });
    }
    // Reading pages takes its time: what is taken over is as of a header that is fresh now.
    known = header;
  }
}
