/**
 * The HTTP(S) server of the client API.
 *
 * `node:http` rather than `Deno.serve`, which keeps a half-sent header open without end and has no cap on
 * connections: here a client has a bounded time for its headers, for the whole request and for taking the answer, all
 * bodies and all answers together have a bounded size, and beyond the caps a connection is closed at once. Whatever a
 * client does costs at most its own connection.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import http from "node:http";
import https from "node:https";
import type { Duplex } from "node:stream";
import type { Address } from "../../../consensus/tcp/address.ts";
import { EXIT, refuse, type Verdict, VnfchainError } from "../../../core/errors.ts";
import { LIMITS } from "../../../core/limits.ts";
import { readBody } from "./body.ts";
import { capConnections } from "./connections.ts";
import { type ApiReply, type ApiRequest, refusalReply, type RequestHead } from "./exchange.ts";
import { type Budget, makeBudget } from "./gate.ts";

/** What the server asks of the routes. */
export interface ApiHandler {
  /** Judges a request by its head: how many bytes its body may have, or why none of it is read. */
  readonly admit: (head: RequestHead) => Verdict<number>;
  /** Must not throw for anything that a client sends. */
  readonly handle: (request: ApiRequest) => Promise<ApiReply>;
  /** Told of each refusal, those of the server itself included, before it is sent. */
  readonly onRefused: (code: string) => void;
}

/** Bounds of a server; {@link LIMITS} unless a test is in a hurry. */
export type ServerLimits = Pick<
  Record<keyof typeof LIMITS, number>,
  | "httpConnections"
  | "httpConnectionsPerAddress"
  | "httpHeadersMs"
  | "httpRequestMs"
  | "httpAnswerMs"
  | "httpHeaderBytes"
  | "httpBodiesBytes"
  | "httpAnswersBytes"
>;

/** A certificate and its private key, both as PEM. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
}

/** How a server is opened. */
export interface ServerOptions {
  readonly address: Address;
  /** HTTPS where given. */
  readonly tls?: TlsFiles | undefined;
  readonly limits?: ServerLimits | undefined;
  /** A bug of ours in a handler: the request gets no answer, the process goes on. */
  readonly onError: (error: unknown) => void;
}

/** A running server. */
export interface ApiServer extends AsyncDisposable {
  readonly address: Address;
}

/** How often time limits are looked at. */
const CHECK_MS = 1000;

/** Starts listening; throws `listen` or `tls` when it cannot. */
export async function openApiServer(handler: ApiHandler, options: ServerOptions): Promise<ApiServer> {
  const limits = options.limits ?? LIMITS;
  const context: Context = {
    handler,
    limits,
    bodies: makeBudget(limits.httpBodiesBytes),
    answers: makeBudget(limits.httpAnswersBytes),
  };
  const serving = new Set<Promise<void>>();
  const server = createServer(options, (request, response) => {
    const served = serve(context, { request, response }).catch((error) => {
      options.onError(error);
      response.destroy();
    }).finally(() => serving.delete(served));
    serving.add(served);
  });
  capConnections(server, limits);
  server.on("clientError", (error: Error & { code?: string }, socket: Duplex) => {
    if (error.code !== "ECONNRESET") handler.onRefused("request");
    refuseConnection(socket, error.code ?? "");
  });
  await listen(server, options.address);
  const bound = server.address() as { address: string; port: number };
  return {
    address: { host: bound.address, port: bound.port },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      // What they still read must not be closed under them.
      await Promise.all(serving);
    },
  };
}

interface Context {
  readonly handler: ApiHandler;
  readonly limits: ServerLimits;
  readonly bodies: Budget;
  readonly answers: Budget;
}

function createServer({ tls, limits = LIMITS }: ServerOptions, listener: http.RequestListener): http.Server {
  const settings = {
    headersTimeout: limits.httpHeadersMs,
    requestTimeout: limits.httpRequestMs,
    maxHeaderSize: limits.httpHeaderBytes,
    connectionsCheckingInterval: Math.min(CHECK_MS, limits.httpHeadersMs),
  };
  if (tls === undefined) return http.createServer(settings, listener);
  checkTls(tls);
  return https.createServer({
    ...settings,
    handshakeTimeout: limits.httpHeadersMs,
    cert: tls.certificate,
    key: tls.key,
  }, listener);
}

/** The runtime takes any text for a certificate or a key, and then fails with each client. */
function checkTls({ certificate, key }: TlsFiles): void {
  let cause: unknown;
  try {
    if (new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) return;
  } catch (error) {
    cause = error;
  }
  throw new VnfchainError("listen for clients: the TLS certificate and its key cannot be used", {
    code: "tls",
    hint: "tls_certificate and tls_key name PEM files that belong together; the key has no passphrase",
    exitCode: EXIT.usage,
    cause,
  });
}

/** Answers what is no HTTP request, or did not come in time, and closes. */
function refuseConnection(socket: Duplex, code: string): void {
  const status = BROKEN[code] ?? "400 Bad Request";
  if (code === "ECONNRESET" || !socket.writable) socket.destroy();
  else {socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, () =>
      socket.destroy());}
}

const BROKEN: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

function listen(server: http.Server, { host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      reject(
        new VnfchainError(`listen for clients: ${host}:${port} is not to be had: ${cause.message}`, {
          code: "listen",
          hint: "another process may hold the port; name another with --http HOST:PORT",
          exitCode: EXIT.usage,
          cause,
        }),
      );
    });
    server.listen(port, host, () => resolve());
  });
}

interface Exchange {
  readonly request: http.IncomingMessage;
  readonly response: http.ServerResponse;
}

async function serve(context: Context, { request, response }: Exchange): Promise<void> {
  const abort = new AbortController();
  response.once("close", () => abort.abort());
  const answer = await answerTo(context, { request, signal: abort.signal });
  if (answer === "gone" || abort.signal.aborted) return;
  if (answer.refused !== undefined) context.handler.onRefused(answer.refused);
  // A body that was not read to its end would be taken for the next request.
  const headers = request.complete ? {} : { connection: "close" };
  // A refusal is small, and goes out when nothing else may.
  if (answer.refused !== undefined) return await reply(context, { response, answer, headers });
  const bytes = answer.body.length;
  if (!context.answers.take(bytes)) {
    context.handler.onRefused("busy");
    const busy = refusalReply(refuse("busy", "the node sends as many answers as it may"));
    return await reply(context, { response, answer: busy, headers });
  }
  try {
    await reply(context, { response, answer, headers });
  } finally {
    context.answers.give(bytes);
  }
}

async function answerTo(
  { handler, bodies }: Context,
  { request, signal }: { request: http.IncomingMessage; signal: AbortSignal },
): Promise<ApiReply | "gone"> {
  const url = URL.parse(request.url ?? "/", "http://node");
  if (url === null) return refusalReply(refuse("request", "the URL is malformed"));
  const head: RequestHead = {
    method: request.method ?? "GET",
    path: url.pathname,
    query: url.searchParams,
    headers: headersOf(request),
    remote: request.socket.remoteAddress ?? "",
  };
  const admitted = handler.admit(head);
  if (!admitted.ok) return refusalReply(admitted);
  const body = await readBody(request, { maxBytes: admitted.value, budget: bodies });
  if (body === "gone") return body;
  if ("ok" in body) return refusalReply(body);
  using held = body;
  return await handler.handle({ ...head, body: held.bytes, signal });
}

function headersOf(request: http.IncomingMessage): ReadonlyMap<string, string> {
  return new Map(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
}

/** Sends an answer; resolves when the client has it, or the connection is gone, which a slow client's will be. */
async function reply(
  { limits }: Context,
  { response, answer, headers }: {
    response: http.ServerResponse;
    answer: ApiReply;
    headers: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const tooSlow = setTimeout(() => response.destroy(), limits.httpAnswerMs);
  try {
    response.writeHead(answer.status, {
      "content-type": answer.type,
      "content-length": answer.body.length,
      "x-content-type-options": "nosniff",
      ...answer.headers,
      ...headers,
    });
    await new Promise<void>((resolve) => {
      response.once("close", resolve);
      response.end(answer.body, () => resolve());
    });
  } finally {
    clearTimeout(tooSlow);
  }
}
