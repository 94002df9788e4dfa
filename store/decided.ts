/**
 * Decided blocks as stored: a row with header, certificates and lengths, and a body with the transactions back to back,
 * so that one transaction of any block is read without its neighbours.
 *
 * @module
 */
import { type Block, type DecidedBlock, type Header, headerShape, type RawBlock } from "../core/block.ts";
import type { Height } from "../core/brands.ts";
import { type Bytes, concat } from "../core/bytes.ts";
import { type Certificate, certificateShape } from "../core/certificate.ts";
import type { HashFunction } from "../core/hashing.ts";
import { LIMITS } from "../core/limits.ts";
import type { Position } from "../core/ports.ts";
import {
  constant,
  decodeShape,
  encodeShape,
  list,
  nullable,
  record,
  type Shape,
  uint,
} from "../core/shape.ts";
import { readChunks, readSlice, setChunks } from "./chunks.ts";
import { bodyKey, decidedKey } from "./layout.ts";
import { damaged, type Mutation, type Rows } from "./rows.ts";

/** A decided block without its transactions. */
export interface Decided {
  readonly version: 1;
  readonly header: Header;
  readonly certificate: Certificate;
  readonly parentCertificate: Certificate | null;
  /** Bytes of each transaction, in order. */
  readonly lengths: readonly number[];
}

const decidedShape: Shape<Decided> = record({
  version: constant(1),
  header: headerShape,
  certificate: certificateShape,
  parentCertificate: nullable(certificateShape),
  lengths: list(uint(LIMITS.transactionBytesCeiling), LIMITS.blockTransactions),
});

/** Writes a block: body first, so that the row never names bytes that are not there. */
export function setDecided(hash: HashFunction, { block, certificate }: DecidedBlock): readonly Mutation[] {
  const { header, parentCertificate, transactions } = block;
  const lengths = transactions.map(({ bytes }) => bytes.length);
  const decided = { version: 1, header, certificate, parentCertificate, lengths } as const;
  const body = transactions.length === 0 ? [] : setChunks(hash, bodyKey(header.height), bodyOf(block));
  return [...body, ...setChunks(hash, decidedKey(header.height), encodeShape(decidedShape, decided))];
}

/** A decided block without its transactions; null above the tip. */
export async function readDecided(rows: Rows, height: Height): Promise<Decided | null> {
  const bytes = await readChunks(rows, decidedKey(height));
  if (bytes === null) return null;
  const decoded = decodeShape(decidedShape, bytes, { what: `block ${height}`, code: "block-format" });
  if (!decoded.ok) throw damaged(decoded.detail);
  return decoded.value;
}

/** A decided block as it travels; null above the tip. */
export async function readBlock(rows: Rows, height: Height): Promise<RawBlock | null> {
  const decided = await readDecided(rows, height);
  if (decided === null) return null;
  const { header, certificate, parentCertificate, lengths } = decided;
  const ends = endsOf(lengths);
  const body = await readSlice(rows, bodyKey(height), { start: 0, end: ends.at(-1) ?? 0 });
  const transactions = lengths.map((length, i) => {
    const end = ends[i] as number;
    return body.slice(end - length, end);
  });
  return { version: 1, header, parentCertificate, transactions, certificate };
}

/** One transaction's bytes; null where the chain has none. */
export async function readTransactionAt(rows: Rows, { height, index }: Position): Promise<Bytes | null> {
  const ends = await readEnds(rows, height);
  const end = ends[index];
  if (end === undefined) return null;
  return await readSlice(rows, bodyKey(height), { start: ends[index - 1] ?? 0, end });
}

/** Where the transactions of the last few blocks asked about end: whoever reads one of a block reads its neighbours. */
const known = new WeakMap<Rows, Map<number, readonly number[]>>();
const KNOWN_MAX = 16;

/** Where each transaction of a block ends in the body; of none above the tip. */
async function readEnds(rows: Rows, height: Height): Promise<readonly number[]> {
  const ofStore = known.get(rows) ?? new Map<number, readonly number[]>();
  const found = ofStore.get(height);
  if (found !== undefined) return found;
  const decided = await readDecided(rows, height);
  if (decided === null) return [];
  const ends = endsOf(decided.lengths);
  if (ofStore.size >= KNOWN_MAX) ofStore.delete(ofStore.keys().next().value as number);
  known.set(rows, ofStore.set(height, ends));
  return ends;
}

function bodyOf({ transactions }: Block): Bytes {
  return concat(...transactions.map(({ bytes }) => bytes));
}

/** Where each transaction ends in the body. */
function endsOf(lengths: readonly number[]): readonly number[] {
  let end = 0;
  return lengths.map((length) => end += length);
}
