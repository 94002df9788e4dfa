/**
 * Answers to requests: the VNF's state as a configuration transaction to `reply_to`, once for each request.
 *
 * The answer's bytes are written to `STATE_DIR/outbox` before they are sent. A crash sends the same transaction again,
 * never another; and since a request names a CID of its own, the chain itself takes no second answer. It is sent in
 * each round until a certified poll proves that it is on the chain.
 *
 * @module
 */
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Bytes, equal, toHex } from "../../core/bytes.ts";
import { accept, type Refusal, refuse, type Verdict } from "../../core/errors.ts";
import type { VerifiedPoll } from "../../core/light_client.ts";
import { LIMITS } from "../../core/limits.ts";
import type { PollConfiguration } from "../../core/poll.ts";
import type { RequestPayload } from "../../core/transaction.ts";
import { writeDurably } from "../common/durable_file.ts";
import { requestNode } from "../common/http_client.ts";
import type { Log } from "../common/log.ts";
import { askNodes, type NodeFailure } from "../common/nodes.ts";
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

/** What to ask in a poll about answers that were sent. */
export function questionsAbout({ requests }: Pick<AgentState, "requests">): readonly PollConfiguration[] {
  return requests.filter(({ status }) => status === "sent").slice(0, LIMITS.agentAnswersAsked)
    .map(({ cid }) => ({ cid, vid: 1 }));
}

/** The requests whose answers a certified poll proves to be on the chain. */
export function provedAnswers(
  { requests }: Pick<AgentState, "requests">,
  poll: VerifiedPoll,
): readonly KnownRequest[] {
  return requests.filter(({ status, cid }) => {
    if (status !== "sent") return false;
    const found = poll.configuration({ cid, vid: 1 });
    return found.ok && found.value !== null;
  });
}

/** Marks answers as done, and forgets their bytes. */
export async function settleAnswers(answering: Answering, proved: readonly KnownRequest[]): Promise<void> {
  for (const request of proved) {
    await settle(answering, { request, status: "done" });
    answering.log.info("an answer is on the chain", { request: toHex(request.id) });
  }
}

/** Makes and sends what is due. Never throws for what a node or a driver does. */
export async function answerRequests(answering: Answering): Promise<readonly Refusal[]> {
  const refusals: Refusal[] = [];
  for (const request of answering.store.current().requests) {
    if (request.status !== "due" && request.status !== "sent") continue;
    if (answering.signal.aborted) break;
    const bytes = await outgoing(answering, request);
    if (!bytes.ok) {
      refusals.push(bytes);
      await failedTry(answering, { request, refusal: bytes });
      continue;
    }
    if (request.status === "due") await change(answering, { ...request, status: "sent" });
    const refusal = await send(answering, { request, bytes: bytes.value });
    if (refusal !== undefined) refusals.push(refusal);
  }
  return refusals;
}

/** The answer's bytes: those made before, or new ones, durable when it resolves. */
async function outgoing(answering: Answering, request: KnownRequest): Promise<Verdict<Bytes>> {
  const path = outboxPath(answering.stateDir, request);
  try {
    return accept(new Uint8Array(await readFile(path)));
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
  }
  const made = await makeAnswer(answering, request);
  if (!made.ok) return made;
  await mkdir(join(answering.stateDir, "outbox"), { recursive: true, mode: 0o700 });
  // A crash before this line makes another answer, of which the first was sent to nobody; after it, the same one.
  await writeDurably(path, made.value, { mode: 0o600, createNew: true });
  return made;
}

async function send(
  answering: Answering,
  { request, bytes }: { request: KnownRequest; bytes: Bytes },
): Promise<Refusal | undefined> {
  const { nodes, token, client, signal, log } = answering;
  const outcome = await askNodes(nodes, {
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
    final: ({ code }) => !PASSING.includes(code),
  });
  const name = toHex(request.id);
  if (outcome.ok) {
    log.info("an answer was sent", { request: name, node: outcome.node });
    return undefined;
  }
  const last: NodeFailure | undefined = outcome.failures.at(-1);
  const code = last?.code ?? "unreachable";
  log.warning("an answer was not taken", { request: name, code, detail: last?.detail ?? "" });
  if (code === "unreachable" || PASSING.includes(code)) return undefined;
  await settle(answering, { request, status: "failed" });
  return refuse(code as Refusal["code"], last?.detail ?? "");
}

async function failedTry(
  answering: Answering,
  { request, refusal }: { request: KnownRequest; refusal: Refusal },
): Promise<void> {
  const tries = request.tries + 1;
  const status = tries < LIMITS.agentAnswerTries ? request.status : "failed";
  await change(answering, { ...request, tries, status });
  const { code, detail } = refusal;
  answering.log.warning("an answer cannot be made", { request: toHex(request.id), code, detail, tries });
}

async function settle(
  answering: Answering,
  { request, status }: { request: KnownRequest; status: "done" | "failed" },
): Promise<void> {
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
