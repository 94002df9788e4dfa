/**
 * Reading histories that are too long for a poll's answer, from several nodes in turn: a feed from where the client
 * stands to its certified end, or one version of a configuration far below the latest.
 *
 * A page is verified before it is believed, and each one trusts only the one after it; so the reading goes backwards
 * from the certified end. It must meet what the client has exactly: `history` says that it does not, and that no node
 * is to blame, since the certified state itself contradicts what was verified before. Transactions are then fetched
 * forwards. However long the history, only {@link LIMITS.historyRowsHeld} rows of it are held, and one point in so many.
 *
 * @module
 */
import type { Cid, Hash } from "../../core/brands.ts";
import { equal, toHex } from "../../core/bytes.ts";
import { accept, assert, type Refusal, refuse, type Verdict } from "../../core/errors.ts";
import {
  endOfFeed,
  endOfVersions,
  type HistoryPoint,
  isReached,
  type VerifiedPage,
  verifyHistoryPage,
} from "../../core/history_page.ts";
import type { FollowedFeed, PlacedTransaction } from "../../core/light_client.ts";
import { LIMITS } from "../../core/limits.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import type { FeedItem, History } from "../../core/ports.ts";
import { configurationId, feedId } from "../../core/state/keys.ts";
import type { ConfigurationState, FeedState } from "../../core/state/values.ts";
import { decodeBatch, encodeBatchRequest } from "../../core/transaction_batch.ts";
import { verifyTransaction } from "../../core/transaction_rules.ts";
import { requestNode } from "./http_client.ts";
import { askNodes, type NodeFailure, type Outcome, type Question } from "./nodes.ts";

const { hash } = platformCrypto;

/** Where histories are read from. */
export interface HistorySource {
  /** The nodes in the order in which to ask them. */
  readonly nodes: () => readonly string[];
  /** Told how each question went. */
  readonly note?: (outcome: Outcome<unknown>) => void;
  readonly genesisId: Hash;
  readonly client?: Deno.HttpClient | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly limits?: HistoryLimits;
}

/** How much is asked for and held; {@link LIMITS} unless a test is in a hurry. */
export type HistoryLimits = Pick<
  Record<keyof typeof LIMITS, number>,
  "historyRows" | "historyRowsHeld" | "pollTransactions"
>;

/** What came of a reading; without `ok` no node gave what was needed. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T; readonly failures: readonly NodeFailure[] }
  | { readonly ok: false; readonly failures: readonly NodeFailure[] };

/** Ends a reading from its depth; caught by {@link read}. */
class NoNode extends Error {}

/** One reading: in one order of the nodes, so that one which answers well is asked on. */
interface Session {
  readonly source: HistorySource;
  readonly limits: HistoryLimits;
  readonly order: readonly string[];
  readonly failures: NodeFailure[];
  /** Whom to ask first, by place in the order. */
  first: number;
}

/**
 * Reads a feed's transactions from where the client stands to the certified state, in order; `onNews` is given them
 * batch by batch.
 */
export function readFeed(
  source: HistorySource,
  { feed, certified, onNews }: {
    readonly feed: FollowedFeed;
    readonly certified: FeedState;
    readonly onNews: (news: readonly PlacedTransaction[]) => void | Promise<void>;
  },
): Promise<Reading<null>> {
  const history: History = { kind: "feed", key: feedId(hash, feed) };
  const floor = feed.state?.count ?? 0;
  return read(source, async (session) => {
    const { points, rows } = await walk(session, { history, end: endOfFeed(certified), floor });
    const start = points.at(-1) as HistoryPoint;
    if (!isReached(start, feed.state)) throw contradiction(session, history);
    if (rows !== null) await fetchFeed(session, { feed, rows, onNews });
    for (let i = points.length - 1; i > 0 && rows === null; i--) {
      const [from, to] = [points[i] as HistoryPoint, points[i - 1] as HistoryPoint];
      const segment = await walk(session, { history, end: to, floor: from.count });
      assert(segment.rows !== null, "what is between two points can be held");
      await fetchFeed(session, { feed, rows: segment.rows, onNews });
    }
    return null;
  });
}

async function fetchFeed(
  session: Session,
  { feed, rows, onNews }: {
    readonly feed: FollowedFeed;
    readonly rows: readonly FeedItem[];
    readonly onNews: (news: readonly PlacedTransaction[]) => void | Promise<void>;
  },
): Promise<void> {
  const id = feedId(hash, feed);
  for (let at = 0; at < rows.length;) {
    const news = await fetchTransactions(session, {
      rows: rows.slice(at, at + session.limits.pollTransactions),
      isWanted: ({ payload }) => equal(feedId(hash, payload), id),
    });
    await onNews(news);
    at += news.length;
  }
}

/** Reads one version of a configuration, from its certified state backwards. */
export function readVersion(
  source: HistorySource,
  { cid, vid, certified }: {
    readonly cid: Cid;
    /** From 1 to the latest. */
    readonly vid: number;
    readonly certified: ConfigurationState;
  },
): Promise<Reading<PlacedTransaction>> {
  const history: History = { kind: "configuration", key: configurationId(hash, cid) };
  return read(source, async (session) => {
    const { oldest } = await walk(session, { history, end: endOfVersions(certified), floor: vid - 1 });
    const [placed] = await fetchTransactions(session, {
      rows: [oldest],
      isWanted: ({ payload }) => equal(payload.cid, cid) && payload.vid === vid,
    });
    assert(placed !== undefined, "a batch has at least one transaction");
    return placed;
  });
}

async function read<T>(source: HistorySource, task: (session: Session) => Promise<T>): Promise<Reading<T>> {
  const { limits = LIMITS } = source;
  const session: Session = { source, limits, order: source.nodes(), failures: [], first: 0 };
  try {
    return { ok: true, value: await task(session), failures: session.failures };
  } catch (error) {
    if (error instanceof NoNode) return { ok: false, failures: session.failures };
    throw error;
  }
}

function contradiction(session: Session, { kind }: History): NoNode {
  const { code, detail } = refuse(
    "history",
    `the certified ${kind} does not go on from what was verified before`,
  );
  const node = session.order[session.first] ?? "";
  session.failures.push({ node, code, detail, lied: false });
  return new NoNode();
}

interface Walk {
  readonly history: History;
  readonly end: HistoryPoint;
  /** Rows before which the walk ends. */
  readonly floor: number;
}

interface Walked {
  /** From the end to the floor, both among them; far enough apart to hold few, near enough to hold what is between. */
  readonly points: readonly HistoryPoint[];
  /** All rows, oldest first, if they are few enough to be held. */
  readonly rows: readonly FeedItem[] | null;
  readonly oldest: FeedItem;
}

/** Walks backwards, page by page. */
async function walk(session: Session, { history, end, floor }: Walk): Promise<Walked> {
  const { historyRows, historyRowsHeld } = session.limits;
  const points = [end];
  let pages: (readonly FeedItem[])[] | null = [];
  let oldest: FeedItem | undefined;
  let point = end;
  while (point.count > floor) {
    const most = Math.min(historyRows, point.count - floor);
    const page: VerifiedPage = await fetchPage(session, { history, point, most });
    point = page.point;
    oldest = page.rows[0];
    const last = points.at(-1) as HistoryPoint;
    // The next page must still fit between two points.
    if (point.count === floor || last.count - point.count > historyRowsHeld - historyRows) {
      points.push(point);
    }
    pages?.push(page.rows);
    if (end.count - point.count > historyRowsHeld) pages = null;
  }
  assert(oldest !== undefined, "a history is read where there is something to read");
  return { points, rows: pages?.toReversed().flat() ?? null, oldest };
}

async function fetchPage(
  session: Session,
  { history: { kind, key }, point, most }: { history: History; point: HistoryPoint; most: number },
): Promise<VerifiedPage> {
  const { height, index } = point.before;
  const path = `/v1/history?${kind}=${toHex(key)}&height=${height}&index=${index}&rows=${most}`;
  const page = await ask(session, {
    ask: (node) => requestNode(new URL(path, node), connectionOf(session)),
    judge: (body) => verifyHistoryPage(body, { kind, point, most, hash }),
  });
  // Few rows in a page are honest where blocks are large, and they are how a node would hold us up: others get a turn.
  if (page.rows.length < most) session.first = (session.first + 1) % session.order.length;
  return page;
}

/** The transactions of the first rows, at least of one. */
async function fetchTransactions(
  session: Session,
  { rows, isWanted }: {
    rows: readonly FeedItem[];
    isWanted: (transaction: PlacedTransaction["transaction"]) => boolean;
  },
): Promise<readonly PlacedTransaction[]> {
  const body = encodeBatchRequest(rows);
  return await ask(session, {
    ask: (node) =>
      requestNode(new URL("/v1/transactions/read", node), { method: "POST", body, ...connectionOf(session) }),
    judge: (bytes) => judgeBatch(bytes, { rows, isWanted, genesisId: session.source.genesisId }),
  });
}

function judgeBatch(
  bytes: Uint8Array,
  { rows, isWanted, genesisId }: {
    rows: readonly FeedItem[];
    isWanted: (transaction: PlacedTransaction["transaction"]) => boolean;
    genesisId: Hash;
  },
): Verdict<readonly PlacedTransaction[]> {
  const batch = decodeBatch(bytes);
  if (!batch.ok) return batch;
  if (batch.value.length < 1 || batch.value.length > rows.length) return withheld();
  const placed: PlacedTransaction[] = [];
  for (const [i, sent] of batch.value.entries()) {
    const { height, index, id } = rows[i] as FeedItem;
    if (sent === null) return withheld();
    const verified = verifyTransaction(sent, { genesisId, crypto: platformCrypto });
    if (!verified.ok) return verified;
    const transaction = verified.value;
    if (!equal(transaction.id, id) || !isWanted(transaction)) {
      return refuse("proof-incomplete", "another transaction was sent");
    }
    placed.push({ height, index, transaction });
  }
  return accept(placed);
}

function withheld(): Refusal {
  return refuse("proof-incomplete", "a transaction is named and not sent");
}

function connectionOf({ source: { client, signal } }: Session) {
  return { client, signal };
}

async function ask<T>(session: Session, question: Question<T>): Promise<T> {
  const { order, first, source } = session;
  const outcome = await askNodes(order, { ...question, first });
  source.note?.(outcome);
  session.failures.push(...outcome.failures);
  if (!outcome.ok) throw new NoNode();
  session.first = order.indexOf(outcome.node);
  return outcome.value;
}
