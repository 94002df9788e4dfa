/**
 * Routes for what a poll leaves out: pages of a feed or of a configuration's versions, read backwards, and transactions
 * by their places. A client says where it stands, so the node finds its place without an index; what one answer holds
 * and reads is bounded. Clients verify pages by core/history_page.ts, transactions by their ids.
 *
 * @module
 */
import { asHash, asHeight, type Hash } from "../../../core/brands.ts";
import { type Bytes, fromHex } from "../../../core/bytes.ts";
import { accept, refuse, type Verdict } from "../../../core/errors.ts";
import { encodeHistoryPage } from "../../../core/history_page.ts";
import type { LIMITS } from "../../../core/limits.ts";
import type { ChainReader, History, HistoryOptions } from "../../../core/ports.ts";
import { decodeBatchRequest, encodeBatch } from "../../../core/transaction_batch.ts";
import { IMMUTABLE, NO_STORE } from "./caching.ts";
import { type ApiReply, type ApiRequest, cborReply, refusalReply } from "./exchange.ts";

/** What the routes read. */
export interface HistorySource {
  readonly chain: Pick<ChainReader, "history" | "transactionAt">;
  readonly limits: ReadLimits;
}

/** Bounds of what one answer holds and reads; {@link LIMITS} unless a test is in a hurry. */
export type ReadLimits = Pick<
  Record<keyof typeof LIMITS, number>,
  "pollRows" | "pollTransactions" | "pollBytes" | "walkBytes" | "historyRows"
>;

/** A budget for what one answer may read of links. */
export function walkBudget({ walkBytes }: Pick<ReadLimits, "walkBytes">): HistoryOptions["budget"] {
  let left = walkBytes;
  return { take: (bytes) => (left -= bytes) > 0 };
}

/**
 * `GET /v1/history?feed=KEY&height=H&index=I&rows=N`, or with `configuration=KEY`: the last rows before a place, in a
 * block where the history has some. The same for ever, so caches may keep it.
 */
export async function historyRoute(
  { chain, limits }: HistorySource,
  { query }: ApiRequest,
): Promise<ApiReply> {
  const history = historyFrom(query);
  if (!history.ok) return refusalReply(history);
  const numbers = ["height", "index", "rows"].map((name) => numberFrom(query.get(name)));
  const [height, index, rows] = numbers;
  if (height === undefined || index === undefined || rows === undefined) {
    return refusalReply(refuse("request", "height, index and rows are whole numbers"));
  }
  const before = { height: asHeight(height), index };
  const most = Math.min(rows, limits.historyRows);
  const items = await chain.history(history.value, { before, most, budget: walkBudget(limits) });
  if (items === null) {
    return refusalReply(refuse("unknown", `the ${history.value.kind} has nothing in block ${height}`));
  }
  const [first] = items;
  if (first === undefined) {
    return refusalReply(refuse("unknown", `the ${history.value.kind} has nothing before that place`));
  }
  const page = items.map(({ height, index, id }) => ({ height, index, id }));
  return cborReply(encodeHistoryPage({ previous: first.previous, rows: page }), { headers: IMMUTABLE });
}

/** `POST /v1/transactions/read`: those at the places named, in order, until the answer is full; one always fits. */
export async function batchRoute({ chain, limits }: HistorySource, { body }: ApiRequest): Promise<ApiReply> {
  const positions = decodeBatchRequest(body);
  if (!positions.ok) return refusalReply(positions);
  const transactions: (Bytes | null)[] = [];
  let left = limits.pollBytes;
  for (const position of positions.value) {
    if (left <= 0) break;
    const transaction = await chain.transactionAt(position);
    left -= transaction?.length ?? 0;
    transactions.push(transaction);
  }
  return cborReply(encodeBatch(transactions), { headers: NO_STORE });
}

function historyFrom(query: URLSearchParams): Verdict<History> {
  const kinds = (["feed", "configuration"] as const).filter((kind) => query.has(kind));
  const [kind] = kinds;
  const key = kind === undefined || kinds.length > 1 ? undefined : keyFrom(query.get(kind));
  return kind === undefined || key === undefined
    ? refuse("request", "feed or configuration is not a key of 64 hexadecimal digits")
    : accept({ kind, key });
}

function keyFrom(text: string | null): Hash | undefined {
  const bytes = fromHex(text ?? "");
  return bytes?.length === 32 ? asHash(bytes) : undefined;
}

function numberFrom(text: string | null): number | undefined {
  const value = Number(text);
  return text !== null && /^\d{1,16}$/.test(text) && Number.isSafeInteger(value) ? value : undefined;
}
