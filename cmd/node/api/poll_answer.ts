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
import type { ChainReader } from "../../../core/ports.ts";
import { configurationId, feedId } from "../../../core/state/keys.ts";
import { TYPE } from "../../../core/transaction.ts";
import { readTransaction } from "../../../core/transaction_rules.ts";
import type { NodeServices } from "../services.ts";

/** Tries before a node says that it is busy: each fails only because a block was appended meanwhile. */
const TRIES = 20;

/** Answers a poll at the tip. */
export async function answerPoll(services: NodeServices, request: PollRequest): Promise<Verdict<Bytes>> {
  for (let i = 0; i < TRIES; i++) {
    const before = services.chain.tip();
    if (before.header === null || before.certificate === null) {
      return refuse("not-ready", "the chain has no block yet");
    }
    const content = await gather(services, request);
    const proof = await services.chain.proveState(content.keys);
    // Feeds, versions and proof were read one after the other: only if no block came between are they of one height.
    if (services.chain.tip() !== before) continue;
    const { header, certificate } = before;
    return accept(
      encodePollAnswer({
        header,
        certificate,
        proof,
        feeds: content.feeds,
        configurations: content.configurations,
      }),
    );
  }
  return refuse("busy", "blocks come faster than this answer could be built");
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
  request: PollRequest,
) {
  const budget = newBudget();
  const wanted = new Map<string, PollConfiguration>();
  for (const configuration of request.configurations) wanted.set(nameOf(configuration), configuration);
  const feeds: (readonly FeedAnswerEntry[])[] = [];
  for (const feed of request.feeds) {
    const entries = await feedEntries(chain, { feed, budget });
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
      await configurationAnswer(chain, { wanted: configuration, budget: forConfigurations }),
    );
  }
  const ids = new Map<string, Hash>();
  for (const id of request.feeds.map((feed) => feedId(hash, feed))) ids.set(toHex(id), id);
  for (const { cid } of wanted.values()) ids.set(toHex(cid), configurationId(hash, cid));
  return { keys: [...ids.values()], feeds, configurations } satisfies Content;
}

function nameOf({ cid, vid }: PollConfiguration): string {
  return `${toHex(cid)}@${vid ?? "latest"}`;
}

async function feedEntries(
  chain: ChainReader,
  { feed, budget }: { feed: PollFeed; budget: Budget },
): Promise<readonly FeedAnswerEntry[]> {
  const items = await chain.feedSince(feed, feed.count);
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
  { position, budget }: { position: Parameters<ChainReader["transactionAt"]>[0]; budget: Budget },
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
  chain: ChainReader,
  { wanted: { cid, vid }, budget }: { wanted: PollConfiguration; budget: Budget },
): Promise<ConfigurationAnswer> {
  const versions = await chain.versionsSince(cid, vid);
  const [first] = versions;
  if (first === undefined) return { cid, vid: 0, previous: ZERO_HASH, versions: [], transaction: null };
  const transaction = await takeTransaction(chain, { position: first, budget });
  return { cid, vid: first.vid, previous: first.previous, versions, transaction };
}
