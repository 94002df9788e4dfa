/**
 * Where a transaction stands, by its id. Of the blocks since the last checkpoint the ids are in memory. A checkpoint
 * packs them, 16 bytes each, into rows that are only ever appended to and are read newest first; 4,000 a row, so that
 * a million take 250 rows. What the rows give is a hint, checked against the links of the block.
 *
 * @module
 */
import { asHeight, type TxId } from "../core/brands.ts";
import { type Bytes, compare, equal, toHex } from "../core/bytes.ts";
import type { HashFunction } from "../core/hashing.ts";
import type { Position } from "../core/ports.ts";
import { idsKey } from "./layout.ts";
import { linkAt, readLinks } from "./links.ts";
import { damaged, type Mutation, type Rows, scanRows, setRow } from "./rows.ts";

const PREFIX_BYTES = 8;
const HEIGHT_BYTES = 6;
const ENTRY_BYTES = PREFIX_BYTES + HEIGHT_BYTES + 2;
const ROW_ENTRIES = 4_000;
/** Rows that one question reads at most: 16 million transactions. */
const SCANNED_ROWS = 4_096;

/** A transaction and its place. */
export interface PlacedId extends Position {
  readonly id: TxId;
}

/** Positions of the blocks since the last checkpoint. */
export interface RecentIds {
  readonly add: (placed: readonly PlacedId[]) => void;
  readonly find: (id: TxId) => Position | undefined;
  /** What was added up to this height, in order. */
  readonly upTo: (height: number) => readonly PlacedId[];
  /** Drops what was added up to this height. */
  readonly forget: (height: number) => void;
}

/** An empty memory of positions. */
export function openRecentIds(): RecentIds {
  const byId = new Map<string, PlacedId>();
  return {
    add: (placed) => {
      for (const one of placed) byId.set(toHex(one.id), one);
    },
    find: (id) => {
      const found = byId.get(toHex(id));
      return found && { height: found.height, index: found.index };
    },
    upTo: (height) => [...byId.values()].filter((one) => one.height <= height),
    forget: (height) => {
      for (const [name, one] of byId) {
        if (one.height > height) break;
        byId.delete(name);
      }
    },
  };
}

/** Writes the positions of one checkpoint's blocks. */
export function setIds(
  hash: HashFunction,
  { firstHeight, placed }: { firstHeight: number; placed: readonly PlacedId[] },
): readonly Mutation[] {
  const rows: Mutation[] = [];
  for (let start = 0; start < placed.length; start += ROW_ENTRIES) {
    const packed = pack(placed.slice(start, start + ROW_ENTRIES));
    rows.push(setRow(hash, [...idsKey(firstHeight), rows.length], packed));
  }
  return rows;
}

/** Where the transaction stands, if a checkpoint up to now has packed it and it is not too old to be looked for. */
export async function findId(rows: Rows, id: TxId): Promise<Position | null> {
  let scanned = 0;
  for await (const { data } of scanRows(rows, { prefix: ["ids"] }, { reverse: true, batchSize: 16 })) {
    for (const hint of hintsIn(data, id)) {
      const links = await readLinks(rows, hint.height);
      const link = links && linkAt(links, hint.index);
      if (link === null) throw damaged(`block ${hint.height} has no links of transaction ${hint.index}`);
      if (equal(link.id, id)) return hint;
    }
    if (++scanned === SCANNED_ROWS) return null;
  }
  return null;
}

function pack(placed: readonly PlacedId[]): Bytes {
  const bytes = new Uint8Array(placed.length * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [i, { id, height, index }] of placed.entries()) {
    const start = i * ENTRY_BYTES;
    bytes.set(id.subarray(0, PREFIX_BYTES), start);
    view.setUint16(start + PREFIX_BYTES, Math.floor(height / 2 ** 32));
    view.setUint32(start + PREFIX_BYTES + 2, height % 2 ** 32);
    view.setUint16(start + PREFIX_BYTES + HEIGHT_BYTES, index);
  }
  return bytes;
}

function* hintsIn(data: Bytes, id: TxId): Generator<Position> {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const prefix = id.subarray(0, PREFIX_BYTES);
  const first = new DataView(id.buffer, id.byteOffset).getUint32(0);
  for (let start = 0; start + ENTRY_BYTES <= data.length; start += ENTRY_BYTES) {
    if (view.getUint32(start) !== first) continue;
    if (compare(data.subarray(start, start + PREFIX_BYTES), prefix) !== 0) continue;
    const high = view.getUint16(start + PREFIX_BYTES);
    const low = view.getUint32(start + PREFIX_BYTES + 2);
    yield {
      height: asHeight(high * 2 ** 32 + low),
      index: view.getUint16(start + PREFIX_BYTES + HEIGHT_BYTES),
    };
  }
}
