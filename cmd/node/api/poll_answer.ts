/**
 * Builds poll answers that prove themselves (core/poll.ts), all of an answer at one height.
 *
 * What an answer costs is known before it is made. Refused with `too-large`: more rows than a client's codec would
 * take, which a few bytes of question could otherwise ask for. What is only too many bytes comes without them, and the
 * client polls again.
 *
 * @module
 */
import { type Hash, ZERO_HASH } from "../../../core/brands.ts";
import { type Bytes, toHex } from "../../../core/bytes.ts";
import { accept, type Refusal, refuse, type Verdict } from "../../../core/errors.ts";
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
import { feedCounts } from "./feed_counts.ts";

/** Answers a poll at the tip. */
export async function answerPoll(services: NodeServices, request: PollRequest): Promise<Verdict<Bytes>> {
  // A view: so that feeds, versions and proof are of one height, whatever is appended meanwhile.
  using view = services.chain.view();
  const { header, certificate } = view.tip();
  if (header === null || certificate === null) return refuse("not-ready", "the chain has no block yet");
  const content = await gather(services, { view, request });
  if (!content.ok) return content;
  const { keys, feeds, configurations } = content.value;
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

/** Configurations that are to be answered, by name. */
type Wanted = Map<string, PollConfiguration>;

async function gather(
  services: NodeServices,
  { view, request }: { view: StateView; request: PollRequest },
): Promise<Verdict<Content>> {
  const { hash } = services.crypto;
  const counts = await feedCounts(hash, { view, feeds: request.feeds });
  let rows = 0;
  for (const [i, { count }] of request.feeds.entries()) rows += Math.max(0, (counts[i] as number) - count);
  if (rows > LIMITS.pollRows) return tooLarge(rows);
  const wanted: Wanted = new Map(request.configurations.map((each) => [nameOf(each), each]));
  const feeds: (readonly FeedAnswerEntry[])[] = [];
  const budget = newBudget();
  for (const feed of request.feeds) {
    feeds.push(await feedEntries({ services, view }, { feed, budget, wanted }));
  }
  const asked = new Set(request.configurations.map(nameOf));
  for (const [name, { cid, vid }] of [...wanted]) {
    const latest = (await view.configuration(cid))?.latestVid ?? 0;
    const versions = Math.max(0, latest - (vid ?? latest) + 1);
    // Left out unless it was asked for by name: else whoever owns a template that a tenant pinned could make every
    // answer to the tenant's VNFs too large, by publishing many versions of it.
    if (rows + versions > LIMITS.pollRows && !asked.has(name)) wanted.delete(name);
    else rows += versions;
  }
  if (rows > LIMITS.pollRows) return tooLarge(rows);
  const configurations: ConfigurationAnswer[] = [];
  const forConfigurations = newBudget();
  for (const configuration of wanted.values()) {
    configurations.push(
      await configurationAnswer(
        { chain: services.chain, view },
        { wanted: configuration, budget: forConfigurations },
      ),
    );
  }
  const ids = new Map<string, Hash>();
  for (const id of request.feeds.map((feed) => feedId(hash, feed))) ids.set(toHex(id), id);
  for (const { cid } of wanted.values()) ids.set(toHex(cid), configurationId(hash, cid));
  return accept({ keys: [...ids.values()], feeds, configurations });
}

function tooLarge(rows: number): Refusal {
  return refuse("too-large", `the answer would have ${rows} rows, at most ${LIMITS.pollRows}: ask for less`);
}

function nameOf({ cid, vid }: PollConfiguration): string {
  return `${toHex(cid)}@${vid ?? "latest"}`;
}

interface Sources {
  readonly chain: ChainReader;
  readonly view: StateView;
}

async function feedEntries(
  { services: { chain, federation: { genesisId }, crypto: { hash } }, view }: {
    services: NodeServices;
    view: StateView;
  },
  { feed, budget, wanted }: { feed: PollFeed; budget: Budget; wanted: Wanted },
): Promise<readonly FeedAnswerEntry[]> {
  const items = await view.feedSince(feed, feed.count);
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
  { chain, view }: Sources,
  { wanted: { cid, vid }, budget }: { wanted: PollConfiguration; budget: Budget },
): Promise<ConfigurationAnswer> {
  const versions = await view.versionsSince(cid, vid);
  const [first] = versions;
  if (first === undefined) return { cid, vid: 0, previous: ZERO_HASH, versions: [], transaction: null };
  const transaction = await takeTransaction(chain, { position: first, budget });
  return { cid, vid: first.vid, previous: first.previous, versions, transaction };
}
