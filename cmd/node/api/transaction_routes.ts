/**
 * Routes about transactions: sending one, waiting for its commit, asking what became of it, its receipt.
 *
 * @module
 */
import { asTxId, type TxId } from "../../../core/brands.ts";
import { fromHex, toHex } from "../../../core/bytes.ts";
import { accept, refuse, type Verdict } from "../../../core/errors.ts";
import { LIMITS } from "../../../core/limits.ts";
import type { NodeServices, TransactionStatus } from "../services.ts";
import { IMMUTABLE, NO_STORE } from "./caching.ts";
import { type ApiReply, type ApiRequest, cborReply, jsonReply, refusalReply, wantsCbor } from "./exchange.ts";
import type { Receipts } from "./receipts.ts";

/** What these routes work with. */
export interface TransactionRouteOptions {
  readonly services: NodeServices;
  readonly receipts: Receipts;
}

/** `POST /v1/transactions[?wait=commit]`. */
export function submitRoute(options: TransactionRouteOptions): (request: ApiRequest) => Promise<ApiReply> {
  const { services } = options;
  /** Requests that wait now; bounded, so that waiting clients cannot take all connections. */
  let waiting = 0;
  return async (request) => {
    const wait = request.query.get("wait");
    if (wait !== null && wait !== "commit") return refusalReply(refuse("request", "wait is not commit"));
    if (wait === null) {
      const submitted = await services.submit(request.body);
      return submitted.ok
        ? jsonReply({ id: toHex(submitted.value) }, { status: 202 })
        : refusalReply(submitted);
    }
    if (waiting >= LIMITS.waitingRequests) {
      return refusalReply(refuse("busy", "too many clients wait for a commit"));
    }
    waiting++;
    try {
      return await submitAndWait(options, request);
    } finally {
      waiting--;
    }
  };
}

async function submitAndWait(
  { services, receipts }: TransactionRouteOptions,
  request: ApiRequest,
): Promise<ApiReply> {
  const submitted = await services.submit(request.body);
  if (!submitted.ok) return refusalReply(submitted);
  const id = toHex(submitted.value);
  const outcome = await settle(services, { id: submitted.value, signal: request.signal });
  switch (outcome.status) {
    case "committed": {
      if (!wantsCbor(request)) return jsonReply({ id, ...outcome.position });
      const receipt = await receipts(outcome.position);
      return receipt.ok ? cborReply(receipt.value, { headers: NO_STORE }) : refusalReply(receipt);
    }
    case "refused":
      return refusalReply(refuse(outcome.code, `transaction ${id} left the pool`));
    case "pending":
    case "unknown":
      return refusalReply(refuse("timeout", `transaction ${id} is in the pool but not yet committed`));
  }
}

/** Waits until the transaction is settled, the time is up or the client goes away. */
async function settle(
  services: NodeServices,
  { id, signal }: { id: TxId; signal: AbortSignal },
): Promise<TransactionStatus> {
  const end = new AbortController();
  const onEnd = () => end.abort();
  const timer = setTimeout(onEnd, LIMITS.waitCommitMs);
  signal.addEventListener("abort", onEnd, { once: true });
  if (signal.aborted) onEnd();
  try {
    return await services.settled(id, end.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onEnd);
  }
}

/** `GET /v1/transactions/ID`. */
export async function transactionRoute(
  services: NodeServices,
  { request, id }: { request: ApiRequest; id: string },
): Promise<ApiReply> {
  const txId = idFrom(id);
  if (!txId.ok) return refusalReply(txId);
  const name = toHex(txId.value);
  const outcome = await services.transactionStatus(txId.value);
  if (outcome.status !== "committed") {
    const known = outcome.status === "unknown" ? { status: 404 } : {};
    return wantsCbor(request)
      ? refusalReply(refuse("unknown", `transaction ${name} is not on the chain`))
      : jsonReply({ id: name, ...outcome }, known);
  }
  const { position } = outcome;
  const bytes = await services.chain.transactionAt(position);
  if (bytes === null) return refusalReply(refuse("unknown", `transaction ${name} is not stored here`));
  if (wantsCbor(request)) return cborReply(bytes, { headers: IMMUTABLE });
  return jsonReply({ id: name, status: "committed", ...position, bytes: bytes.length });
}

/** `GET /v1/transactions/ID/receipt`. */
export async function receiptRoute(
  { services, receipts }: TransactionRouteOptions,
  id: string,
): Promise<ApiReply> {
  const txId = idFrom(id);
  if (!txId.ok) return refusalReply(txId);
  const outcome = await services.transactionStatus(txId.value);
  if (outcome.status !== "committed") {
    return refusalReply(refuse("unknown", `transaction ${toHex(txId.value)} is not on the chain`));
  }
  const receipt = await receipts(outcome.position);
  return receipt.ok ? cborReply(receipt.value, { headers: IMMUTABLE }) : refusalReply(receipt);
}

function idFrom(text: string): Verdict<TxId> {
  const bytes = fromHex(text);
  return bytes?.length === 32
    ? accept(asTxId(bytes))
    : refuse("request", "a transaction id has 64 hexadecimal digits");
}
