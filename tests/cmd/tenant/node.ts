/**
 * Nodes for tests: the real client API over a chain in memory, with a fault put before it where a test wants one.
 *
 * @module
 */
import { refuse } from "../../../core/errors.ts";
import { LIMITS } from "../../../core/limits.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import { makeAdmission } from "../../../cmd/node/admission.ts";
import { hashToken } from "../../../cmd/node/config.ts";
import { type ApiReply, type ApiRequest, cborReply, refusalReply } from "../../../cmd/node/api/exchange.ts";
import type { ReadLimits } from "../../../cmd/node/api/history_routes.ts";
import { makeRoutes } from "../../../cmd/node/api/routes.ts";
import { openApiServer } from "../../../cmd/node/api/server.ts";
import type { NodeServices } from "../../../cmd/node/services.ts";
import type { TestChain } from "./chain.ts";

/** A node that listens. */
export interface TestNode extends AsyncDisposable {
  readonly url: string;
  /** Paths asked for, oldest first. */
  readonly asked: readonly string[];
}

/** Answers a request in the node's place; nothing to let the node answer. */
export type Fault = (request: ApiRequest, honest: () => Promise<ApiReply>) => Promise<ApiReply> | undefined;

/** Starts a node on a free port. */
export async function startNode(
  chain: TestChain,
  { fault, tokens = null, limits = LIMITS }: {
    fault?: Fault;
    tokens?: ReadonlyMap<string, string> | null;
    limits?: ReadLimits;
  } = {},
): Promise<TestNode> {
  const routes = makeRoutes(servicesOf(chain), {
    admission: makeAdmission({ tokens, ratePerSecond: 1e6, burst: 1e6 }, { hashToken }),
    metrics: () => Promise.resolve({ type: "text/plain", text: "" }),
    onRefused: () => {},
    nowMs: Date.now,
    limits,
  });
  const asked: string[] = [];
  const errors: unknown[] = [];
  const server = await openApiServer({
    ...routes,
    handle: (request) => {
      asked.push(request.path);
      const honest = () => routes.handle(request);
      return fault?.(request, honest) ?? honest();
    },
  }, {
    address: { host: "127.0.0.1", port: 0 },
    onError: (error) => {
      if (error !== DROPPED) errors.push(error);
    },
  });
  return {
    url: `http://127.0.0.1:${server.address.port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      if (errors.length > 0) throw errors[0];
    },
  };
}

function servicesOf(chain: TestChain): NodeServices {
  const status = async (id: Parameters<NodeServices["transactionStatus"]>[0]) => {
    const position = await chain.reader.positionOf(id);
    return position === null ? { status: "unknown" } as const : { status: "committed", position } as const;
  };
  return {
    chain: chain.reader,
    federation: chain.federation,
    crypto: platformCrypto,
    submit: (bytes) => chain.commit(bytes),
    transactionStatus: status,
    settled: status,
    // Tenants do not ask a node for its view of itself.
    status: () => {
      throw new Error("not served here");
    },
  };
}

const DROPPED = new Error("the connection is cut");

/** Does what is asked and cuts the connection instead of answering. */
export function dropping(): Fault {
  return async (_request, honest) => {
    await honest();
    throw DROPPED;
  };
}

/** Never answers. */
export function hanging(): Fault {
  return (request) =>
    new Promise((_resolve, reject) => {
      request.signal.addEventListener("abort", () => reject(DROPPED));
    });
}

/** Refuses everything in a node's place, with a stable code. */
export function refusing(code: Parameters<typeof refuse>[0]): Fault {
  return () => Promise.resolve(refusalReply(refuse(code, "as the test wants it")));
}

/** Flips one byte of each CBOR answer, in its last part, where certificates, paths and transactions are. */
export function lying(): Fault {
  return async (_request, honest) => {
    const reply = await honest();
    if (!reply.type.includes("cbor")) return reply;
    const body = reply.body.slice();
    const place = Math.floor(body.length * 0.9);
    body[place] = (body[place] as number) ^ 1;
    return cborReply(body);
  };
}
