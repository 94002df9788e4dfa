/**
 * Reading what is on the chain: a configuration opened with the tenant's own key, and a transaction described for
 * people and for `--json`.
 *
 * @module
 */
import { toHex } from "../../core/bytes.ts";
import type { Verdict } from "../../core/errors.ts";
import { publicKeyToText } from "../../core/keys.ts";
import type { PlacedTransaction } from "../../core/light_client.ts";
import { agreementKeyFromSeed } from "../../core/platform/agreement.ts";
import { openConfiguration, type OpenedConfiguration } from "../../core/platform/configuration.ts";
import {
  COMPRESSION,
  type ConfigurationPayload,
  ENCRYPTION,
  envelopeContext,
  type Payload,
  TYPE,
} from "../../core/transaction.ts";
import { referenceToText } from "./arguments.ts";
import type { TenantContext } from "./context.ts";

/** Opens a verified configuration with the tenant's key; refuses as {@link openConfiguration} does. */
export async function openOwn(
  { key }: TenantContext,
  payload: ConfigurationPayload,
): Promise<Verdict<OpenedConfiguration>> {
  return await openConfiguration(payload.body.configuration, {
    compression: payload.compression,
    encryption: payload.encryption,
    context: envelopeContext(payload),
    keys: [agreementKeyFromSeed(key.agreementSeed())],
  });
}

/** What a transaction is to people. */
export type Kind = "configuration" | "template" | "answer" | "request" | "federation";

/** Tells the kinds apart. */
export function kindOf(payload: Payload): Kind {
  if (payload.type === TYPE.request) return "request";
  if (payload.type === TYPE.federation) return "federation";
  if (payload.recipient === null) return "template";
  return payload.body.inReplyTo === null ? "configuration" : "answer";
}

/** One row of a listing; keys as `vc1…`, hashes in hexadecimal, the time as the sender states it, ISO 8601. */
export interface Row {
  readonly height: number;
  readonly index: number;
  readonly time: string;
  readonly type: Kind;
  readonly cid: string;
  readonly vid: number;
  readonly recipient: string | null;
  readonly description: string;
  readonly transaction: string;
}

/** Describes a transaction at its certified place. */
export function rowOf({ height, index, transaction: { id, payload } }: PlacedTransaction): Row {
  return {
    height,
    index,
    time: timeToText(payload.timestamp),
    type: kindOf(payload),
    cid: toHex(payload.cid),
    vid: payload.vid,
    recipient: payload.recipient === null ? null : publicKeyToText(payload.recipient),
    description: payload.description,
    transaction: toHex(id),
  };
}

/** A row and whatever else a transaction's header says. */
export interface Details extends Row {
  readonly sender: string;
  readonly compression: keyof typeof COMPRESSION;
  readonly encryption: keyof typeof ENCRYPTION;
  /** `CID@VID`, or the CID for the latest version. */
  readonly applyBefore: readonly string[];
  readonly applyAfter: readonly string[];
  /** The request that an answer is to. */
  readonly inReplyTo: string | null;
  /** Whom a request wants to be answered. */
  readonly replyTo: string | null;
}

/** Describes a transaction in full, but for its content. */
export function detailsOf(placed: PlacedTransaction): Details {
  const { payload } = placed.transaction;
  const body = payload.type === TYPE.configuration ? payload.body : null;
  return {
    ...rowOf(placed),
    sender: publicKeyToText(payload.sender),
    compression: nameOf(COMPRESSION, payload.compression),
    encryption: nameOf(ENCRYPTION, payload.encryption),
    applyBefore: body?.applyBefore.map(referenceToText) ?? [],
    applyAfter: body?.applyAfter.map(referenceToText) ?? [],
    inReplyTo: body === null || body.inReplyTo === null ? null : toHex(body.inReplyTo),
    replyTo: payload.type === TYPE.request ? publicKeyToText(payload.body.replyTo) : null,
  };
}

/** ISO 8601; the number itself for what no calendar has. */
export function timeToText(timestampMs: number): string {
  const date = new Date(timestampMs);
  return Number.isNaN(date.getTime()) ? String(timestampMs) : date.toISOString();
}

/** The name that a table gives to a number of its own. */
function nameOf<T extends Readonly<Record<string, number>>>(names: T, value: T[keyof T]): keyof T {
  return (Object.keys(names) as (keyof T)[]).find((name) => names[name] === value) as keyof T;
}
