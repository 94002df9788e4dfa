/**
 * Answers to requests: the VNF's state as a configuration transaction to `reply_to`, once for each request.
 *
 * The answer's bytes are written to `STATE_DIR/outbox` before they are sent. A crash sends the same transaction again,
 * never another; and since a request names a CID of its own, the chain itself takes no second answer. It is sent in
 * each round until a certified poll proves that it is on the chain, or that it can never come there any more because
 * it is too old: then a new one is made. No single node's word ends it, neither "taken" nor "refused".
 *
 * @module
 */
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Bytes, equal, toHex } from "../../core/bytes.ts";
import { accept, type Refusal, refuse, type Verdict } from "../../core/errors.ts";
import type { Parameters } from "../../core/federation.ts";
import type { PlacedTransaction, VerifiedPoll } from "../../core/light_client.ts";
import { LIMITS } from "../../core/limits.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import type { PollConfiguration } from "../../core/poll.ts";
import { type RequestPayload, TYPE } from "../../core/transaction.ts";
import { readTransaction } from "../../core/transaction_rules.ts";
import { writeDurably } from "../common/durable_file.ts";
import { requestNode } from "../common/http_client.ts";
import type { Log } from "../common/log.ts";
import { askNodes, type NodeFailure, startingAt } from "../common/nodes.ts";
import { type AnswerSource, makeAnswer } from "./make_answer.ts";
import type { Placed } from "./select.ts";
import type { AgentState, KnownRequest } from "./state.ts";

/** What answering needs. */
export interface Answering extends AnswerSource {
  readonly nodes: readonly string[];
  readonly client: Deno.HttpClient | undefined;
  readonly token: string | undefined;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** A node's refusals after which another try, there or elsewhere, may go better. */
const PASSING: readonly string[] = [
  "unauthorized",
  "rate",
  "busy",
  "not-ready",
  "evicted",
  "timeout",
  "unknown",
];

/** The requests to remember once `added` are taken over; the oldest that are settled go. */
export function withRequests(
  { requests }: Pick<AgentState, "requests">,
  added: readonly Placed<RequestPayload>[],
): readonly KnownRequest[] {
  const fresh = added
    .filter(({ transaction: { id } }) => !requests.some((known) => equal(known.id, id)))
    .map(({ transaction: { id, payload } }): KnownRequest => ({
      id,
      cid: payload.cid,
      compression: payload.compression,
      encryption: payload.encryption,
      description: payload.description,
      replyTo: payload.body.replyTo,
      status: "due",
      tries: 0,
    }));
  let excess = requests.length + fresh.length - LIMITS.agentRequests;
  const kept = requests.filter(({ status }) => {
    const goes = excess > 0 && (status === "done" || status === "failed");
    if (goes) excess--;
    return !goes;
  });
  return [...kept, ...fresh].slice(0, LIMITS.agentRequests);
}

/**
 * What to ask in a poll about answers that were sent: no more than one poll answer can hold, because a node that
 * leaves one out is passed over, and then so would all.
 */
export function questionsAbout(
  { requests }: Pick<AgentState, "requests">,
  { maxTransactionBytes }: Pick<Parameters, "maxTransactionBytes">,
): readonly PollConfiguration[] {
  const fitting = Math.max(1, Math.floor(LIMITS.pollBytes / maxTransactionBytes));
  return rotated(requests.filter(({ status }) => status === "sent"))
    .slice(0, Math.min(fitting, LIMITS.agentAnswersAsked))
    .map(({ cid }) => ({ cid, vid: 1 }));
}

/** What a certified poll proves about an answer that was sent. */
export interface ProvedAnswer {
  readonly request: KnownRequest;
  /** What stands under the request's CID; null when nothing does. */
  readonly found: PlacedTransaction | null;
  /** Time of the certified header, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** What a poll proves about the answers that were asked about. */
export function provedAnswers(
  { requests }: Pick<AgentState, "requests">,
  poll: VerifiedPoll,
): readonly ProvedAnswer[] {
  return requests.flatMap((request) => {
    if (request.status !== "sent") return [];
    const found = poll.configuration({ cid: request.cid, vid: 1 });
    return found.ok ? [{ request, found: found.value, timeMs: poll.head.time }] : [];
  });
}

/** Marks answers that are on the chain as done, and forgets their bytes; those that came too late are made anew. */
export async function settleAnswers(answering: Answering, proved: readonly ProvedAnswer[]): Promise<void> {
  const { log } = answering;
  for (const { request, found, timeMs } of proved) {
    const name = { request: toHex(request.id) };
    if (found === null) {
      if (!await isExpired(answering, { request, timeMs })) continue;
      log.warning("an answer is too old to be taken any more; another is made", name);
      await settle(answering, { request, status: "due" });
    } else if (isAnswerTo(request, found)) {
      await settle(answering, { request, status: "done" });
      log.info("an answer is on the chain", name);
    } else {
      await settle(answering, { request, status: "failed" });
      log.warning("two requests name one CID, and the other one was answered", name);
    }
  }
}

function isAnswerTo({ id }: KnownRequest, { transaction: { payload } }: PlacedTransaction): boolean {
  return payload.type === TYPE.configuration && payload.body.inReplyTo !== null &&
    equal(payload.body.inReplyTo, id);
}

/** Whether no block after the certified time can hold the answer that was made. */
async function isExpired(
  { trust, stateDir }: Answering,
  { request, timeMs }: { request: KnownRequest; timeMs: number },
): Promise<boolean> {
  const { genesisId, document } = trust.current();
  const bytes = await readMade(outboxPath(stateDir, request));
  if (bytes === undefined) return false;
  const read = readTransaction(bytes, { genesisId, hash: platformCrypto.hash });
  // What is no transaction was not made by this agent, or not under this federation: it never gets there either.
  if (!read.ok) return true;
  return read.value.transaction.payload.timestamp < timeMs - document.parameters.transactionLifetimeMs;
}

/** Makes and sends what is due. Never throws for what a node or a driver does. */
export async function answerRequests(answering: Answering): Promise<readonly Refusal[]> {
  const refusals: Refusal[] = [];
  const away = new Set<string>();
  const { requests } = answering.store.current();
  // Those that were sent from another one each time: some that no node ever commits must not keep the others back.
  const open = [
    ...requests.filter(({ status }) => status === "due"),
    ...rotated(requests.filter(({ status }) => status === "sent")),
  ];
  // Not all at once: each may wait for nodes that do not answer, and no poll is made meanwhile.
  for (const request of open.slice(0, LIMITS.agentAnswersAsked)) {
    if (answering.signal.aborted) break;
    const bytes = await outgoing(answering, request);
    if (!bytes.ok) {
      refusals.push(bytes);
      await failedTry(answering, { request, refusal: bytes });
      continue;
    }
    if (request.status === "due") await change(answering, { ...request, status: "sent" });
    const refusal = await send(answering, { request, bytes: bytes.value, away });
    if (refusal !== undefined) refusals.push(refusal);
  }
  return refusals;
}

/** The same in order, from a random one on. */
function rotated<T>(all: readonly T[]): readonly T[] {
  return startingAt(all, Math.floor(Math.random() * all.length));
}

/** The answer's bytes: those made before, or new ones, durable when it resolves. */
async function outgoing(answering: Answering, request: KnownRequest): Promise<Verdict<Bytes>> {
  const path = outboxPath(answering.stateDir, request);
  const before = await readMade(path);
  if (before !== undefined) return accept(before);
  const made = await makeAnswer(answering, request);
  if (!made.ok) return made;
  await mkdir(join(answering.stateDir, "outbox"), { recursive: true, mode: 0o700 });
  // A crash before this line makes another answer, of which the first was sent to nobody; after it, the same one.
  await writeDurably(path, made.value, { mode: 0o600, createNew: true });
  return made;
}

async function readMade(path: string): Promise<Bytes | undefined> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Sends until a node takes it, those that are `away` last. Refuses when all nodes refuse for good. */
async function send(
  answering: Answering,
  { request, bytes, away }: { request: KnownRequest; bytes: Bytes; away: Set<string> },
): Promise<Refusal | undefined> {
  const { nodes, token, client, signal, log } = answering;
  // From another one each time: a node that says "taken" and drops the answer must not get it in every round.
  const outcome = await askNodes(
    rotated(nodes).toSorted((a, b) => Number(away.has(a)) - Number(away.has(b))),
    {
      ask: (node) =>
        requestNode(new URL("/v1/transactions", node), {
          method: "POST",
          body: bytes,
          accept: "application/json",
          token,
          client,
          signal,
        }),
      judge: () => accept(null),
    },
  );
  for (const { node, code } of outcome.failures) if (code === "unreachable") away.add(node);
  const name = toHex(request.id);
  if (outcome.ok) {
    log.info("an answer was sent", { request: name, node: outcome.node });
    return undefined;
  }
  const last: NodeFailure | undefined = outcome.failures.at(-1);
  const code = last?.code ?? "unreachable";
  log.warning("an answer was not taken", { request: name, code, detail: last?.detail ?? "" });
  if (outcome.failures.some((failure) => failure.code === "unreachable" || PASSING.includes(failure.code))) {
    return undefined;
  }
  const refusal = refuse(code as Refusal["code"], last?.detail ?? "");
  await failedTry(answering, { request: { ...request, status: "sent" }, refusal });
  return refusal;
}

async function failedTry(
  answering: Answering,
  { request, refusal }: { request: KnownRequest; refusal: Refusal },
): Promise<void> {
  const tries = request.tries + 1;
  const { code, detail } = refusal;
  answering.log.warning("an answer failed", { request: toHex(request.id), code, detail, tries });
  const tried = { ...request, tries };
  if (tries < LIMITS.agentAnswerTries) await change(answering, tried);
  else await settle(answering, { request: tried, status: "failed" });
}

/** The request's status from now on, without the bytes that were made for it. */
async function settle(
  answering: Answering,
  { request, status }: { request: KnownRequest; status: "due" | "done" | "failed" },
): Promise<void> {
  // In this order when they are to be made anew: a crash in between must not send the old ones again for ever.
  if (status === "due") await rm(outboxPath(answering.stateDir, request), { force: true });
  await change(answering, { ...request, status });
  await rm(outboxPath(answering.stateDir, request), { force: true });
}

async function change({ store }: Answering, changed: KnownRequest): Promise<void> {
  const { requests } = store.current();
  await store.update({ requests: requests.map((known) => equal(known.id, changed.id) ? changed : known) });
}

function outboxPath(stateDir: string, { id }: KnownRequest): string {
  return join(stateDir, "outbox", `${toHex(id)}.cose`);
}
