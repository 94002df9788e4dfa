/**
 * The two rows that say how far the store is: the tip, and the checkpoint up to which the pages hold the state.
 *
 * @module
 */
import { u64be } from "../core/bytes.ts";
import type { HashFunction } from "../core/hashing.ts";
import { CHECKPOINT_KEY, type RowKey, TIP_KEY } from "./layout.ts";
import { damaged, type Mutation, nameOf, readRow, type Rows, setRow } from "./rows.ts";

/** Moves the tip: every block up to this height is there. */
export function setTip(hash: HashFunction, height: number): Mutation {
  return setRow(hash, TIP_KEY, u64be(height));
}

/** Moves the checkpoint: the pages hold the state up to this height. */
export function setCheckpoint(hash: HashFunction, height: number): Mutation {
  return setRow(hash, CHECKPOINT_KEY, u64be(height));
}

/** A height that a row holds, 0 when there is no row, and the versionstamp of its last write. */
export interface StoredHeight {
  readonly height: number;
  readonly versionstamp: string | null;
}

/** The tip; 0 before the first block. */
export async function readTip(rows: Rows): Promise<StoredHeight> {
  return await readHeight(rows, TIP_KEY);
}

/** The checkpoint; 0 before the first. */
export async function readCheckpoint(rows: Rows): Promise<StoredHeight> {
  return await readHeight(rows, CHECKPOINT_KEY);
}

async function readHeight(rows: Rows, key: RowKey): Promise<StoredHeight> {
  const row = await readRow(rows, key);
  if (row === null) return { height: 0, versionstamp: null };
  const { data, versionstamp } = row;
  if (data.length !== 8) throw damaged(`${nameOf(key)} has ${data.length} bytes, wanted 8`);
  return { height: Number(new DataView(data.buffer, data.byteOffset, 8).getBigUint64(0)), versionstamp };
}
