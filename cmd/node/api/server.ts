/**
 * The HTTP(S) server of the client API.
 *
 * `node:http` rather than `Deno.serve`, which keeps a half-sent header open without end and has no cap on
 * connections: here a client has a bounded time for its headers and for the whole request, and beyond the cap a
 * connection is closed at once. Whatever a client does costs at most its own connection.
 *
 * @module
 */
import http from "node:http";
import https from "node:https";
import type { Address } from "../../../consensus/tcp/address.ts";
import { type Bytes, concat } from "../../../core/bytes.ts";
import { refuse, VnfchainError } from "../../../core/errors.ts";
import { EXIT } from "../../../core/errors.ts";
import { LIMITS } from "../../../core/limits.ts";
import { type ApiReply, type ApiRequest, refusalReply } from "./exchange.ts";

/** What the server asks of the routes. */
export interface ApiHandler {
  /** Bytes that the request's body may have; 0 for none. */
  readonly bodyLimitBytes: (method: string, path: string) => number;
  /** Must not throw for anything that a client sends. */
  readonly handle: (request: ApiRequest) => Promise<ApiReply>;
}

/** A running server. */
export interface ApiServer extends AsyncDisposable {
  readonly address: Address;
}

/** Starts listening; throws `address-in-use` or `listen` when it cannot. */
export async function openApiServer(
  handler: ApiHandler,
  { address, tls, onError }: {
    address: Address;
    tls?: { readonly certificate: string; readonly key: string } | undefined;
    /** A bug of ours in a handler: the request gets 500, the process goes on. */
    onError: (error: unknown) => void;
  },
): Promise<ApiServer> {
  const limits = {
    headersTimeout: LIMITS.httpHeadersMs,
    requestTimeout: LIMITS.httpRequestMs,
    maxHeaderSize: LIMITS.httpHeaderBytes,
    connectionsCheckingInterval: 1000,
  };
  const listener = (request: http.IncomingMessage, response: http.ServerResponse) => {
    serve(handler, { request, response }).catch((error) => {
      onError(error);
      response.destroy();
    });
  };
  const server = tls === undefined
    ? http.createServer(limits, listener)
    : https.createServer({ ...limits, cert: tls.certificate, key: tls.key }, listener);
  server.maxConnections = LIMITS.httpConnections;
  server.on("clientError", (_error, socket) => socket.destroy());
  await listen(server, address);
  const bound = server.address() as { address: string; port: number };
  return {
    address: { host: bound.address, port: bound.port },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

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

async function serve(handler: ApiHandler, { request, response }: Exchange): Promise<void> {
  const method = request.method ?? "GET";
  const url = URL.canParse(request.url ?? "/", "http://node")
    ? new URL(request.url ?? "/", "http://node")
    : undefined;
  if (url === undefined) {
    return await reply(response, refusalReply(refuse("request", "the URL is malformed")));
  }
  const limit = handler.bodyLimitBytes(method, url.pathname);
  const body = await readBody(request, limit);
  if (body === "gone") return;
  if (body === "too-large") {
    return await reply(
      response,
      refusalReply(refuse("too-large", `the body is larger than ${limit} bytes`)),
      "close",
    );
  }
  const abort = new AbortController();
  response.once("close", () => abort.abort());
  const answer = await handler.handle({
    method,
    path: url.pathname,
    query: url.searchParams,
    headers: headersOf(request),
    body,
    remote: request.socket.remoteAddress ?? "",
    signal: abort.signal,
  });
  await reply(response, answer);
}

function headersOf(request: http.IncomingMessage): ReadonlyMap<string, string> {
  return new Map(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
}

/** Reads a body up to its limit, which a declared length is held against before anything is read. */
async function readBody(
  request: http.IncomingMessage,
  limitBytes: number,
): Promise<Bytes | "too-large" | "gone"> {
  if (Number(request.headers["content-length"] ?? 0) > limitBytes) return "too-large";
  const parts: Uint8Array[] = [];
  let total = 0;
  try {
    for await (const part of request as AsyncIterable<Uint8Array>) {
      total += part.length;
      if (total > limitBytes) return "too-large";
      parts.push(part);
    }
  } catch {
    return "gone"; // the client went away, or ran out of time
  }
  return concat(...parts);
}

function reply(response: http.ServerResponse, answer: ApiReply, connection?: "close"): Promise<void> {
  response.writeHead(answer.status, {
    "content-type": answer.type,
    "content-length": answer.body.length,
    "x-content-type-options": "nosniff",
    ...answer.headers,
    ...(connection === undefined ? {} : { connection }),
  });
  return new Promise((resolve) => {
    response.once("close", resolve);
    response.end(answer.body, () => resolve());
  });
}
