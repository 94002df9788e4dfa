/**
 * Rows: every value carries a checksum bound to its key, so that a value that was damaged, cut or moved to another key
 * is found when it is read. It is no protection against somebody who writes the file on purpose; that is what the
 * state root and the certificates are for.
 *
 * Refused (`store-damaged`): a value whose checksum does not hold.
 *
 * @module
 */
import { type Bytes, concat, equal, toHex } from "../core/bytes.ts";
import { encodeCbor } from "../core/cbor.ts";
import { VnfchainError } from "../core/errors.ts";
import { type HashFunction, taggedHash } from "../core/hashing.ts";
import { messageOf } from "./kv.ts";
import type { RowKey } from "./layout.ts";

/** The largest value that Deno KV takes. */
const VALUE_BYTES = 65_536;
const CHECKSUM_BYTES = 8;
/** The most data that a row holds. */
export const ROW_BYTES: number = VALUE_BYTES - CHECKSUM_BYTES;

/** An open key-value store and the hash behind its checksums. */
export interface Rows {
  readonly kv: Deno.Kv;
  readonly hash: HashFunction;
}

/** A row that was read and holds. */
export interface Row {
  readonly key: RowKey;
  readonly data: Bytes;
}

/** One change to the store. */
export type Mutation =
  | { readonly kind: "set"; readonly key: RowKey; readonly value: Bytes }
  | { readonly kind: "delete"; readonly key: RowKey };

/** The mutation that writes `data` under its checksum. */
export function setRow(hash: HashFunction, key: RowKey, data: Uint8Array): Mutation {
  return { kind: "set", key, value: concat(checksum(hash, key, data), data) };
}

/** One row's data and versionstamp; null when there is no such row. */
export async function readRow(
  rows: Rows,
  key: RowKey,
): Promise<{ data: Bytes; versionstamp: string } | null> {
  const entry = await reading(() => rows.kv.get(key));
  if (entry.versionstamp === null) return null;
  return { data: unseal(rows, key, entry.value), versionstamp: entry.versionstamp };
}

/** Rows in the order of their keys, or backwards. */
export async function* scanRows(
  rows: Rows,
  selector: { prefix: RowKey } | { start: RowKey; end: RowKey },
  options: { reverse?: boolean; batchSize?: number } = {},
): AsyncGenerator<Row, void, undefined> {
  const iterator = rows.kv.list(selector, { reverse: false, ...options });
  for (;;) {
    const { done, value } = await reading(() => iterator.next());
    if (done) return;
    const key = value.key as RowKey;
    yield { key, data: unseal(rows, key, value.value) };
  }
}

/** Keys in their order; what they hold is not judged. */
export async function* scanKeys(
  rows: Rows,
  range: { start: RowKey; end: RowKey },
  options: { reverse?: boolean } = {},
): AsyncGenerator<RowKey, void, undefined> {
  const iterator = rows.kv.list(range, { reverse: false, ...options });
  for (;;) {
    const { done, value } = await reading(() => iterator.next());
    if (done) return;
    yield value.key as RowKey;
  }
}

/** The error for whatever in the store cannot be right. */
export function damaged(what: string): VnfchainError {
  return new VnfchainError(`Cannot read the store: ${what}`, {
    code: "store-damaged",
    hint:
      "Stop the node, delete the store (chain.kv*) but keep the vote journal, and start it again: it catches up from its peers",
  });
}

/** The name of a row in errors. */
export function nameOf(key: RowKey): string {
  return key.map((part) => part instanceof Uint8Array ? toHex(part) : String(part)).join("/");
}

function unseal({ hash }: Rows, key: RowKey, value: unknown): Bytes {
  if (!(value instanceof Uint8Array)) throw damaged(`${nameOf(key)} holds no bytes`);
  const data = value.subarray(CHECKSUM_BYTES) as Bytes;
  if (!equal(value.subarray(0, CHECKSUM_BYTES), checksum(hash, key, data))) {
    throw damaged(`${nameOf(key)} does not have the checksum written with it`);
  }
  return data;
}

function checksum(hash: HashFunction, key: RowKey, data: Uint8Array): Bytes {
  return taggedHash(hash, "vnfchain/stored-row/1", encodeCbor(key), data).slice(0, CHECKSUM_BYTES);
}

async function reading<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new VnfchainError(`Cannot read the store: ${messageOf(cause)}`, {
      code: "store-read",
      hint:
        "Check the disk or the connection to the KV server; a damaged file can be deleted, and the node catches up",
      cause,
    });
  }
}
