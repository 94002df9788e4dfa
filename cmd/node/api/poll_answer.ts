/**
 * Builds poll answers that prove themselves (core/poll.ts), all of an answer at one height.
 *
 * @module
 */
import { type Hash, ZERO_HASH } from "../../../core/brands.ts";
import { type Bytes, toHex } from "../../../core/bytes.ts";
import { accept, refuse, type Verdict } from "../../../core/errors.ts";
import { LIMITS } from "../../../core/limits.ts";
import {
  type ConfigurationAnswer,
  encodePollAnswer,
  type FeedAnswerEntry,
  type PollConfiguration,
  type PollFeed,
  type PollRequest,
} from "../../../core/poll.ts";
import type { ChainReader, Position, StateView } from "../../../core/ports.ts";
import { configurationId, feedId } from "../../../core/state/keys.ts";
import { TYPE } from "../../../core/transaction.ts";
import { readTransaction } from "../../../core/transaction_rules.ts";
import type { NodeServices } from "../services.ts";

/** Answers a poll at the tip. */
export async function answerPoll(services: NodeServices, request: PollRequest): Promise<Verdict<Bytes>> {
  // A view: so that feeds, versions and proof are of one height, whatever is appended meanwhile.
  using view = services.chain.view();
  const { header, certificate } = view.tip();
  if (header === null || certificate === null) return refuse("not-ready", "the chain has no block yet");
  const { keys, feeds, configurations } = await gather(services, { view, request });
  const proof = await view.proveState(keys);
  return accept(encodePollAnswer({ header, certificate, proof, feeds, configurations }));
}

interface Content {
  readonly keys: readonly Hash[];
  readonly feeds: readonly (readonly FeedAnswerEntry[])[];
  readonly configurations: readonly ConfigurationAnswer[];
}

/** What is left of an answer's size: one budget for the feeds, another for the configurations. */
interface Budget {
  transactions: number;
  bytes: number;
}

function newBudget(): Budget {
  return { transactions: LIMITS.pollTransactions, bytes: LIMITS.pollBytes };
}

async function gather(
  { chain, federation: { genesisId }, crypto: { hash } }: NodeServices,
  { view, request }: { view: StateView; request: PollRequest },
): Promise<Content> {
  const budget = newBudget();
  const wanted = new Map<string, PollConfiguration>();
  for (const configuration of request.configurations) wanted.set(nameOf(configuration), configuration);
  const feeds: (readonly FeedAnswerEntry[])[] = [];
  for (const feed of request.feeds) {
    const entries = await feedEntries({ chain, view }, { feed, budget });
    feeds.push(entries);
    for (const { transaction } of entries) {
      for (const reference of referencesOf(transaction, { genesisId, hash })) {
        wanted.set(nameOf(reference), reference);
      }
    }
  }
  const configurations: ConfigurationAnswer[] = [];
  const forConfigurations = newBudget();
  for (const configuration of wanted.values()) {
    configurations.push(
      await configurationAnswer({ chain, view }, { wanted: configuration, budget: forConfigurations }),
    );
  }
  const ids = new Map<string, Hash>();
  for (const id of request.feeds.map((feed) => feedId(hash, feed))) ids.set(toHex(id), id);
  for (const { cid } of wanted.values()) ids.set(toHex(cid), configurationId(hash, cid));
  return { keys: [...ids.values()], feeds, configurations };
}

function nameOf({ cid, vid }: PollConfiguration): string {
  return `${toHex(cid)}@${vid ?? "latest"}`;
}

interface Sources {
  readonly chain: ChainReader;
  readonly view: StateView;
}

async function feedEntries(
  { chain, view }: Sources,
  { feed, budget }: { feed: PollFeed; budget: Budget },
): Promise<readonly FeedAnswerEntry[]> {
  const items = await view.feedSince(feed, feed.count);
  const entries: FeedAnswerEntry[] = [];
  for (const { height, index, id } of items) {
    const transaction = await takeTransaction(chain, { position: { height, index }, budget });
    entries.push({ height, index, id, transaction });
  }
  return entries;
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
  { chain, view }: Sources,
  { wanted: { cid, vid }, budget }: { wanted: PollConfiguration; budget: Budget },
): Promise<ConfigurationAnswer> {
  const versions = await view.versionsSince(cid, vid);
  const [first] = versions;
  if (first === undefined) return { cid, vid: 0, previous: ZERO_HASH, versions: [], transaction: null };
  const transaction = await takeTransaction(chain, { position: first, budget });
  return { cid, vid: first.vid, previous: first.previous, versions, transaction };
}
