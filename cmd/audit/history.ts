/**
 * The history of some keys: every transaction of which one is sender or recipient, with what it says, decrypted where
 * one of the keys opens it. Only transactions of replayed blocks come here, so who, when and in which order is proved.
 *
 * @module
 */
import type { PublicKey } from "../../core/brands.ts";
import { equal, toBase64, toHex } from "../../core/bytes.ts";
import type { ReplayedBlock } from "../../core/chain_replay.ts";
import { VnfchainError } from "../../core/errors.ts";
import { publicKeyToText } from "../../core/keys.ts";
import { type AgreementKey, agreementKeyFromSeed } from "../../core/platform/agreement.ts";
import { openConfiguration } from "../../core/platform/configuration.ts";
import type { PrivateKey } from "../../core/platform/private_key.ts";
import {
  COMPRESSION,
  type ConfigurationPayload,
  ENCRYPTION,
  envelopeContext,
  type Payload,
  type Reference,
  type Transaction,
  TYPE,
} from "../../core/transaction.ts";
import { timeText } from "../common/time_text.ts";

/** A configuration's content. A type, as the next one: both are printed as JSON as they stand. */
export type HistoryContent = {
  /** One of the content types, or a later version's. */
  readonly type: string;
  readonly name: string | null;
  /** In bytes. */
  readonly length: number;
  /** Hexadecimal. */
  readonly sha256: string;
  /** The content, when it is UTF-8 without NUL. */
  readonly text?: string;
  /** The content otherwise. */
  readonly base64?: string;
};

/** One transaction in the history. Keys are `vc1…`, ids hexadecimal, times ISO 8601. */
export type HistoryEntry = {
  readonly height: number;
  /** Index in the block. */
  readonly index: number;
  readonly transaction: string;
  readonly type: keyof typeof TYPE;
  readonly cid: string;
  readonly vid: number;
  readonly sender: string;
  readonly recipient: string | null;
  /** The block's time, which a quorum certified. */
  readonly time: string;
  /** When the sender says that it made the transaction. */
  readonly timestamp: string;
  readonly description: string;
  readonly compression: keyof typeof COMPRESSION;
  readonly encryption: keyof typeof ENCRYPTION;
  /** CID, or CID@VID. */
  readonly applyBefore?: readonly string[];
  /** CID, or CID@VID. */
  readonly applyAfter?: readonly string[];
  /** The request that a configuration answers. */
  readonly inReplyTo?: string;
  /** Whom a request wants the answer sent to. */
  readonly replyTo?: string;
  readonly content?: HistoryContent;
  /** Why a configuration could not be opened: a refusal's code, or that of what is missing here. */
  readonly unopened?: { readonly code: string; readonly detail: string };
};

/** Gives a block's part of the history of `keys`. */
export function makeHistory(
  keys: readonly PrivateKey[],
): (block: ReplayedBlock) => AsyncGenerator<HistoryEntry, void, void> {
  const agreementKeys = keys.map((key) => agreementKeyFromSeed(key.agreementSeed()));
  const isOurs = (key: PublicKey | null) =>
    key !== null && keys.some(({ publicKey }) => equal(publicKey, key));

  return async function* (block) {
    for (const [index, transaction] of block.transactions.entries()) {
      const { payload } = transaction;
      if (!isOurs(payload.sender) && !isOurs(payload.recipient)) continue;
      const entry = describe(transaction, { block, index });
      if (payload.type === TYPE.configuration) {
        yield { ...entry, ...describeBody(payload), ...await openContent(payload, agreementKeys) };
      } else if (payload.type === TYPE.request) {
        yield { ...entry, replyTo: publicKeyToText(payload.body.replyTo) };
      } else yield entry;
    }
  };
}

function describe(
  { id, payload }: Transaction,
  { block, index }: { block: ReplayedBlock; index: number },
): HistoryEntry {
  const { recipient, description, vid } = payload;
  return {
    height: block.header.height,
    index,
    transaction: toHex(id),
    type: nameOf(TYPE, payload.type),
    cid: toHex(payload.cid),
    vid,
    sender: publicKeyToText(payload.sender),
    recipient: recipient === null ? null : publicKeyToText(recipient),
    time: timeText(block.header.time),
    timestamp: timeText(payload.timestamp),
    description,
    ...labelsOf(payload),
  };
}

function labelsOf({ compression, encryption }: Payload): Pick<HistoryEntry, "compression" | "encryption"> {
  return { compression: nameOf(COMPRESSION, compression), encryption: nameOf(ENCRYPTION, encryption) };
}

function nameOf<T extends Readonly<Record<string, number>>>(names: T, value: T[keyof T]): keyof T {
  return Object.keys(names).find((name) => names[name] === value) as keyof T;
}

function describeBody({ body }: ConfigurationPayload): Partial<HistoryEntry> {
  const { applyBefore, applyAfter, inReplyTo } = body;
  return {
    ...(applyBefore.length === 0 ? {} : { applyBefore: applyBefore.map(referenceText) }),
    ...(applyAfter.length === 0 ? {} : { applyAfter: applyAfter.map(referenceText) }),
    ...(inReplyTo === null ? {} : { inReplyTo: toHex(inReplyTo) }),
  };
}

function referenceText({ cid, vid }: Reference): string {
  return vid === null ? toHex(cid) : `${toHex(cid)}@${vid}`;
}

async function openContent(
  payload: ConfigurationPayload,
  keys: readonly AgreementKey[],
): Promise<Pick<HistoryEntry, "content"> | Pick<HistoryEntry, "unopened">> {
  const { compression, encryption, body } = payload;
  const opening = { compression, encryption, context: envelopeContext(payload), keys };
  const opened = await openConfiguration(body.configuration, opening).catch(unableHere);
  if (!opened.ok) return { unopened: { code: opened.code, detail: opened.detail } };
  const { content: { type, name, length, sha256 }, bytes } = opened.value;
  return { content: { type, name, length, sha256: toHex(sha256), ...shown(bytes) } };
}

/** A runtime without zstd cannot show everything, but what it proves is no less proved. */
function unableHere(error: unknown): { ok: false; code: string; detail: string } {
  if (error instanceof VnfchainError) return { ok: false, code: error.code, detail: error.message };
  throw error;
}

/** Strict, and without dropping a byte order mark: so that the text is exactly the bytes. */
const utf8Strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function shown(bytes: Uint8Array): Pick<HistoryContent, "text"> | Pick<HistoryContent, "base64"> {
  try {
    if (!bytes.includes(0)) return { text: utf8Strict.decode(bytes) };
  } catch {
    // Not UTF-8.
  }
  return { base64: toBase64(bytes) };
}
