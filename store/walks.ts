/**
 * Walking backwards: a feed's or a configuration's transactions, from the last height, which the state's leaf holds,
 * from block to block by the links.
 *
 * @module
 */
import { asHeight, type Cid } from "../core/brands.ts";
import type { FeedItem, StateView, VersionItem } from "../core/ports.ts";
import { configurationId, type Feed, feedId } from "../core/state/keys.ts";
import { pageOf } from "../core/state/state_page.ts";
import { proveState } from "../core/state/state_prover.ts";
import { pagesToProve } from "../core/state/state_upper.ts";
import type { ConfigurationState } from "../core/state/values.ts";
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
  { rows, snapshot }: Source,
  feed: Feed,
  count: number,
): Promise<readonly FeedItem[]> {
  const id = feedId(rows.hash, feed);
  const state = feedIn(await snapshot.load([pageOf(id)]), id);
  if (state === null) return [];
  const walk = {
    field: "feed",
    key: linkKey(id),
    height: state.lastHeight,
    previousHeight: (link: Link) => link.feedPreviousHeight,
  } as const;
  const placed = await walkBack(rows, { ...walk, most: state.count - count });
  return placed.map(({ height, index, link }) => ({ height: asHeight(height), index, id: link.id }));
}

async function versionsSince(
  source: Source,
  cid: Cid,
  vid: number | null,
): Promise<readonly VersionItem[]> {
  const { rows } = source;
  const state = await configurationOf(source, cid);
  if (state === null || vid === 0) return [];
  const first = vid ?? state.latestVid;
  const walk = {
    field: "configuration",
    key: linkKey(configurationId(rows.hash, cid)),
    height: state.lastHeight,
    previousHeight: (link: Link) => link.configurationPreviousHeight,
  } as const;
  const placed = await walkBack(rows, { ...walk, most: state.latestVid - first + 1 });
  return placed.map(({ height, index, link }, i) => ({
    height: asHeight(height),
    index,
    vid: first + i,
    id: link.id,
    previous: link.previousVersions,
  }));
}

async function configurationOf({ rows, snapshot }: Source, cid: Cid): Promise<ConfigurationState | null> {
  const id = configurationId(rows.hash, cid);
  return configurationIn(await snapshot.load([pageOf(id)]), id);
}

interface Walk {
  readonly field: "feed" | "configuration";
  readonly key: ReturnType<typeof linkKey>;
  /** Where the last one stands. */
  readonly height: number;
  readonly previousHeight: (link: Link) => number;
  /** How many of the last ones are wanted; the chain has as many. */
  readonly most: number;
}

/** The last `most` transactions, oldest first. */
async function walkBack(
  rows: Rows,
  { most, previousHeight, ...walk }: Walk,
): Promise<readonly (PlacedLink & { height: number })[]> {
  const newestFirst: (PlacedLink & { height: number })[] = [];
  let height = walk.height;
  while (newestFirst.length < most) {
    const links = await readLinks(rows, height);
    const found = links === null ? [] : findLinks(links, walk);
    const [first] = found;
    if (first === undefined) throw damaged(`links of block ${height} lack a ${walk.field} that leads there`);
    for (const placed of found.toReversed()) newestFirst.push({ ...placed, height });
    const next = previousHeight(first.link);
    if (next >= height) throw damaged(`links of block ${height} lead to block ${next}`);
    height = next;
  }
  return newestFirst.slice(0, Math.max(0, most)).reverse();
}
