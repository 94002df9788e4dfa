/**
 * Proved look-ups: what the chain holds, from whichever node gives an answer that proves itself and is fresh. An
 * answer that does not verify, leaves out what was asked, or is proved for too old a time, costs a try, and the next
 * node is asked.
 *
 * @module
 */
import type { Cid, TxId } from "../../core/brands.ts";
import { type Bytes, equal, toHex } from "../../core/bytes.ts";
import type { KnownHeader } from "../../core/certified_header.ts";
import { accept, assert, EXIT, refuse, VnfchainError } from "../../core/errors.ts";
import type { FollowedFeed, PlacedTransaction } from "../../core/light_client.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import type { PollConfiguration } from "../../core/poll.ts";
import { verifyReceipt } from "../../core/receipt.ts";
import type { Feed } from "../../core/state/keys.ts";
import { pollNodes, type PollOutcome, type PollQuestion } from "../common/certified_poll.ts";
import { readFeed } from "../common/history.ts";
import { requestNode } from "../common/http_client.ts";
import { askNodes, failedQuestion, type NodeFailure, startingAt } from "../common/nodes.ts";
import type { TenantContext } from "./context.ts";

/** What is asked, and what was seen before. */
export interface Lookup extends Partial<PollQuestion> {
  /** The node to begin with, by its place in the list. */
  readonly first?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onAnswer?: (answer: Bytes) => void;
}

/** Asks the nodes in turn by a poll. */
export async function lookUp(context: TenantContext, lookup: Lookup): Promise<PollOutcome> {
  const { feeds = [], configurations = [], known = null, first = 0, signal, onAnswer } = lookup;
  const { trust, maxStalenessMs } = context;
  const nodes = startingAt(context.nodes, first);
  const taken = onAnswer === undefined ? {} : { onAnswer };
  const target = { trust, maxStalenessMs, nowMs: Date.now, signal, ...taken };
  return await pollNodes(target, { nodes, question: { feeds, configurations, known } });
}

/** The error for a look-up that no node answered well. */
export function failedLookup(what: string, failures: readonly NodeFailure[]): VnfchainError {
  const answered = failures.filter(({ code }) => code !== "unreachable");
  const error = failedQuestion(what, failures);
  if (answered.length > 0 && answered.every(({ code }) => code === "stale")) {
    return new VnfchainError(error.message, {
      code: "stale",
      hint:
        "the chain stands still, nodes withhold its end, or this machine's clock is wrong; see --max-staleness",
      exitCode: EXIT.stale,
    });
  }
  if (!answered.some(({ code }) => code === "proof-root")) return error;
  return new VnfchainError(error.message, {
    code: error.code,
    hint: "check that --federation names the document of these nodes' chain",
    exitCode: error.exitCode,
  });
}

/** A configuration, proved; null when it is proved not to be there. */
export async function findConfiguration(
  context: TenantContext,
  wanted: PollConfiguration,
): Promise<PlacedTransaction | null> {
  const outcome = await lookUp(context, { configurations: [wanted] });
  if (!outcome.ok) throw failedLookup(`look up configuration ${toHex(wanted.cid)}`, outcome.failures);
  const found = outcome.value.configuration(wanted);
  assert(found.ok, "a look-up was judged by two measures");
  return found.value;
}

/** The VID that the next version of a CID must have: 1 when it is proved to have none. */
export async function nextVid(context: TenantContext, cid: Cid): Promise<number> {
  const latest = await findConfiguration(context, { cid, vid: null });
  return (latest?.transaction.payload.vid ?? 0) + 1;
}

/** What was kept of the transactions of some feeds, and the header that they are proved by. */
export interface ReadFeeds<T> {
  readonly head: KnownHeader;
  /** In the order asked. */
  readonly feeds: readonly (readonly T[])[];
}

/** Which feeds are read, and what is kept of each transaction: not its bytes, of which there may be gigabytes. */
export interface FeedsQuestion<T> {
  readonly wanted: readonly Feed[];
  /** `undefined` for what is not kept. */
  readonly keep: (placed: PlacedTransaction) => T | undefined;
}

/** Reads feeds from their beginning, in as many polls and pages as it takes. */
export async function readFeeds<T>(
  context: TenantContext,
  { wanted, keep }: FeedsQuestion<T>,
): Promise<ReadFeeds<T>> {
  let feeds: readonly FollowedFeed[] = wanted.map((feed) => ({ ...feed, state: null }));
  const kept: T[][] = wanted.map(() => []);
  let known: KnownHeader | null = null;
  let first = 0;
  const take = (i: number, placed: readonly PlacedTransaction[]) => {
    for (const each of placed) {
      const part = keep(each);
      if (part !== undefined) kept[i]?.push(part);
    }
  };
  for (;;) {
    const outcome: PollOutcome = await lookUp(context, { feeds, known, first });
    if (!outcome.ok) throw failedLookup("read publications", outcome.failures);
    const { head, feeds: news } = outcome.value;
    for (const [i, { transactions }] of news.entries()) take(i, transactions);
    if (news.every(({ complete }) => complete)) return { head, feeds: kept };
    first = context.nodes.indexOf(outcome.node);
    const inTurn = startingAt(context.nodes, first);
    const source = { nodes: () => inTurn, genesisId: context.federation.genesisId };
    const reached: FollowedFeed[] = [];
    for (const [i, feed] of feeds.entries()) {
      const { state = null, paged = null } = news[i] ?? {};
      reached.push({ ...feed, state: paged ?? state });
      if (paged === null) continue;
      const onNews = (placed: readonly PlacedTransaction[]) => take(i, placed);
      const reading = await readFeed(source, { feed, certified: paged, onNews });
      if (!reading.ok) throw failedLookup("read publications", reading.failures);
    }
    feeds = reached;
    known = head;
  }
}

/** A transaction by its id, proved by a receipt; null when no node has it, of which there is no proof. */
export async function findTransaction(context: TenantContext, id: TxId): Promise<PlacedTransaction | null> {
  const outcome = await askNodes(context.nodes, {
    ask: (node) => requestNode(new URL(`${node}/v1/transactions/${toHex(id)}/receipt`)),
    judge: (body) => {
      const receipt = verifyReceipt(body, { pinned: context.federation, crypto: platformCrypto });
      if (!receipt.ok) return receipt;
      const { header, index, transaction } = receipt.value;
      return equal(transaction.id, id)
        ? accept({ height: header.height, index, transaction })
        : refuse("proof-incomplete", "the receipt is of another transaction");
    },
  });
  if (outcome.ok) return outcome.value;
  if (outcome.failures.some(({ code }) => code === "unknown")) return null;
  throw failedLookup(`look up transaction ${toHex(id)}`, outcome.failures);
}
