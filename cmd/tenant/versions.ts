/**
 * Proved look-ups: what the chain holds, from whichever node gives an answer that proves itself and is fresh. An
 * answer that does not verify, leaves out what was asked, or is proved for too old a time, costs a try, and the next
 * node is asked.
 *
 * @module
 */
import type { Header } from "../../core/block.ts";
import type { Cid, TxId } from "../../core/brands.ts";
import { equal, toHex } from "../../core/bytes.ts";
import { accept, assert, EXIT, type Refusal, refuse, VnfchainError } from "../../core/errors.ts";
import {
  type FollowedFeed,
  type KnownHeader,
  type PlacedTransaction,
  type VerifiedPoll,
  verifyPoll,
} from "../../core/light_client.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { encodePollRequest, type PollConfiguration } from "../../core/poll.ts";
import { verifyReceipt } from "../../core/receipt.ts";
import type { Feed } from "../../core/state/keys.ts";
import { requestNode } from "../common/http_client.ts";
import { askNodes, failedQuestion, type NodeFailure, type Outcome } from "../common/nodes.ts";
import type { TenantContext } from "./context.ts";

/** What is asked, and what was seen before. */
export interface Lookup {
  readonly feeds?: readonly FollowedFeed[];
  readonly configurations?: readonly PollConfiguration[];
  /** The newest header seen, below which no answer may fall. */
  readonly known?: KnownHeader | null;
  /** The node to begin with, by its place in the list. */
  readonly first?: number;
  readonly signal?: AbortSignal;
}

/** Asks the nodes in turn by a poll. */
export async function pollNodes(context: TenantContext, lookup: Lookup): Promise<Outcome<VerifiedPoll>> {
  const { feeds = [], configurations = [], known = null, first = 0, signal } = lookup;
  const body = encodePollRequest({
    feeds: feeds.map(({ sender, recipient, state }) => ({ sender, recipient, count: state?.count ?? 0 })),
    configurations,
  });
  const question = { feeds, configurations, known, federation: context.federation, crypto: platformCrypto };
  return await askNodes(context.nodes, {
    first,
    ask: (node) => requestNode(new URL(`${node}/v1/poll`), { method: "POST", body, signal }),
    judge: (answer) => {
      const verified = verifyPoll(answer, question);
      if (!verified.ok) return verified;
      return checkAnswer(verified.value, { configurations, context }) ?? verified;
    },
  });
}

/** What the light client leaves to its caller: that all is there, that it goes on, that it is fresh. */
function checkAnswer(
  { header, feeds, configuration }: VerifiedPoll,
  { configurations, context }: { configurations: readonly PollConfiguration[]; context: TenantContext },
): Refusal | undefined {
  for (const wanted of configurations) {
    const found = configuration(wanted);
    if (!found.ok) return found;
  }
  // Otherwise a node could have us ask for ever.
  const stuck = feeds.some(({ complete }) => !complete) &&
    feeds.every(({ transactions }) => transactions.length === 0);
  if (stuck) return refuse("proof-incomplete", "a feed's transactions are promised and not sent");
  const ageMs = Date.now() - header.time;
  if (ageMs <= context.maxStalenessMs) return undefined;
  return refuse("stale", `the newest block shown is ${Math.round(ageMs / 1000)} s old`);
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
  const outcome = await pollNodes(context, { configurations: [wanted] });
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

/** All transactions of some feeds, and the header that they are proved by. */
export interface ReadFeeds {
  readonly header: Header;
  /** In the order asked. */
  readonly feeds: readonly (readonly PlacedTransaction[])[];
}

/** Reads feeds from their beginning, in as many polls as it takes. */
export async function readFeeds(context: TenantContext, wanted: readonly Feed[]): Promise<ReadFeeds> {
  let feeds: FollowedFeed[] = wanted.map((feed) => ({ ...feed, state: null }));
  const found: PlacedTransaction[][] = wanted.map(() => []);
  let known: KnownHeader | null = null;
  let first = 0;
  for (;;) {
    const outcome: Outcome<VerifiedPoll> = await pollNodes(context, { feeds, known, first });
    if (!outcome.ok) throw failedLookup("read publications", outcome.failures);
    const { header, headerHash, feeds: news } = outcome.value;
    for (const [i, { transactions }] of news.entries()) found[i]?.push(...transactions);
    if (news.every(({ complete }) => complete)) return { header, feeds: found };
    feeds = feeds.map((feed, i) => ({ ...feed, state: news[i]?.state ?? null }));
    known = { height: header.height, hash: headerHash };
    first = context.nodes.indexOf(outcome.node);
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
