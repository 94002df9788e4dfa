/**
 * The client API's routes (version 1): which path goes where, and how large a body may be.
 *
 * Refused before any body is read: unknown paths and methods, a missing token, a client that sends too fast.
 *
 * @module
 */
import { accept, refuse, type Verdict } from "../../../core/errors.ts";
import { LIMITS } from "../../../core/limits.ts";
import type { Admission } from "../admission.ts";
import type { NodeServices } from "../services.ts";
import { blockRoute, blocksRoute, federationRoute, feedsRoute, headRoute } from "./chain_routes.ts";
import { type ApiReply, type ApiRequest, jsonReply, refusalReply, type RequestHead } from "./exchange.ts";
import { federationChangesRoute } from "./federation_changes.ts";
import { makeGate } from "./gate.ts";
import { batchRoute, historyRoute, type ReadLimits } from "./history_routes.ts";
import { makePollRoute } from "./poll_route.ts";
import { makeReceipts } from "./receipts.ts";
import type { ApiHandler } from "./server.ts";
import { receiptRoute, submitRoute, transactionRoute } from "./transaction_routes.ts";

/** Bytes around a transaction's payload in its request body. */
const COSE_OVERHEAD_BYTES = 1024;
/** What is asked by POST, because it is too long for a path; it changes nothing and wants no token. */
const QUESTIONS: ReadonlySet<string> = new Set(["/v1/poll", "/v1/transactions/read"]);
const QUESTION_BYTES = 64 * 1024;

/** What the routes need beside the node's services. */
export interface RouteOptions {
  readonly admission: Admission;
  /** Prometheus text. */
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>;
  readonly onRefused: (code: string) => void;
  readonly nowMs: () => number;
  readonly limits?: ReadLimits;
}

/** Answers one path and method. */
type Route = (request: ApiRequest) => ApiReply | Promise<ApiReply>;

/** A path's routes by method. */
type Routes = Readonly<Partial<Record<string, Route>>>;

/** Wires the routes to a node's services. */
export function makeRoutes(services: NodeServices, options: RouteOptions): ApiHandler {
  const { admission, onRefused, nowMs } = options;
  const find = makeTable(services, options);

  function admit(head: RequestHead): Verdict<number> {
    const routes = find(head.path);
    if (routes === undefined) return refuse("unknown", `nothing at ${head.path.slice(0, 200)}`);
    if (routeFor(routes, head.method) === undefined) {
      return refuse("method", `${head.method} is not served at ${head.path.slice(0, 200)}`);
    }
    if (head.method !== "POST") return accept(0);
    if (QUESTIONS.has(head.path)) return accept(QUESTION_BYTES);
    const token = /^Bearer +(\S+)$/i.exec(head.headers.get("authorization") ?? "")?.[1];
    const refusal = admission({ token, remote: head.remote, nowMs: nowMs() });
    const { maxTransactionBytes } = services.chain.tip().federation.document.parameters;
    return refusal ?? accept(maxTransactionBytes + COSE_OVERHEAD_BYTES);
  }

  return {
    admit,
    onRefused,
    handle: async (request) => {
      const route = routeFor(find(request.path) ?? {}, request.method);
      return route === undefined ? refusalReply(refuse("unknown", "nothing here")) : await route(request);
    },
  };
}

/** HEAD is served as GET; the server leaves the body out. */
function routeFor(routes: Routes, method: string): Route | undefined {
  const name = method === "HEAD" ? "GET" : method;
  return Object.hasOwn(routes, name) ? routes[name] : undefined;
}

/** The table of paths. */
function makeTable(
  services: NodeServices,
  { metrics, limits = LIMITS }: Pick<RouteOptions, "metrics" | "limits">,
): (path: string) => Routes | undefined {
  const receipts = makeReceipts(services);
  const source = { ...services, limits };
  const gate = makeGate(LIMITS.readsAtOnce);
  /** For what reads much: the client's turn comes when few others are served. */
  const gated = (route: Route): Route => async (request) =>
    await gate(async () => await route(request), request.signal) ?? GONE;

  const fixed: Readonly<Record<string, Routes>> = {
    "/healthz": { GET: () => health(services) },
    "/metrics": { GET: async () => await metricsReply(metrics) },
    "/v1/head": { GET: (request) => headRoute(services, request) },
    "/v1/blocks": { GET: gated((request) => blocksRoute(services, request)) },
    "/v1/federation": { GET: (request) => federationRoute(services, request) },
    "/v1/federation/changes": { GET: (request) => federationChangesRoute(services, request) },
    "/v1/feeds": { GET: gated((request) => feedsRoute(services, request)) },
    "/v1/status": { GET: () => jsonReply(services.status()) },
    "/v1/poll": { POST: gated(makePollRoute(source)) },
    "/v1/history": { GET: gated((request) => historyRoute(source, request)) },
    "/v1/transactions/read": { POST: gated((request) => batchRoute(source, request)) },
    "/v1/transactions": { POST: submitRoute({ services, receipts }) },
  };

  return (path) => {
    if (Object.hasOwn(fixed, path)) return fixed[path];
    const [, version, what, name, part, ...rest] = path.split("/");
    if (version !== "v1" || name === undefined || rest.length > 0) return undefined;
    if (what === "blocks" && part === undefined) {
      return { GET: gated((request) => blockRoute(services, { request, height: name })) };
    }
    if (what === "transactions" && part === undefined) {
      return { GET: gated((request) => transactionRoute(services, { request, id: name })) };
    }
    if (what === "transactions" && part === "receipt") {
      return { GET: gated(() => receiptRoute({ services, receipts }, name)) };
    }
    return undefined;
  };
}

/** For a client that has left; nobody sees it. */
const GONE: ApiReply = refusalReply(refuse("timeout", "the client went away"));

/** 200 = synced, and enough members are connected to decide. */
function health(services: NodeServices): ApiReply {
  const { synced, quorum, peers, height } = services.status();
  const connected = peers.filter((peer) => peer.connected).length;
  const healthy = synced && connected >= quorum - 1;
  return jsonReply({ healthy, synced, height, connected, wanted: quorum - 1 }, {
    status: healthy ? 200 : 503,
  });
}

async function metricsReply(metrics: RouteOptions["metrics"]): Promise<ApiReply> {
  const { type, text } = await metrics();
  return { status: 200, type, body: new TextEncoder().encode(text) };
}
