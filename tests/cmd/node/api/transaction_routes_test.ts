import { deepEqual, equal } from "node:assert/strict";
import type { ApiReply, ApiRequest } from "../../../../cmd/node/api/exchange.ts";
import { submitRoute } from "../../../../cmd/node/api/transaction_routes.ts";
import type { NodeServices, TransactionStatus } from "../../../../cmd/node/services.ts";
import { asHeight, asTxId } from "../../../../core/brands.ts";
import { accept, refuse } from "../../../../core/errors.ts";
import { LIMITS } from "../../../../core/limits.ts";

const ID = asTxId(new Uint8Array(32));

/** The route over a node that takes everything, and that settles nothing before it is told to. */
function waitingRoute(options: Partial<NodeServices> = {}) {
  let settle: (outcome: TransactionStatus) => void = () => {};
  const settling = new Promise<TransactionStatus>((resolve) => settle = resolve);
  const services = {
    submit: () => Promise.resolve(accept(ID)),
    settled: (_id: unknown, signal: AbortSignal) => {
      const gone = new Promise<TransactionStatus>((resolve) => {
        signal.addEventListener("abort", () => resolve({ status: "pending" }));
      });
      return Promise.race([settling, gone]);
    },
    ...options,
  } as Partial<NodeServices> as NodeServices;
  const receipts = () => Promise.resolve(accept(Uint8Array.of(1)));
  return { route: submitRoute({ services, receipts }), settle };
}

function request(
  { signal = new AbortController().signal, accept = "application/cbor", wait = "?wait=commit" } = {},
): ApiRequest {
  return {
    method: "POST",
    path: "/v1/transactions",
    query: new URLSearchParams(wait),
    headers: new Map([["accept", accept]]),
    body: new Uint8Array(),
    remote: "192.0.2.1",
    signal,
  };
}

function json({ body }: ApiReply): unknown {
  return JSON.parse(new TextDecoder().decode(body));
}

Deno.test("submitRoute() lets a bounded number wait, and frees a client's place when it goes away", async () => {
  const { route, settle } = waitingRoute();
  const first = new AbortController();
  const gone = route(request({ signal: first.signal }));
  const staying = Array.from({ length: LIMITS.waitingRequests - 1 }, () => route(request()));
  const beyond = await route(request());
  deepEqual([beyond.status, beyond.refused], [503, "busy"]);
  equal((await route(request({ wait: "" }))).status, 202, "those that do not wait are taken");
  first.abort();
  await gone;
  const next = route(request());
  settle({ status: "committed", position: { height: asHeight(3), index: 1 } });
  for (const reply of await Promise.all([...staying, next])) equal(reply.status, 200);
});

Deno.test("submitRoute() frees the place of a client whose transaction is refused", async () => {
  const { route } = waitingRoute({ submit: () => Promise.resolve(refuse("duplicate", "known")) });
  for (let i = 0; i <= LIMITS.waitingRequests; i++) equal((await route(request())).refused, "duplicate");
});

Deno.test("submitRoute() answers a commit with the receipt, or with the position for people", async () => {
  const committed: TransactionStatus = { status: "committed", position: { height: asHeight(3), index: 1 } };
  const { route } = waitingRoute({ settled: () => Promise.resolve(committed) });
  deepEqual([...(await route(request())).body], [1]);
  deepEqual(json(await route(request({ accept: "*/*" }))), { id: "00".repeat(32), height: 3, index: 1 });
});

Deno.test("submitRoute() answers with the code of a transaction that left the pool", async () => {
  const left: TransactionStatus = { status: "refused", code: "vid-order" };
  const { route } = waitingRoute({ settled: () => Promise.resolve(left) });
  const { status, refused } = await route(request());
  deepEqual([status, refused], [400, "vid-order"]);
});

Deno.test("submitRoute() says timeout when a transaction is still in the pool", async () => {
  const { route } = waitingRoute({ settled: () => Promise.resolve({ status: "pending" }) });
  const { status, refused } = await route(request());
  deepEqual([status, refused], [504, "timeout"]);
});
