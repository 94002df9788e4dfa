/**
 * What to do with the transactions that a poll brought, as a pure function. Of the paper's five checks (§III-A) the
 * addressee (i), the sender (ii) and the nonce (iv) are judged here; the signature (iii) was verified with the answer,
 * the referenced configurations (v) are judged in resolve.ts.
 *
 * Exactly one configuration is in force: the last valid one over all trusted feeds in certified order. So the newest
 * is tried first; only when it is refused comes the one before. The outcome is the same as if the VNF had taken each
 * in its turn, but one that was off for a month applies once. Requests are all answered, oldest first.
 *
 * @module
 */
import type { PublicKey, TxId } from "../../core/brands.ts";
import { type Bytes, equal, toHex } from "../../core/bytes.ts";
import { type Refusal, refuse } from "../../core/errors.ts";
import type { PlacedTransaction } from "../../core/light_client.ts";
import { LIMITS } from "../../core/limits.ts";
import {
  type ConfigurationPayload,
  type RequestPayload,
  type Transaction,
  TYPE,
} from "../../core/transaction.ts";
import { type AgentState, comparePositions, type Position } from "./state.ts";

/** A transaction of a known type at its certified place. */
export interface Placed<P> {
  readonly position: Position;
  readonly transaction: Transaction & { readonly payload: P };
}

/** A transaction that was refused; without its bytes, because there may be thousands. */
export interface RefusedTransaction {
  readonly position: Position;
  readonly id: TxId;
  readonly refusal: Refusal;
}

/** A version of a configuration by name. */
export type Version = Pick<ConfigurationPayload, "cid" | "vid">;

/** What the transactions at hand come to. */
export interface Selection {
  /** Configurations that may come into force, newest first; at most {@link LIMITS.agentCandidates}. */
  readonly candidates: readonly Placed<ConfigurationPayload>[];
  /** Configurations that were superseded before they were looked at; only the names of some of the last are kept. */
  readonly superseded: readonly Version[];
  /** How many more were superseded. */
  readonly unnamed: number;
  /** Requests to be answered, in certified order; at most {@link LIMITS.agentRequests}. */
  readonly requests: readonly Placed<RequestPayload>[];
  readonly refused: readonly RefusedTransaction[];
  /** The nonce of each sender's last transaction, by the key's hexadecimal digits. */
  readonly nonces: ReadonlyMap<string, Bytes>;
  /** The newest position that was looked at; null before the first transaction. */
  readonly position: Position | null;
}

/** Against what transactions are judged. */
export interface SelectionContext {
  readonly self: PublicKey;
  readonly tenants: readonly PublicKey[];
  /** As it was before the poll. */
  readonly state: Pick<AgentState, "position" | "inForce" | "feeds">;
}

/** Nothing selected yet. */
export function openSelection({ state }: Pick<SelectionContext, "state">): Selection {
  const nonces = new Map<string, Bytes>();
  for (const { sender, lastNonce } of state.feeds) {
    if (lastNonce !== null) nonces.set(toHex(sender), lastNonce);
  }
  const { position } = state;
  return { candidates: [], superseded: [], unnamed: 0, requests: [], refused: [], nonces, position };
}

/** The selection with more transactions, in any order; those of one sender in certified order. */
export function selectMore(
  selection: Selection,
  news: readonly PlacedTransaction[],
  context: SelectionContext,
): Selection {
  const nonces = new Map(selection.nonces);
  const refused = [...selection.refused];
  const candidates = [...selection.candidates];
  const requests = [...selection.requests];
  let { position } = selection;
  for (const { height, index, transaction } of news) {
    const at: Position = { height, index };
    const { payload } = transaction;
    const refusal = judge(transaction, { at, context, lastNonce: nonces.get(toHex(payload.sender)) });
    nonces.set(toHex(payload.sender), payload.nonce);
    if (position === null || comparePositions(at, position) > 0) position = at;
    if (refusal !== undefined) refused.push({ position: at, id: transaction.id, refusal });
    else if (payload.type === TYPE.request) {
      requests.push({ position: at, transaction: { ...transaction, payload } });
    } else if (payload.type === TYPE.configuration) {
      candidates.push({ position: at, transaction: { ...transaction, payload } });
    }
  }
  candidates.sort((a, b) => comparePositions(b.position, a.position));
  requests.sort((a, b) => comparePositions(a.position, b.position));
  const kept = candidates.slice(0, LIMITS.agentCandidates);
  const passed = [...selection.superseded, ...candidates.slice(LIMITS.agentCandidates).map(versionOf)];
  const superseded = passed.slice(-LIMITS.agentSuperseded);
  const unnamed = selection.unnamed + passed.length - superseded.length;
  // The later ones would find no room either where requests are remembered.
  const remembered = requests.slice(0, LIMITS.agentRequests);
  return { candidates: kept, superseded, unnamed, requests: remembered, refused, nonces, position };
}

/** The name alone, so that it does not hold the payload in memory. */
export function versionOf({ transaction: { payload: { cid, vid } } }: Placed<ConfigurationPayload>): Version {
  return { cid, vid };
}

function judge(
  { payload, id }: Transaction,
  { at, context, lastNonce }: { at: Position; context: SelectionContext; lastNonce: Bytes | undefined },
): Refusal | undefined {
  const { self, tenants, state } = context;
  const { inForce } = state;
  // A change of the federation has no recipient: it is nobody's configuration.
  if (payload.type === TYPE.federation || payload.recipient === null || !equal(payload.recipient, self)) {
    return refuse("recipient", "the transaction is not addressed to this VNF");
  }
  if (!tenants.some((key) => equal(key, payload.sender))) {
    return refuse("sender-unknown", "the sender is no tenant of this VNF");
  }
  if (state.position !== null && comparePositions(at, state.position) <= 0) {
    return refuse("position", `at height ${at.height}, up to ${state.position.height} was processed before`);
  }
  if (lastNonce !== undefined && equal(lastNonce, payload.nonce)) {
    return refuse("duplicate", "the nonce is that of the sender's last transaction");
  }
  if (payload.type === TYPE.request) return undefined;
  if (payload.body.inReplyTo !== null) {
    return refuse("answer-unasked", "the configuration says that it answers a request; this VNF sends none");
  }
  const sameCid = inForce !== null && equal(inForce.cid, payload.cid);
  if (sameCid && payload.vid <= inForce.vid && !equal(inForce.transaction, id)) {
    return refuse("vid-order", `VID is ${payload.vid}, and ${inForce.vid} is in force`);
  }
  return undefined;
}
