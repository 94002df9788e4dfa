/**
 * Walking backwards: a feed's or a configuration's transactions, from the last height, which the state's leaf holds, or
 * from a place that a client names, from block to block by the links.
 *
 * @module
 */
import { asHeight, type Cid, type Hash } from "../core/brands.ts";
import type { Bytes } from "../core/bytes.ts";
import type {
  FeedItem,
  History,
  HistoryItem,
  HistoryOptions,
  Position,
  StateView,
  VersionItem,
} from "../core/ports.ts";
import { configurationId, type Feed, feedId } from "../core/state/keys.ts";
import { pageOf } from "../core/state/state_page.ts";
import { proveState } from "../core/state/state_prover.ts";
import { pagesToProve } from "../core/state/state_upper.ts";
import type { ConfigurationState, FeedState } from "../core/state/values.ts";
import { findLinks, type Link, linkKey, type PlacedLink, readLinks } from "./links.ts";
import { damaged, type Rows } from "./rows.ts";
import type { Snapshot } from "./snapshots.ts";
import { configurationIn, feedIn } from "./state_values.ts";

/** A view of the state at a snapshot. */
export function viewOf(rows: Rows, snapshot: Snapshot): StateView {
  return {
    tip: () => snapshot.tip,
    feedSince: (feed, count) => feedSince({ rows, snapshot }, feed, count),
    versionsSince: (cid, vid) => versionsSince({ rows, snapshot }, cid, vid),
    feeds: (keys) => feedsOf({ snapshot }, keys),
    history: (history, options) => historyBefore({ rows, snapshot }, history, options),
    configuration: (cid) => configurationOf({ rows, snapshot }, cid),
    proveState: async (keys) => {
      const pages = await snapshot.load(pagesToProve(snapshot.upper(), keys));
      return proveState(rows.hash, {
        keys,
        upper: snapshot.upper(),
        pages: (index) => pages.get(index) ?? [],
      });
    },
  };
}

interface Source {
  readonly rows: Rows;
  readonly snapshot: Snapshot;
}

async function feedSince(
  source: Source,
  feed: Feed,
  count: number,
): Promise<readonly FeedItem[]> {
  const history: History = { kind: "feed", key: feedId(source.rows.hash, feed) };
  const [state = null] = await feedsOf(source, [history.key]);
  if (state === null) return [];
  const items = await walkBack(source.rows, { history, before: endOf(state), most: state.count - count });
  return items.map(({ height, index, id }) => ({ height, index, id }));
}

async function versionsSince(
  source: Source,
  cid: Cid,
  vid: number | null,
): Promise<readonly VersionItem[]> {
  const state = await configurationOf(source, cid);
  if (state === null || vid === 0) return [];
  const first = vid ?? state.latestVid;
  const history: History = { kind: "configuration", key: configurationId(source.rows.hash, cid) };
  const most = state.latestVid - first + 1;
  const items = await walkBack(source.rows, { history, before: endOf(state), most });
  return items.map((item, i) => ({ ...item, vid: first + i }));
}

async function feedsOf(
  { snapshot }: Pick<Source, "snapshot">,
  keys: readonly Hash[],
): Promise<readonly (FeedState | null)[]> {
  const pages = await snapshot.load(keys.map(pageOf));
  return keys.map((key) => feedIn(pages, key));
}

async function configurationOf({ rows, snapshot }: Source, cid: Cid): Promise<ConfigurationState | null> {
  const id = configurationId(rows.hash, cid);
  return configurationIn(await snapshot.load([pageOf(id)]), id);
}

/** Behind all that the last block of a history has of it. */
function endOf({ lastHeight }: FeedState | ConfigurationState): Position {
  return { height: lastHeight, index: Infinity };
}

/** What a client asks for: the place may be one where the history has nothing. */
async function historyBefore(
  { rows, snapshot }: Source,
  history: History,
  { before, most, budget }: HistoryOptions,
): Promise<readonly HistoryItem[] | null> {
  if (before.height < 1 || before.height > snapshot.tip.parent.height) return null;
  const links = await readLinks(rows, before.height);
  if (links === null || findLinks(links, soughtIn(history)).length === 0) return null;
  return await walkBack(rows, { history, before, most, budget, links });
}

/** What reading a block's links costs at least, in bytes. */
const BLOCK_COST_BYTES = 16 * 1024;

interface Walk extends Omit<HistoryOptions, "budget"> {
  readonly history: History;
  /** Without one the walk ends with `most` alone. */
  readonly budget?: HistoryOptions["budget"];
  /** Those of the first block, when they were read already. */
  readonly links?: Bytes;
}

/** The last `most` rows before a place, oldest first; fewer where the history begins or the budget ends. */
async function walkBack(
  rows: Rows,
  { history, before, most, budget, links: firstLinks }: Walk,
): Promise<readonly HistoryItem[]> {
  const sought = soughtIn(history);
  const newestFirst: HistoryItem[] = [];
  let height: number = before.height;
  let mayGoOn = true;
  while (newestFirst.length < most && height > 0 && (mayGoOn || newestFirst.length === 0)) {
    const isFirst = height === before.height;
    const links = (isFirst ? firstLinks : undefined) ?? await readLinks(rows, height);
    const found = links === null ? [] : findLinks(links, sought);
    const [first] = found;
    if (first === undefined) {
      throw damaged(`links of block ${height} lack a ${history.kind} that leads there`);
    }
    for (const placed of found.toReversed()) {
      if (isFirst && placed.index >= before.index) continue;
      newestFirst.push(itemOf(placed, { history, height }));
    }
    mayGoOn = budget?.take(Math.max(links?.length ?? 0, BLOCK_COST_BYTES)) ?? true;
    const next = previousHeight(history, first.link);
    if (next >= height) throw damaged(`links of block ${height} lead to block ${next}`);
    height = next;
  }
  const isShort = budget === undefined && newestFirst.length < most;
  if (isShort) throw damaged(`links of a ${history.kind} end after ${newestFirst.length} of ${most}`);
  return newestFirst.slice(0, Math.max(0, most)).reverse();
}

function soughtIn({ kind, key }: History) {
  return { field: kind, key: linkKey(key) };
}

function previousHeight({ kind }: History, link: Link): number {
  return kind === "feed" ? link.feedPreviousHeight : link.configurationPreviousHeight;
}

function itemOf(
  { index, link }: PlacedLink,
  { history, height }: { history: History; height: number },
): HistoryItem {
  const previous = history.kind === "feed" ? link.previousFeed : link.previousVersions;
  return { height: asHeight(height), index, id: link.id, previous };
}
