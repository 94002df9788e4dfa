/**
 * Routes about transactions: sending one, waiting for its commit, asking what became of it, its receipt.
 *
 * @module
 */
import { asTxId, type TxId } from "../../../core/brands.ts";
import { type Bytes, fromHex, toHex } from "../../../core/bytes.ts";
import { readTransaction } from "../../../core/transaction_rules.ts";
import { accept, refuse, type Verdict } from "../../../core/errors.ts";
import { LIMITS } from "../../../core/limits.ts";
import { inclusionPath } from "../../../core/merkle.ts";
import type { Position } from "../../../core/ports.ts";
import { encodeReceipt } from "../../../core/receipt.ts";
import type { NodeServices } from "../services.ts";
import { type ApiReply, type ApiRequest, cborReply, jsonReply, refusalReply, wantsCbor } from "./exchange.ts";

/** Requests that wait for a commit now; bounded, so that waiting clients cannot take all connections. */
interface Waiting {
  count: number;
}

/** `POST /v1/transactions[?wait=commit]`. */
export function submitRoute(services: NodeServices): (request: ApiRequest) => Promise<ApiReply> {
  const waiting: Waiting = { count: 0 };
  return async (request) => {
    const wait = request.query.get("wait");
    if (wait !== null && wait !== "commit") return refusalReply(refuse("request", "wait is not commit"));
    if (wait !== null && waiting.count >= LIMITS.waitingRequests) {
      return refusalReply(refuse("busy", "too many clients wait for a commit"));
    }
    const submitted = await services.submit(request.body);
    if (!submitted.ok) return refusalReply(submitted);
    if (wait === null) return jsonReply({ id: toHex(submitted.value) }, { status: 202 });
    waiting.count++;
    try {
      return await waitForCommit(services, { id: submitted.value, request });
    } finally {
      waiting.count--;
    }
  };
}

async function waitForCommit(
  services: NodeServices,
  { id, request }: { id: TxId; request: ApiRequest },
): Promise<ApiReply> {
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(LIMITS.waitCommitMs)]);
  const outcome = await services.settled(id, signal);
  switch (outcome.status) {
    case "committed":
      return await receiptReply(services, { id, position: outcome.position, asCbor: wantsCbor(request) });
    case "refused":
      return refusalReply(refuse(outcome.code, `transaction ${toHex(id)} left the pool`));
    case "pending":
    case "unknown":
      return refusalReply(refuse("timeout", `transaction ${toHex(id)} is in the pool but not yet committed`));
  }
}

/** `GET /v1/transactions/ID`. */
export async function transactionRoute(
  services: NodeServices,
  { request, id }: { request: ApiRequest; id: string },
): Promise<ApiReply> {
  const txId = idFrom(id);
  if (!txId.ok) return refusalReply(txId);
  const outcome = await services.transactionStatus(txId.value);
  if (outcome.status !== "committed") {
    const known = outcome.status === "unknown" ? { status: 404 } : {};
    return wantsCbor(request)
      ? refusalReply(refuse("unknown", `transaction ${id} is not on the chain`))
      : jsonReply({ id, ...outcome }, known);
  }
  const { position } = outcome;
  const bytes = await services.chain.transactionAt(position);
  if (bytes === null) return refusalReply(refuse("unknown", `transaction ${id} is not stored here`));
  if (wantsCbor(request)) return cborReply(bytes, { headers: IMMUTABLE });
  return jsonReply({ id, status: "committed", ...position, bytes: bytes.length });
}

/** What is on the chain never changes: caches may keep it. */
const IMMUTABLE = { "cache-control": "public, max-age=31536000, immutable" };

/** `GET /v1/transactions/ID/receipt`. */
export async function receiptRoute(services: NodeServices, id: string): Promise<ApiReply> {
  const txId = idFrom(id);
  if (!txId.ok) return refusalReply(txId);
  const outcome = await services.transactionStatus(txId.value);
  if (outcome.status !== "committed") {
    return refusalReply(refuse("unknown", `transaction ${id} is not on the chain`));
  }
  return await receiptReply(services, { id: txId.value, position: outcome.position, asCbor: true });
}

async function receiptReply(
  services: NodeServices,
  { id, position, asCbor }: { id: TxId; position: Position; asCbor: boolean },
): Promise<ApiReply> {
  if (!asCbor) return jsonReply({ id: toHex(id), ...position });
  const receipt = await makeReceipt(services, position);
  return receipt.ok ? cborReply(receipt.value, { headers: IMMUTABLE }) : refusalReply(receipt);
}

/** Builds the receipt of the transaction at a position. */
async function makeReceipt(services: NodeServices, { height, index }: Position): Promise<Verdict<Bytes>> {
  const block = await services.chain.block(height);
  const transaction = block?.transactions[index];
  if (block === null || transaction === undefined) {
    return refuse("unknown", `block ${height} is not stored here`);
  }
  const { federation, crypto: { hash } } = services;
  const ids = idsOf(services, block.transactions);
  const path = inclusionPath(hash, ids, index);
  const { header, certificate } = block;
  return accept(encodeReceipt({ header, certificate, transaction, index, path }, federation));
}

function idsOf(
  { federation: { genesisId }, crypto: { hash } }: NodeServices,
  transactions: readonly Bytes[],
): TxId[] {
  return transactions.flatMap((bytes) => {
    const read = readTransaction(bytes, { genesisId, hash });
    return read.ok ? [read.value.transaction.id] : [];
  });
}

function idFrom(text: string): Verdict<TxId> {
  const bytes = fromHex(text);
  return bytes?.length === 32
    ? accept(asTxId(bytes))
    : refuse("request", "a transaction id has 64 hexadecimal digits");
}
