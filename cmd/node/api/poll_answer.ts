/**
 * Builds poll answers that prove themselves (core/poll.ts), all of an answer at one height.
 *
 * What an answer may hold and what it may read are bounded, whatever is asked. A feed or a configuration with more rows
 * than there is room for comes without any, and the client reads it in pages (history_routes.ts); what is only too many
 * bytes comes without them, and the client polls again.
 *
 * @module
 */
import { type Hash, type Height, ZERO_HASH } from "../../../core/brands.ts";
import { type Bytes, toHex } from "../../../core/bytes.ts";
import { LIMITS } from "../../../core/limits.ts";
import {
  type ConfigurationAnswer,
  encodePollBody,
  type FeedAnswerEntry,
  type PollAnswer,
  type PollConfiguration,
  type PollRequest,
} from "../../../core/poll.ts";
import type {
  ChainReader,
  History,
  HistoryItem,
  HistoryOptions,
  Position,
  StateView,
} from "../../../core/ports.ts";
import { configurationId, feedId } from "../../../core/state/keys.ts";
import type { FeedState } from "../../../core/state/values.ts";
import { TYPE } from "../../../core/transaction.ts";
import { readTransaction } from "../../../core/transaction_rules.ts";
import type { NodeServices } from "../services.ts";
import { type ReadLimits, walkBudget } from "./history_routes.ts";

/** What answers are made from. */
export interface PollSource extends Pick<NodeServices, "chain" | "federation" | "crypto"> {
  readonly limits: ReadLimits;
}

/** Makes an answer's body at a view's height. */
export async function answerBody(
  services: PollSource,
  { view, request }: { readonly view: StateView; readonly request: PollRequest },
): Promise<Bytes> {
  const { keys, feeds, configurations } = await gather({ services, view }, request);
  const proof = await view.proveState(keys);
  return encodePollBody({ proof, feeds, configurations });
}

interface Content {
  readonly keys: readonly Hash[];
  readonly feeds: PollAnswer["feeds"];
  readonly configurations: readonly ConfigurationAnswer[];
}

/** What is left of an answer's size, and of the work for it: one budget for the feeds, another for the configurations. */
interface Budget {
  rows: number;
  transactions: number;
  bytes: number;
  readonly walk: HistoryOptions["budget"];
}

function newBudget(limits: ReadLimits): Budget {
  const { pollRows, pollTransactions, pollBytes } = limits;
  return { rows: pollRows, transactions: pollTransactions, bytes: pollBytes, walk: walkBudget(limits) };
}

/** Configurations that are to be answered, by name. */
type Wanted = Map<string, PollConfiguration>;

interface Sources {
  readonly services: PollSource;
  readonly view: StateView;
}

async function gather(sources: Sources, request: PollRequest): Promise<Content> {
  const { hash } = sources.services.crypto;
  const wanted: Wanted = new Map(request.configurations.map((each) => [nameOf(each), each]));
  const feeds: PollAnswer["feeds"][number][] = [];
  const budget = newBudget(sources.services.limits);
  const ids = new Map<string, Hash>();
  const keys = request.feeds.map((feed) => feedId(hash, feed));
  const states = await sources.view.feeds(keys);
  for (const [i, { count }] of request.feeds.entries()) {
    const [key, state] = [keys[i] as Hash, states[i] ?? null];
    ids.set(toHex(key), key);
    feeds.push(await feedEntries(sources, { key, state, count, budget, wanted }));
  }
  const configurations: ConfigurationAnswer[] = [];
  const forConfigurations = newBudget(sources.services.limits);
  for (const configuration of wanted.values()) {
    configurations.push(
      await configurationAnswer(sources, { wanted: configuration, budget: forConfigurations }),
    );
  }
  for (const { cid } of wanted.values()) ids.set(toHex(cid), configurationId(hash, cid));
  return { keys: [...ids.values()], feeds, configurations };
}

function nameOf({ cid, vid }: PollConfiguration): string {
  return `${toHex(cid)}@${vid ?? "latest"}`;
}

/** The last `most` rows of a history at the view's height; null when they are more than the budget allows. */
async function lastRows(
  { view }: Sources,
  { history, lastHeight, most, budget }: {
    readonly history: History;
    readonly lastHeight: Height;
    readonly most: number;
    readonly budget: Budget;
  },
): Promise<readonly HistoryItem[] | null> {
  // Each history costs a block at least, so once the budget is spent none is looked into.
  if (most > budget.rows || !budget.walk.take(0)) return null;
  const before = { height: lastHeight, index: LIMITS.blockTransactions };
  const items = await view.history(history, { before, most, budget: budget.walk });
  if (items?.length !== most) return null;
  budget.rows -= most;
  return items;
}

async function feedEntries(
  sources: Sources,
  { key, state, count, budget, wanted }: {
    readonly key: Hash;
    readonly state: FeedState | null;
    readonly count: number;
    readonly budget: Budget;
    readonly wanted: Wanted;
  },
): Promise<readonly FeedAnswerEntry[] | null> {
  const { services: { chain, federation: { genesisId }, crypto: { hash } } } = sources;
  if (state === null || state.count <= count) return [];
  const history = { kind: "feed", key } as const;
  const most = state.count - count;
  const items = await lastRows(sources, { history, lastHeight: state.lastHeight, most, budget });
  if (items === null) return null;
  const entries: FeedAnswerEntry[] = [];
  for (const { height, index, id } of items) {
    const transaction = await takeTransaction(chain, { position: { height, index }, budget });
    const fits = transaction !== null &&
      addReferences(wanted, referencesOf(transaction, { genesisId, hash }));
    // Nothing after one that does not fit: the client takes a feed in order.
    if (transaction !== null && !fits) budget.transactions = 0;
    entries.push({ height, index, id, transaction: fits ? transaction : null });
  }
  return entries;
}

/** Adds the configurations that a transaction refers to, unless that would be too many. */
function addReferences(wanted: Wanted, references: readonly PollConfiguration[]): boolean {
  const fresh = references.filter((reference) => !wanted.has(nameOf(reference)));
  if (wanted.size + fresh.length > LIMITS.pollConfigurations) return false;
  for (const reference of fresh) wanted.set(nameOf(reference), reference);
  return true;
}

/** A transaction's bytes while the budget lasts; the first always fits. */
async function takeTransaction(
  chain: ChainReader,
  { position, budget }: { position: Position; budget: Budget },
): Promise<Bytes | null> {
  if (budget.transactions <= 0 || budget.bytes <= 0) return null;
  const bytes = await chain.transactionAt(position);
  if (bytes === null) return null;
  budget.transactions--;
  budget.bytes -= bytes.length;
  return bytes;
}

/** The configurations that a new transaction refers to: the agent needs them at the same certified height. */
function referencesOf(
  bytes: Bytes | null,
  chain: { genesisId: Hash; hash: NodeServices["crypto"]["hash"] },
): readonly PollConfiguration[] {
  if (bytes === null) return [];
  const read = readTransaction(bytes, chain);
  if (!read.ok || read.value.transaction.payload.type !== TYPE.configuration) return [];
  const { applyBefore, applyAfter } = read.value.transaction.payload.body;
  return [...applyBefore, ...applyAfter];
}

async function configurationAnswer(
  sources: Sources,
  { wanted: { cid, vid }, budget }: { wanted: PollConfiguration; budget: Budget },
): Promise<ConfigurationAnswer> {
  const { services: { chain, crypto: { hash } }, view } = sources;
  const state = await view.configuration(cid);
  const first = vid ?? state?.latestVid ?? 0;
  if (state === null || first < 1 || first > state.latestVid) {
    return { cid, vid: 0, previous: ZERO_HASH, versions: [], transaction: null };
  }
  const history = { kind: "configuration", key: configurationId(hash, cid) } as const;
  const most = state.latestVid - first + 1;
  const items = await lastRows(sources, { history, lastHeight: state.lastHeight, most, budget });
  const [item] = items ?? [];
  if (items === null || item === undefined) {
    return { cid, vid: first, previous: ZERO_HASH, versions: null, transaction: null };
  }
  const versions = items.map(({ height, index, id }) => ({ height, index, id }));
  const transaction = await takeTransaction(chain, { position: item, budget });
  return { cid, vid: first, previous: item.previous, versions, transaction };
}
