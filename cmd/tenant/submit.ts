/**
 * Sending a transaction until it is proved to be on the chain. The identical bytes go to one node after the other
 * until a receipt holds: nodes know a transaction by its id, so sending it again changes nothing. No node's word is
 * final, neither "taken" nor "refused": only a receipt that verifies, or a refusal by all, ends it.
 *
 * @module
 */
import { type Bytes, equal, toHex } from "../../core/bytes.ts";
import { EXIT, refuse, type Verdict, VnfchainError } from "../../core/errors.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { type VerifiedReceipt, verifyReceipt } from "../../core/receipt.ts";
import type { Transaction } from "../../core/transaction.ts";
import { type Reply, requestNode } from "../common/http_client.ts";
import { failedQuestion, type NodeFailure } from "../common/nodes.ts";
import { pause } from "../common/pause.ts";
import type { TenantContext } from "./context.ts";
import { interrupted } from "./waiting.ts";

/** A receipt that holds, with the bytes to keep. */
export interface ProvedReceipt extends VerifiedReceipt {
  readonly bytes: Bytes;
}

/** What is sent, and how long at most. */
export interface Submission {
  readonly transaction: Transaction;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Time for one node to see the transaction committed; then the next node gets it as well. */
const ATTEMPT_MS = 15_000;
/** And time for the transaction to get there and back, at the slowest pace that is waited for. */
const SLOWEST_BYTES_PER_MS = 32;
/** Between two rounds through all nodes. */
const PAUSE_MS = 500;

/** What a node's refusal leaves open: the same node may take the same bytes later. */
const TRY_AGAIN: ReadonlySet<string> = new Set(["busy", "rate", "not-ready"]);

type Attempt =
  | { readonly receipt: ProvedReceipt }
  | {
    readonly failure: NodeFailure;
    /** Another round may end otherwise. */
    readonly again: boolean;
    /** The node has the transaction, or may have it. */
    readonly maybeTaken: boolean;
  };

/** Sends, and waits for the receipt. Throws the refusals, `no-node`, `timeout` or `interrupted`. */
export async function submitAndWait(context: TenantContext, submission: Submission): Promise<ProvedReceipt> {
  const { transaction, timeoutMs, signal } = submission;
  const endMs = performance.now() + timeoutMs;
  let maybeTaken = false;
  for (;;) {
    const failures: NodeFailure[] = [];
    let again = false;
    for (const node of context.nodes) {
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) throw timedOut(transaction, failures);
      const attemptMs = Math.min(leftMs, attemptTimeMs(transaction));
      const attempt = await tryNode(context, { submission, node, attemptMs, maybeTaken });
      if ("receipt" in attempt) return attempt.receipt;
      if (signal.aborted) throw interruptedSubmission(transaction);
      maybeTaken ||= attempt.maybeTaken;
      again ||= attempt.again;
      failures.push(attempt.failure);
    }
    if (!again) throw refused(transaction, { failures, maybeTaken });
    if (performance.now() + PAUSE_MS >= endMs) throw timedOut(transaction, failures);
    await pause(PAUSE_MS, signal);
  }
}

/** Sends to the first node that takes it. Its word is all there is: nothing is proved yet. */
export async function submitOnly(context: TenantContext, submission: Submission): Promise<void> {
  const { transaction, signal, timeoutMs } = submission;
  const attemptMs = Math.min(timeoutMs, attemptTimeMs(transaction));
  const failures: NodeFailure[] = [];
  for (const node of context.nodes) {
    const reply = await post(context, { submission, node, attemptMs, path: "/v1/transactions" });
    if (signal.aborted) throw interruptedSubmission(transaction);
    if (reply.kind === "refused" && reply.code === "duplicate") return;
    if (reply.kind !== "ok") failures.push(failureOf(node, reply));
    else if (namesId(reply.body, transaction)) return;
    else failures.push({ node, code: "request", detail: "the answer is not a node's", lied: true });
  }
  throw refused(transaction, { failures, maybeTaken: failures.some(mayHaveArrived) });
}

/** Whether a body is `{"id": …}` of the transaction: anything may answer at an address with status 200. */
function namesId(body: Bytes, { id }: Transaction): boolean {
  try {
    return (JSON.parse(new TextDecoder().decode(body)) as { id?: unknown } | null)?.id === toHex(id);
  } catch {
    return false;
  }
}

interface Try {
  readonly submission: Submission;
  readonly node: string;
  /** Time for one request. */
  readonly attemptMs: number;
}

function attemptTimeMs({ bytes }: Transaction): number {
  return ATTEMPT_MS + 2 * bytes.length / SLOWEST_BYTES_PER_MS;
}

async function tryNode(context: TenantContext, options: Try & { maybeTaken: boolean }): Promise<Attempt> {
  const { node, attemptMs } = options;
  const startMs = performance.now();
  const reply = await post(context, { ...options, path: "/v1/transactions?wait=commit" });
  if (reply.kind === "ok") return judgeReceipt(context, { ...options, bytes: reply.body });
  const failure = failureOf(node, reply);
  if (reply.kind === "unreachable") {
    const tooSlow = performance.now() - startMs >= attemptMs;
    return { failure, again: tooSlow, maybeTaken: mayHaveArrived(failure) };
  }
  // A node that sees its own earlier success as a duplicate, or as the next version, has a receipt for it.
  if (reply.code === "duplicate" || options.maybeTaken) {
    const asked = await askReceipt(context, options);
    if (asked !== undefined) return asked;
  }
  const isThere = reply.code === "timeout" || reply.code === "duplicate";
  return { failure, again: isThere || TRY_AGAIN.has(reply.code), maybeTaken: isThere };
}

function post(
  context: TenantContext,
  { submission, node, attemptMs, path }: Try & { path: string },
): Promise<Reply> {
  return requestNode(new URL(node + path), {
    method: "POST",
    body: submission.transaction.bytes,
    token: context.token,
    timeoutMs: attemptMs,
    signal: submission.signal,
  });
}

/** The receipt, when the node has the transaction on its chain. */
async function askReceipt(context: TenantContext, options: Try): Promise<Attempt | undefined> {
  const { submission: { transaction, signal }, node, attemptMs } = options;
  const url = new URL(`${node}/v1/transactions/${toHex(transaction.id)}/receipt`);
  const reply = await requestNode(url, { timeoutMs: attemptMs, signal });
  return reply.kind === "ok" ? judgeReceipt(context, { ...options, bytes: reply.body }) : undefined;
}

function judgeReceipt(
  context: TenantContext,
  { submission, node, bytes }: Try & { bytes: Bytes },
): Attempt {
  const verdict = checkReceipt(context, { submission, bytes });
  if (verdict.ok) return { receipt: { ...verdict.value, bytes } };
  const { code, detail } = verdict;
  return { failure: { node, code, detail, lied: true }, again: false, maybeTaken: true };
}

function checkReceipt(
  { federation }: TenantContext,
  { submission, bytes }: { submission: Submission; bytes: Bytes },
): Verdict<VerifiedReceipt> {
  const receipt = verifyReceipt(bytes, { pinned: federation, crypto: platformCrypto });
  if (!receipt.ok || equal(receipt.value.transaction.id, submission.transaction.id)) return receipt;
  return refuse("proof-incomplete", "the receipt is of another transaction");
}

function failureOf(node: string, reply: Exclude<Reply, { kind: "ok" }>): NodeFailure {
  return reply.kind === "unreachable"
    ? { node, code: "unreachable", detail: reply.reason, lied: false }
    : { node, code: reply.code, detail: reply.detail, lied: false };
}

/** False when there was no connection, or an honest refusal; where the runtime words it otherwise, nothing is lost. */
function mayHaveArrived({ code, detail, lied }: NodeFailure): boolean {
  return lied || (code === "unreachable" && !detail.includes("client error (Connect)"));
}

/** What to do about a refusal. */
const HINTS: Readonly<Record<string, string>> = {
  "vid-order": "another version was published under this CID meanwhile: publish again",
  "transaction-signature": "check that --federation names the document of these nodes' chain",
  "proof-root": "check that --federation names the document of these nodes' chain",
  "unauthorized": "name the file with the token that these nodes want: --token-file",
  "expired": "check this machine's clock, then publish again",
  "future": "check this machine's clock, then publish again",
  "reference-unknown": "publish what --before and --after name first",
};

function refused(
  { id }: Transaction,
  { failures, maybeTaken }: { failures: readonly NodeFailure[]; maybeTaken: boolean },
): VnfchainError {
  const error = failedQuestion(`send transaction ${toHex(id)}`, failures);
  const said = failures.find(({ code, lied }) => code !== "unreachable" && !lied);
  const code = said?.code ?? error.code;
  // What an answer that does not verify was refused with says nothing about what was sent.
  const told = said !== undefined || code === "proof-root" ? HINTS[code] : undefined;
  const open = maybeTaken ? mayComeLater(toHex(id)) : "";
  return new VnfchainError(error.message, {
    code,
    hint: [told ?? error.hint, open].filter((part) => part !== "").join("; "),
    exitCode: error.exitCode,
  });
}

function timedOut({ id }: Transaction, failures: readonly NodeFailure[]): VnfchainError {
  const { message } = failedQuestion(`wait for transaction ${toHex(id)}`, failures);
  return new VnfchainError(message, {
    code: "timeout",
    hint: mayComeLater(toHex(id)),
    exitCode: EXIT.unreachable,
  });
}

function interruptedSubmission({ id }: Transaction): VnfchainError {
  return interrupted(`transaction ${toHex(id)} was sent`, mayComeLater(toHex(id)));
}

function mayComeLater(id: string): string {
  return `it may still be committed: vnfchain tenant show ${id}`;
}
