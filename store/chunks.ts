/**
 * Values of any length in rows of at most 64 KiB: under `[...key, 0]`, `[...key, 1]`, … Each chunk begins with one
 * byte that says whether it is the last; all but the last are full, so a slice is read without what stands before.
 *
 * Refused (`store-damaged`): a chunk missing before the last, and a slice beyond the end.
 *
 * @module
 */
import { type Bytes, concat } from "../core/bytes.ts";
import { assert } from "../core/errors.ts";
import type { HashFunction } from "../core/hashing.ts";
import type { RowKey } from "./layout.ts";
import { damaged, type Mutation, nameOf, type Row, ROW_BYTES, type Rows, scanRows, setRow } from "./rows.ts";

/** Bytes of the value in a full chunk. */
export const CHUNK_BYTES: number = ROW_BYTES - 1;

const MORE = Uint8Array.of(0);
const LAST = Uint8Array.of(1);

/** How many chunks a value of this length takes; an empty one takes one. */
export function chunkCount(length: number): number {
  return Math.max(1, Math.ceil(length / CHUNK_BYTES));
}

/** The mutations that write a value. The last chunk comes last: where it is, the others are. */
export function setChunks(hash: HashFunction, key: RowKey, value: Uint8Array): readonly Mutation[] {
  const count = chunkCount(value.length);
  return Array.from({ length: count }, (_, i) => {
    const part = value.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES);
    return setRow(hash, [...key, i], concat(i === count - 1 ? LAST : MORE, part));
  });
}

/** The mutations that delete a value of `count` chunks, from its end: half deleted it is a value that was cut. */
export function deleteChunks(key: RowKey, count: number): readonly Mutation[] {
  return Array.from({ length: count }, (_, i) => ({ kind: "delete", key: [...key, count - 1 - i] }));
}

/** A value; null when there is none. */
export async function readChunks(rows: Rows, key: RowKey): Promise<Bytes | null> {
  for await (const { value } of scanChunked(rows, { prefix: key })) {
    if (value === null) throw damaged(`${nameOf(key)} lacks its end`);
    return value;
  }
  return null;
}

/** Bytes `start` to `end` of a value, reading only the chunks that hold them. */
export async function readSlice(
  rows: Rows,
  key: RowKey,
  { start, end }: { start: number; end: number },
): Promise<Bytes> {
  assert(start <= end, `slice from ${start} to ${end}`);
  const first = Math.floor(start / CHUNK_BYTES);
  const parts: Bytes[] = [];
  const range = { start: [...key, first], end: [...key, Math.max(first + 1, Math.ceil(end / CHUNK_BYTES))] };
  for await (const { key: found, data } of scanRows(rows, range)) {
    if (found.at(-1) !== first + parts.length) break;
    parts.push(data.subarray(1) as Bytes);
  }
  const offset = start - first * CHUNK_BYTES;
  const slice = concat(...parts).slice(offset, offset + end - start);
  if (slice.length !== end - start) throw damaged(`${nameOf(key)} has no bytes ${start} to ${end}`);
  return slice;
}

/** A value found by {@link scanChunked}. */
export interface Chunked {
  /** Without the chunk's number. */
  readonly key: RowKey;
  /** Null when the last chunk is missing: the process stopped while it wrote them. */
  readonly value: Bytes | null;
  /** Rows that it takes. */
  readonly chunks: number;
}

/** Whole values in the order of their keys. */
export async function* scanChunked(
  rows: Rows,
  selector: { prefix: RowKey } | { start: RowKey; end: RowKey },
): AsyncGenerator<Chunked, void, undefined> {
  let open: Row[] = [];
  for await (const row of scanRows(rows, selector)) {
    if (open[0] !== undefined && !sameValue(open[0], row)) {
      yield { key: open[0].key.slice(0, -1), value: null, chunks: open.length };
      open = [];
    }
    if (row.key.at(-1) !== open.length) throw damaged(`${nameOf(row.key)} lacks a chunk before it`);
    open.push(row);
    if (row.data[0] === LAST[0]) {
      yield {
        key: row.key.slice(0, -1),
        value: concat(...open.map(({ data }) => data.subarray(1))),
        chunks: open.length,
      };
      open = [];
    }
  }
  if (open[0] !== undefined) yield { key: open[0].key.slice(0, -1), value: null, chunks: open.length };
}

function sameValue(a: Row, b: Row): boolean {
  return nameOf(a.key.slice(0, -1)) === nameOf(b.key.slice(0, -1));
}
