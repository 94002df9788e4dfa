/**
 * Polls: one question to the nodes in rotation, taken from the first whose answer verifies against the pinned
 * federation, against what was seen before, and against the clock. Every node that failed is named with its reason.
 *
 * @module
 */
import { type Bytes, toHex } from "../../core/bytes.ts";
import { accept, refuse, type Verdict } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import {
  type FollowedFeed,
  type KnownHeader,
  type VerifiedPoll,
  verifyPoll,
} from "../../core/light_client.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { encodePollRequest, type PollConfiguration } from "../../core/poll.ts";
import { requestNode } from "../common/http_client.ts";
import { askNodes, type NodeFailure } from "../common/nodes.ts";

/** Whom to ask, and what an answer is held to. */
export interface PollTarget {
  readonly nodes: readonly string[];
  readonly federation: Federation;
  readonly maxStalenessMs: number;
  /** The VNF's clock; it may be wrong. */
  readonly nowMs: () => number;
  readonly client: Deno.HttpClient | undefined;
  /** Ends a request under way. */
  readonly signal: AbortSignal;
}

/** What is asked. */
export interface PollQuestion {
  readonly feeds: readonly FollowedFeed[];
  /** A node that does not answer each of them, or does not prove its absence, is passed over. */
  readonly configurations: readonly PollConfiguration[];
  readonly known: KnownHeader | null;
}

/** What came of it. */
export type Polled =
  | { readonly kind: "answered"; readonly poll: VerifiedPoll; readonly failures: readonly NodeFailure[] }
  /** The best that any node had is older than allowed. */
  | { readonly kind: "stale"; readonly failures: readonly NodeFailure[] }
  /** Every node that answered gave something that does not hold. */
  | { readonly kind: "refused"; readonly failures: readonly NodeFailure[] }
  /** No node answered, or those that did have nothing to say yet. */
  | { readonly kind: "unreachable"; readonly failures: readonly NodeFailure[] }
  /** Two certified blocks at one height: the federation cannot be trusted any more. */
  | { readonly kind: "fork"; readonly evidence: Bytes; readonly failures: readonly NodeFailure[] };

/** Asks; remembers which node comes next. */
export type Poller = (question: PollQuestion) => Promise<Polled>;

/** Refusals by which a node says that it cannot serve now. */
const NOT_NOW: readonly string[] = ["unreachable", "busy", "not-ready", "rate", "timeout"];

/** Makes a poller that starts with a random node, and then always with the one after the last that answered. */
export function makePoller(target: PollTarget): Poller {
  let first = Math.floor(Math.random() * target.nodes.length);
  const failing = new Set<string>();
  return async (question) => {
    // Those that failed last time come last: a dead one costs its time-out once, not in every round.
    const inTurn = target.nodes.map((_, i) => target.nodes[(first + i) % target.nodes.length] as string);
    const nodes = inTurn.toSorted((a, b) => Number(failing.has(a)) - Number(failing.has(b)));
    const forks: Bytes[] = [];
    const outcome = await askNodes(nodes, {
      ask: (node) => {
        const { client, signal } = target;
        const { feeds, configurations } = question;
        const body = encodePollRequest({
          feeds: feeds.map(({ sender, recipient, state }) => ({
            sender,
            recipient,
            count: state?.count ?? 0,
          })),
          configurations,
        });
        return requestNode(new URL("/v1/poll", node), { method: "POST", body, client, signal });
      },
      judge: (body) => {
        const verdict = judge(body, { question, target });
        if (!verdict.ok && verdict.code === "fork") forks.push(body);
        return verdict;
      },
    });
    failing.clear();
    for (const { node } of outcome.failures) failing.add(node);
    const [evidence] = forks;
    const { failures } = outcome;
    if (evidence !== undefined) return { kind: "fork", evidence, failures };
    if (!outcome.ok) return { kind: kindOf(failures), failures };
    first = target.nodes.indexOf(outcome.node) + 1;
    return { kind: "answered", poll: outcome.value, failures };
  };
}

function judge(
  body: Bytes,
  { question, target }: { question: PollQuestion; target: PollTarget },
): Verdict<VerifiedPoll> {
  const { federation, maxStalenessMs, nowMs } = target;
  const verdict = verifyPoll(body, { ...question, federation, crypto: platformCrypto });
  if (!verdict.ok) return verdict;
  const { feeds } = verdict.value;
  if (
    !feeds.every(({ complete }) => complete) && feeds.every(({ transactions }) => transactions.length === 0)
  ) {
    // It would keep us asking for ever.
    return refuse("proof-incomplete", "the answer names transactions and sends none of them");
  }
  for (const wanted of question.configurations) {
    const found = verdict.value.configuration(wanted);
    if (!found.ok) return found;
  }
  const { header } = verdict.value;
  const ageMs = nowMs() - header.time;
  return ageMs <= maxStalenessMs ? accept(verdict.value) : refuse(
    "stale",
    `the answer ends at height ${header.height}, closed ${ageMs} ms ago, at most ${maxStalenessMs}`,
  );
}

function kindOf(failures: readonly NodeFailure[]): "stale" | "refused" | "unreachable" {
  if (failures.some(({ code }) => code === "stale")) return "stale";
  return failures.every(({ code }) => NOT_NOW.includes(code)) ? "unreachable" : "refused";
}

/** A feed by name, for maps. */
export function feedName({ sender, recipient }: Pick<FollowedFeed, "sender" | "recipient">): string {
  return `${toHex(sender)}:${recipient === null ? "" : toHex(recipient)}`;
}
