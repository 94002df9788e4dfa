/**
 * Polls: one question to several nodes in turn, taken from the first whose answer verifies against the federation that
 * is trusted, against what was seen before, and against the clock. Agent and tenant look at the chain through this
 * alone. An answer of a later federation is taken once the node has proved the changes that lead there. Configurations
 * that an answer leaves to pages are read from them (history.ts) before anybody sees the answer; feeds are left to who
 * asked.
 *
 * @module
 */
import { encodeForkProof, higherHeader, type KnownHeader } from "../../core/certified_header.ts";
import { type Bytes, toHex } from "../../core/bytes.ts";
import { accept, refuse, type Verdict } from "../../core/errors.ts";
import {
  type FollowedFeed,
  type PlacedTransaction,
  type VerifiedPoll,
  verifyPoll,
} from "../../core/light_client.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { decodePollAnswer, encodePollRequest, type PollConfiguration } from "../../core/poll.ts";
import type { FederationTrust } from "./federation_trust.ts";
import { readVersion } from "./history.ts";
import { requestNode } from "./http_client.ts";
import { askNodes, type Outcome } from "./nodes.ts";

/** What an answer is held to. */
export interface PollTarget {
  readonly trust: FederationTrust;
  readonly maxStalenessMs: number;
  /** The client's clock; it may be wrong. */
  readonly nowMs: () => number;
  readonly client?: Deno.HttpClient | undefined;
  /** Ends a request under way. */
  readonly signal?: AbortSignal | undefined;
  /** Told the answer that was taken, as it came. */
  readonly onAnswer?: (answer: Bytes) => void;
}

/** What is asked. */
export interface PollQuestion {
  readonly feeds: readonly FollowedFeed[];
  /** A node that does not answer each of them, or does not prove its absence, is passed over. */
  readonly configurations: readonly PollConfiguration[];
  /** The newest header seen, below which no answer may fall. */
  readonly known: KnownHeader | null;
}

/** What came of it; `fork` is the proof of two certified blocks at one height. */
export type PollOutcome = Outcome<VerifiedPoll> & { readonly fork: Bytes | null };

/** Asks the nodes in the order given. */
export async function pollNodes(
  target: PollTarget,
  { nodes, question }: { readonly nodes: readonly string[]; readonly question: PollQuestion },
): Promise<PollOutcome> {
  const { trust, client, signal } = target;
  const { feeds, configurations } = question;
  const body = encodePollRequest({
    feeds: feeds.map(({ sender, recipient, state }) => ({ sender, recipient, count: state?.count ?? 0 })),
    configurations,
  });
  let fork: Bytes | null = null;
  const outcome = await askNodes(nodes, {
    ask: (node) => requestNode(new URL("/v1/poll", node), { method: "POST", body, client, signal }),
    judge: async (answer, node) => {
      let verdict = judge(answer, { question, target });
      if (!verdict.ok && verdict.code === "federation-unknown") {
        const learned = await trust.learn((path) => requestNode(new URL(path, node), { client, signal }));
        verdict = learned.ok ? judge(answer, { question, target }) : learned;
      }
      if (!verdict.ok && verdict.code === "fork") fork = forkProof(answer, { question, target });
      if (verdict.ok) target.onAnswer?.(answer);
      return verdict;
    },
  });
  return { ...outcome.ok ? await withPages(target, { nodes, question, outcome }) : outcome, fork };
}

/** The answer with the configurations that it left to pages. */
async function withPages(
  { trust, client, signal }: PollTarget,
  { nodes, question, outcome }: {
    readonly nodes: readonly string[];
    readonly question: PollQuestion;
    readonly outcome: Extract<Outcome<VerifiedPoll>, { ok: true }>;
  },
): Promise<Outcome<VerifiedPoll>> {
  const { value: poll, node, failures } = outcome;
  const { genesisId } = trust.current();
  const order = [node, ...nodes.filter((other) => other !== node)];
  const read = new Map<string, PlacedTransaction>();
  const failed = [...failures];
  for (const wanted of question.configurations) {
    const certified = poll.paged(wanted);
    if (certified === null) continue;
    const { cid, vid } = wanted;
    const reading = await readVersion({ nodes: () => order, genesisId, client, signal }, {
      cid,
      vid: vid ?? certified.latestVid,
      certified,
    });
    failed.push(...reading.failures);
    if (!reading.ok) return { ok: false, failures: failed };
    read.set(nameOf(wanted), reading.value);
  }
  const configuration: VerifiedPoll["configuration"] = (wanted) => {
    const found = read.get(nameOf(wanted));
    return found === undefined ? poll.configuration(wanted) : accept(found);
  };
  return { ...outcome, value: { ...poll, configuration }, failures: failed };
}

function nameOf({ cid, vid }: PollConfiguration): string {
  return `${toHex(cid)}@${vid ?? "latest"}`;
}

function judge(
  answer: Bytes,
  { question, target }: { question: PollQuestion; target: PollTarget },
): Verdict<VerifiedPoll> {
  const { trust, maxStalenessMs, nowMs } = target;
  const verdict = verifyPoll(answer, {
    ...question,
    known: highestKnown(question, trust),
    federation: trust.current(),
    crypto: platformCrypto,
  });
  if (!verdict.ok) return verdict;
  const { feeds, head, configuration, paged } = verdict.value;
  const isStuck = feeds.some(({ complete }) => !complete) &&
    feeds.every(({ transactions, paged }) => transactions.length === 0 && paged === null);
  // It would keep us asking for ever.
  if (isStuck) return refuse("proof-incomplete", "the answer names transactions and sends none of them");
  for (const wanted of question.configurations) {
    const found = configuration(wanted);
    if (!found.ok && paged(wanted) === null) return found;
  }
  const ageMs = nowMs() - head.time;
  return ageMs <= maxStalenessMs ? accept(verdict.value) : refuse(
    "stale",
    `the answer ends at height ${head.height}, closed ${ageMs} ms ago, at most ${maxStalenessMs}`,
  );
}

/** A header that proved a change of the federation was seen as well. */
function highestKnown({ known }: PollQuestion, trust: FederationTrust): KnownHeader | null {
  return higherHeader(known, trust.head());
}

function forkProof(
  answer: Bytes,
  { question, target }: { question: PollQuestion; target: PollTarget },
): Bytes | null {
  const decoded = decodePollAnswer(answer);
  const known = highestKnown(question, target.trust);
  if (!decoded.ok || known === null) return null;
  const { header, certificate } = decoded.value;
  return encodeForkProof({ first: known.proof, second: { header, certificate } });
}
