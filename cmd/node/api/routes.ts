/**
 * The client API's routes (version 1): which path goes where, and how large a body may be.
 *
 * @module
 */
import { refuse } from "../../../core/errors.ts";
import { decodePollRequest } from "../../../core/poll.ts";
import type { Admission } from "../admission.ts";
import type { NodeServices } from "../services.ts";
import { blockRoute, blocksRoute, federationRoute, feedsRoute, headRoute } from "./chain_routes.ts";
import { type ApiReply, type ApiRequest, cborReply, jsonReply, MEDIA, refusalReply } from "./exchange.ts";
import { answerPoll } from "./poll_answer.ts";
import type { ApiHandler } from "./server.ts";
import { receiptRoute, submitRoute, transactionRoute } from "./transaction_routes.ts";

/** Bytes around a transaction's payload in its request body. */
const COSE_OVERHEAD_BYTES = 1024;
const POLL_REQUEST_BYTES = 64 * 1024;

/** Wires the routes to a node's services. */
export function makeRoutes(
  services: NodeServices,
  { admission, metrics, nowMs }: {
    admission: Admission;
    /** Prometheus text. */
    metrics: () => Promise<{ type: string; text: string }>;
    nowMs: () => number;
  },
): ApiHandler {
  const submit = submitRoute(services);
  const { maxTransactionBytes } = services.federation.document.parameters;

  async function post(request: ApiRequest): Promise<ApiReply> {
    if (request.path === "/v1/poll") return await pollRoute(services, request);
    if (request.path !== "/v1/transactions") return notFound(request);
    const token = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
    const refusal = admission({ token, remote: request.remote, nowMs: nowMs() });
    return refusal === undefined ? await submit(request) : refusalReply(refusal);
  }

  async function get(request: ApiRequest): Promise<ApiReply> {
    const [, version, what, id, part, ...rest] = request.path.split("/");
    if (request.path === "/healthz") return health(services);
    if (request.path === "/metrics") {
      const { type, text } = await metrics();
      return { status: 200, type, body: new TextEncoder().encode(text) };
    }
    if (version !== "v1" || rest.length > 0) return notFound(request);
    if (part !== undefined) {
      return what === "transactions" && part === "receipt"
        ? await receiptRoute(services, id ?? "")
        : notFound(request);
    }
    if (id !== undefined) {
      if (what === "transactions") return await transactionRoute(services, { request, id });
      return what === "blocks" ? await blockRoute(services, { request, height: id }) : notFound(request);
    }
    return await collection(services, { request, what: what ?? "" });
  }

  return {
    bodyLimitBytes: (method, path) => {
      if (method !== "POST") return 0;
      return path === "/v1/poll" ? POLL_REQUEST_BYTES : maxTransactionBytes + COSE_OVERHEAD_BYTES;
    },
    handle: async (request) => {
      if (request.method === "POST") return await post(request);
      if (request.method === "GET" || request.method === "HEAD") return await get(request);
      return refusalReply(refuse("request", `method ${request.method} is not served`));
    },
  };
}

async function collection(
  services: NodeServices,
  { request, what }: { request: ApiRequest; what: string },
): Promise<ApiReply> {
  switch (what) {
    case "head":
      return headRoute(services, request);
    case "blocks":
      return await blocksRoute(services, request);
    case "federation":
      return federationRoute(services, request);
    case "feeds":
      return await feedsRoute(services, request);
    case "status":
      return jsonReply(services.status());
    default:
      return notFound(request);
  }
}

async function pollRoute(services: NodeServices, { body }: ApiRequest): Promise<ApiReply> {
  const request = decodePollRequest(body);
  if (!request.ok) return refusalReply(request);
  const answer = await answerPoll(services, request.value);
  return answer.ok
    ? cborReply(answer.value, { headers: { "cache-control": "no-store" } })
    : refusalReply(answer);
}

/** 200 = synced, and enough members are connected to decide. */
function health(services: NodeServices): ApiReply {
  const { synced, quorum, peers, height } = services.status();
  const connected = peers.filter((peer) => peer.connected).length;
  const healthy = synced && connected >= quorum - 1;
  return jsonReply({ healthy, synced, height, connected, wanted: quorum - 1 }, {
    status: healthy ? 200 : 503,
  });
}

function notFound(request: ApiRequest): ApiReply {
  return { ...refusalReply(refuse("unknown", `nothing at ${request.path.slice(0, 200)}`)), type: MEDIA.json };
}
