/**
 * HTTP towards nodes, for agent, tenant and auditor: bounded in time and in the size of the answer. A node's answer
 * is remote input: what is wrong with it is a result, never an exception.
 *
 * @module
 */
import { type Bytes, concat } from "../../core/bytes.ts";
import { LIMITS } from "../../core/limits.ts";
import { type RefusalCode, REFUSALS } from "../../core/refusals.ts";

/** What came of one request to one node. */
export type Reply =
  | { readonly kind: "ok"; readonly status: number; readonly body: Bytes }
  /** The node refused, with a code of its own or `request`. */
  | { readonly kind: "refused"; readonly status: number; readonly code: RefusalCode; readonly detail: string }
  /** No answer: not reachable, too slow, cut, or too large. */
  | { readonly kind: "unreachable"; readonly reason: string };

/** What is sent, and how long it may take. */
export interface RequestOptions {
  readonly method?: "GET" | "POST";
  readonly body?: Bytes;
  /** Media type wanted; CBOR when left out. */
  readonly accept?: string;
  /** Sent as a bearer token. */
  readonly token?: string | undefined;
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
  readonly client?: Deno.HttpClient | undefined;
  readonly signal?: AbortSignal | undefined;
}

const CBOR = "application/cbor";

/** Sends one request to one node. Never throws for what the network or the node does. */
export async function requestNode(url: URL, options: RequestOptions = {}): Promise<Reply> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? LIMITS.clientRequestMs);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  try {
    const headers = new Headers({ accept: options.accept ?? CBOR });
    if (options.body !== undefined) headers.set("content-type", CBOR);
    if (options.token !== undefined) headers.set("authorization", `Bearer ${options.token}`);
    const response = await fetch(url, {
      method: options.method ?? "GET",
      headers,
      signal,
      redirect: "error",
      ...(options.body === undefined ? {} : { body: options.body }),
      ...(options.client === undefined ? {} : { client: options.client }),
    });
    // A refusal is a line of JSON; more of it would take ten times its size in memory when parsed.
    const maxBytes = response.ok ? options.maxBytes ?? LIMITS.clientAnswerBytes : LIMITS.clientRefusalBytes;
    const body = await readBounded(response, maxBytes);
    if (body === undefined) return { kind: "unreachable", reason: "the answer is larger than the limit" };
    return response.ok ? { kind: "ok", status: response.status, body } : refusalIn(response.status, body);
  } catch (error) {
    return { kind: "unreachable", reason: reasonOf(error) };
  }
}

/** Reads a body up to a limit; `undefined` beyond it. */
export async function readBounded(response: Response, maxBytes: number): Promise<Bytes | undefined> {
  if (response.body === null) return new Uint8Array();
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const part of response.body) {
    total += part.length;
    if (total > maxBytes) return undefined; // leaving the loop cancels the stream
    parts.push(part);
  }
  return concat(...parts);
}

function refusalIn(status: number, body: Bytes): Reply {
  try {
    const { error } = JSON.parse(new TextDecoder().decode(body)) as {
      error?: { code?: unknown; detail?: unknown };
    };
    const code = typeof error?.code === "string" && Object.hasOwn(REFUSALS, error.code)
      ? error.code as RefusalCode
      : "request";
    return {
      kind: "refused",
      status,
      code,
      detail: String(error?.detail ?? `HTTP status ${status}`).slice(0, 500).toWellFormed(),
    };
  } catch {
    return { kind: "refused", status, code: "request", detail: `HTTP status ${status}` };
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "no answer";
  if (error.name === "TimeoutError") return "no answer in time";
  const reason = error.cause instanceof Error ? error.cause.message : error.message;
  // The caller names the node itself.
  return reason.replace(/^error sending request for url \(\S*\): /, "").slice(0, 300).toWellFormed();
}
