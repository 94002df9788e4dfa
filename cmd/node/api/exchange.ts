/**
 * Requests and replies of the client API, apart from the server that carries them.
 *
 * @module
 */
import { type Bytes, utf8 } from "../../../core/bytes.ts";
import type { Refusal } from "../../../core/errors.ts";
import type { RefusalCode } from "../../../core/refusals.ts";

/** A request before its body. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** The client's address, for rates. */
  readonly remote: string;
}

/** A request whose body has arrived whole and within its limit. */
export interface ApiRequest extends RequestHead {
  readonly body: Bytes;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/** What goes back. */
export interface ApiReply {
  readonly status: number;
  readonly type: string;
  readonly body: Bytes;
  readonly headers?: Readonly<Record<string, string>>;
  /** The code, where it is a refusal. */
  readonly refused?: RefusalCode;
}

/** Media types spoken. */
export const MEDIA = {
  cbor: "application/cbor",
  json: "application/json",
  text: "text/plain; charset=utf-8",
} as const;

/** Whether the client asked for CBOR. */
export function wantsCbor(request: Pick<RequestHead, "headers">): boolean {
  return (request.headers.get("accept") ?? "").includes(MEDIA.cbor);
}

/** A CBOR reply. */
export function cborReply(
  body: Bytes,
  options: { status?: number; headers?: Readonly<Record<string, string>> } = {},
): ApiReply {
  return { status: options.status ?? 200, type: MEDIA.cbor, body, headers: options.headers ?? {} };
}

/** A JSON reply. */
export function jsonReply(
  value: unknown,
  options: { status?: number; headers?: Readonly<Record<string, string>> } = {},
): ApiReply {
  const body = utf8(JSON.stringify(value) + "\n");
  return { status: options.status ?? 200, type: MEDIA.json, body, headers: options.headers ?? {} };
}

const STATUS: Partial<Record<RefusalCode, number>> = {
  "unauthorized": 401,
  "unknown": 404,
  "method": 405,
  "too-large": 413,
  "rate": 429,
  "busy": 503,
  "not-ready": 503,
  "timeout": 504,
};

/** Seconds after which a busy node may be asked again. */
const RETRY_AFTER_SECONDS = "1";

/** A refusal as a reply: `{"error": {"code", "detail"}}`. */
export function refusalReply({ code, detail }: Omit<Refusal, "ok">): ApiReply {
  const status = STATUS[code] ?? 400;
  const headers = status === 503 || status === 429 ? { "retry-after": RETRY_AFTER_SECONDS } : {};
  return { ...jsonReply({ error: { code, detail } }, { status, headers }), refused: code };
}
