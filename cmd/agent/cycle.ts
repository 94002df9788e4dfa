/**
 * One round of the agent: finish what was interrupted, poll, put what came into force, record it, answer requests.
 *
 * What a poll brought is recorded as processed only at the end of the round. After a crash in the middle the same
 * transactions come again; the configuration that is in force by then is known by its id and not applied twice.
 * A node that withholds what a configuration refers to ends the round, it never makes the agent skip that one.
 *
 * @module
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Bytes, equal, toHex } from "../../core/bytes.ts";
import type { KnownHeader } from "../../core/certified_header.ts";
import { accept, EXIT, type Refusal, refuse, type Verdict, VnfchainError } from "../../core/errors.ts";
import type { VerifiedPoll } from "../../core/light_client.ts";
import type { AgreementKey } from "../../core/platform/agreement.ts";
import type { ConfigurationPayload } from "../../core/transaction.ts";
import { writeDurably } from "../common/durable_file.ts";
import type { NodeBook } from "../common/node_book.ts";
import type { NodeFailure } from "../common/nodes.ts";
import {
  type Answering,
  answerRequests,
  type ProvedAnswer,
  provedAnswers,
  questionsAbout,
  settleAnswers,
  withRequests,
} from "./answer.ts";
import type { AgentConfig } from "./config.ts";
import { gather, type Gathered } from "./gather.ts";
import { install, type Installer, recover } from "./install.ts";
import { feedName, type FeedReader, type Poller } from "./poll.ts";
import { referencesOf, resolve } from "./resolve.ts";
import { type Placed, type SelectionContext, versionOf } from "./select.ts";
import {
  type AgentState,
  type FeedProgress,
  isQuarantined,
  versionName,
  withError,
  withRefusals,
} from "./state.ts";

/** A running agent. */
export interface Agent extends Installer, Answering {
  readonly config: AgentConfig;
  readonly poller: Poller;
  readonly feedReader: FeedReader;
  /** How the nodes behave. */
  readonly book: NodeBook;
  /** Nodes are out of reach: nothing is asked of them, and nothing sent. */
  readonly isOffline: boolean;
  /** The VNF's keys, to open what is encrypted. */
  readonly agreementKeys: readonly AgreementKey[];
}

/** How a round ended; `refused` when anything was, even if the rest was done. */
export interface Round {
  readonly end: "done" | "refused" | "stale" | "unreachable";
  /** The newest verified header; null when no answer held. */
  readonly header: KnownHeader | null;
}

/** Runs one round. Throws {@link VnfchainError} for what an operator must mend: `fork` above all. */
export async function runRound(agent: Agent): Promise<Round> {
  refuseHalted(agent.store.current());
  await recover(agent);
  const state = agent.store.current();
  const feeds = followedFeeds(agent, state);
  const tenants = agent.config.tenants.map(({ key }) => key);
  const context: SelectionContext = { self: agent.key.publicKey, tenants, state: { ...state, feeds } };
  let proved: readonly ProvedAnswer[] = [];
  const gathered = await gather(agent, {
    feeds,
    known: state.header,
    context,
    configurations: agent.isOffline ? [] : questionsAbout(state, agent.trust.current().document.parameters),
    onFirst: (poll) => proved = provedAnswers(state, poll),
  });
  if (!agent.signal.aborted) logFailures(agent, gathered.failures);
  if (gathered.kind === "fork") throw await halt(agent, gathered.evidence);
  if (gathered.kind !== "answered" && agent.signal.aborted) return { end: "done", header: null };
  if (gathered.kind !== "answered") return await failedRound(agent, gathered);
  if (!agent.isOffline) await settleAnswers(agent, proved);
  return await takeOver(agent, gathered);
}

async function takeOver(agent: Agent, gathered: Gathered): Promise<Round> {
  const { selection, header } = gathered;
  for (const { id, refusal } of selection.refused) {
    logRefusal(agent, { name: toHex(id), refusal });
  }
  const chosen = await applyNewest(agent, gathered);
  if (!chosen.ok) return { end: agent.signal.aborted ? "done" : chosen.end, header };
  const refusals = [...selection.refused.map(({ refusal }) => refusal), ...chosen.refusals];
  await record(agent, { gathered, refusals });
  const failedAnswers = agent.isOffline ? [] : await answerRequests(agent);
  if (failedAnswers.length > 0) {
    await agent.store.update(withRefusals(agent.store.current(), failedAnswers.map(({ code }) => code)));
  }
  return { end: refusals.length + failedAnswers.length > 0 ? "refused" : "done", header };
}

type Applied =
  | { readonly ok: true; readonly refusals: readonly Refusal[] }
  /** The round cannot go on now; nothing counts as processed. */
  | { readonly ok: false; readonly end: "refused" | "stale" | "unreachable" };

/** Tries the candidates, newest first, until one is in force. */
async function applyNewest(agent: Agent, gathered: Gathered): Promise<Applied> {
  const { candidates, superseded, unnamed } = gathered.selection;
  const refusals: Refusal[] = [];
  for (const [i, base] of candidates.entries()) {
    if (agent.signal.aborted) return { ok: false, end: "refused" };
    const tried = await tryOne(agent, { base, gathered });
    if (typeof tried === "string") return { ok: false, end: tried };
    if (tried.ok) {
      for (const older of [...candidates.slice(i + 1).map(versionOf), ...superseded]) {
        agent.log.info("superseded before it was applied", { configuration: versionName(older) });
      }
      if (unnamed > 0) agent.log.info("older ones were superseded, too", { configurations: unnamed });
      break;
    }
    logRefusal(agent, { name: versionName(base.transaction.payload), refusal: tried });
    refusals.push(tried);
  }
  return { ok: true, refusals };
}

async function tryOne(
  agent: Agent,
  { base, gathered }: { base: Placed<ConfigurationPayload>; gathered: Gathered },
): Promise<Verdict<null> | "refused" | "stale" | "unreachable"> {
  const { payload, id } = base.transaction;
  const state = agent.store.current();
  // Applied in a round that a crash cut short.
  if (state.inForce !== null && equal(state.inForce.transaction, id)) return accept(null);
  if (isQuarantined(state, payload)) return refuse("quarantined", "this version failed here before");
  const source = await sourceOf(agent, { base, gathered });
  if (typeof source === "string") return source;
  const resolved = await resolve(base, {
    self: agent.key.publicKey,
    keys: agent.agreementKeys,
    allowEmpty: agent.config.allowEmpty,
    lookUp: source.configuration,
    certifiedAt: source.head.height,
  });
  if (!resolved.ok) return resolved;
  const installed = await install(agent, { base, resolved: resolved.value });
  // The agent is being ended, and its programs with it: the next start finishes this.
  if (!installed.ok) return agent.signal.aborted ? "refused" : installed;
  const { generation } = installed.value;
  agent.log.info("in force", { configuration: versionName(payload), transaction: toHex(id), generation });
  return accept(null);
}

/** An answer that holds all that the base refers to: the one at hand, or another for just that. */
async function sourceOf(
  agent: Agent,
  { base, gathered }: { base: Placed<ConfigurationPayload>; gathered: Gathered },
): Promise<VerifiedPoll | "refused" | "stale" | "unreachable"> {
  const configurations = referencesOf(base.transaction.payload);
  if (configurations.every((wanted) => gathered.poll.configuration(wanted).ok)) return gathered.poll;
  const polled = await agent.poller({ feeds: gathered.feeds, configurations, known: gathered.header });
  logFailures(agent, polled.failures);
  if (polled.kind === "fork") throw await halt(agent, polled.evidence);
  return polled.kind === "answered" ? polled.poll : polled.kind;
}

/** Makes the round's outcome durable: what came counts as processed from here on. */
async function record(
  { store, log }: Agent,
  { gathered, refusals }: { gathered: Gathered; refusals: readonly Refusal[] },
): Promise<void> {
  const { selection, header, feeds } = gathered;
  const state = store.current();
  const last = refusals.at(-1);
  const news = feeds.some((feed, i) => feed.state?.count !== state.feeds[i]?.state?.count);
  if (!news && state.header?.height === header.height && last === undefined) return;
  await store.update({
    header,
    feeds: feeds.map((feed): FeedProgress => ({
      ...feed,
      lastNonce: selection.nonces.get(toHex(feed.sender)) ?? null,
    })),
    position: selection.position,
    requests: withRequests(state, selection.requests),
    ...withRefusals(state, refusals.map(({ code }) => code)),
    ...(last === undefined
      ? {}
      : withError(state, { time: Date.now(), code: last.code, detail: last.detail })),
  });
  log.debug("verified", {
    height: header.height,
    new: selection.candidates.length + selection.requests.length,
  });
}

/** The feeds to follow: each tenant's to this VNF, from where it was last taken over. */
function followedFeeds({ config, key }: Agent, { feeds }: AgentState): readonly FeedProgress[] {
  return config.tenants.map(({ key: sender }) => {
    const fresh = { sender, recipient: key.publicKey, state: null, lastNonce: null };
    return feeds.find((known) => feedName(known) === feedName(fresh)) ?? fresh;
  });
}

async function failedRound(
  agent: Agent,
  { kind, failures }: { kind: "stale" | "refused" | "unreachable"; failures: readonly NodeFailure[] },
): Promise<Round> {
  const messages = {
    stale: "STALE: no node has a fresh header; the running configuration stays",
    refused: "no node gave an answer that holds; the running configuration stays",
    unreachable: "no node answered, or none is ready; the running configuration stays",
  };
  agent.log.error(messages[kind], {});
  const last = failures.at(-1);
  const error = {
    time: Date.now(),
    code: kind,
    detail: last === undefined ? "" : `${last.node}: ${last.detail}`,
  };
  const state = agent.store.current();
  // The same failure again and again is one entry.
  if (state.errors.at(-1)?.code !== kind) await agent.store.update(withError(state, error));
  return { end: kind, header: null };
}

/** Two certified blocks at one height: keeps the proof, and applies nothing until an operator has looked. */
async function halt({ stateDir, store }: Agent, evidence: Bytes): Promise<VnfchainError> {
  const directory = join(stateDir, "evidence");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `fork-after-${store.current().header?.height ?? 0}.cbor`);
  await writeDurably(path, evidence, { mode: 0o600 });
  await store.update({
    halted: `two certified blocks at one height; the proof is in ${path}`,
  });
  return haltedProblem(store.current().halted ?? "");
}

function refuseHalted({ halted }: AgentState): void {
  if (halted !== null) throw haltedProblem(halted);
}

function haltedProblem(reason: string): VnfchainError {
  return new VnfchainError(`agent halted: ${reason}`, {
    code: "fork",
    hint:
      "more than a third of the federation's members lie or lost their keys: give the file to an operator of it, " +
      "and make this VNF anew under a federation that you trust",
    exitCode: EXIT.failed,
  });
}

function logFailures({ log }: Agent, failures: readonly NodeFailure[]): void {
  for (const { node, code, detail } of failures) log.warning("node passed over", { node, code, detail });
}

function logRefusal({ log }: Agent, { name, refusal }: { name: string; refusal: Refusal }): void {
  const { code, detail } = refusal;
  log.warning("refused; the running configuration stays", { configuration: name, code, detail });
}
