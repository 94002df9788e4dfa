/**
 * Held blocks: proposals with their bodies, durable before a vote for them, so that whoever voted can serve them until
 * their height is decided.
 *
 * @module
 */
import { type Block, type Header, headerShape } from "../core/block.ts";
import { asHash, type Hash } from "../core/brands.ts";
import { type Bytes, toHex } from "../core/bytes.ts";
import { type Certificate, certificateShape } from "../core/certificate.ts";
import { LIMITS } from "../core/limits.ts";
import {
  bytesUpTo,
  constant,
  decodeShape,
  encodeShape,
  list,
  nullable,
  record,
  type Shape,
} from "../core/shape.ts";
import type { Transaction } from "../core/transaction.ts";
import { readTransaction } from "../core/transaction_rules.ts";
import { commitBatches, packBatches } from "./batches.ts";
import { chunkCount, deleteChunks, readChunks, scanChunked, setChunks } from "./chunks.ts";
import { heldKey } from "./layout.ts";
import { damaged, type Mutation, type Rows } from "./rows.ts";

/** The held blocks. */
export interface HeldBlocks {
  /** Makes a block durable; nothing happens when it is held already. */
  readonly hold: (hash: Hash, block: Block) => Promise<void>;
  /** A held block. */
  readonly read: (hash: Hash) => Promise<Block | null>;
  /** The mutations that forget those up to a height. */
  readonly deleteUpTo: (height: number) => readonly Mutation[];
  /** Forgets them in memory, once those mutations are committed. */
  readonly forgetUpTo: (height: number) => void;
}

interface StoredBlock {
  readonly version: 1;
  readonly header: Header;
  readonly parentCertificate: Certificate | null;
  readonly transactions: readonly Bytes[];
}

const heldShape: Shape<StoredBlock> = record({
  version: constant(1),
  header: headerShape,
  parentCertificate: nullable(certificateShape),
  transactions: list(bytesUpTo(LIMITS.transactionBytesCeiling), LIMITS.blockTransactions),
});

interface Held {
  readonly hash: Hash;
  readonly height: number;
  readonly chunks: number;
}

/** Opens the held blocks; those that were cut, which no vote can depend on, or are decided since go. */
export async function openHeld(
  rows: Rows,
  { genesisId, tipHeight }: { genesisId: Hash; tipHeight: number },
): Promise<HeldBlocks> {
  const held = new Map<string, Held>();
  const useless: Mutation[] = [];
  for await (const { key, value, chunks } of scanChunked(rows, { prefix: ["held"] })) {
    const hash = asHash(key[1] as Uint8Array);
    const height = value === null ? 0 : decode(value).header.height;
    if (height <= tipHeight) useless.push(...deleteChunks(heldKey(hash), chunks));
    else held.set(toHex(hash), { hash, height, chunks });
  }
  await commitBatches(rows.kv, packBatches(useless));
  const upTo = (height: number) => [...held.values()].filter((one) => one.height <= height);

  return {
    hold: async (hash, block) => {
      if (held.has(toHex(hash))) return;
      const { header, parentCertificate, transactions } = block;
      const stored = {
        version: 1,
        header,
        parentCertificate,
        transactions: transactions.map(({ bytes }) => bytes),
      } as const;
      const value = encodeShape(heldShape, stored);
      await commitBatches(rows.kv, packBatches(setChunks(rows.hash, heldKey(hash), value)));
      held.set(toHex(hash), { hash, height: header.height, chunks: chunkCount(value.length) });
    },
    read: async (hash) => {
      if (!held.has(toHex(hash))) return null;
      const value = await readChunks(rows, heldKey(hash));
      if (value === null) return null;
      const { header, parentCertificate, transactions } = decode(value);
      const read = transactions.map((bytes) => ownTransaction(bytes, { genesisId, hash: rows.hash }));
      return { header, parentCertificate, transactions: read };
    },
    deleteUpTo: (height) => upTo(height).flatMap(({ hash, chunks }) => deleteChunks(heldKey(hash), chunks)),
    forgetUpTo: (height) => upTo(height).forEach(({ hash }) => held.delete(toHex(hash))),
  };
}

/** A transaction that was verified before it was stored. */
export function ownTransaction(
  bytes: Bytes,
  context: { genesisId: Hash; hash: Rows["hash"] },
): Transaction {
  const read = readTransaction(bytes, context);
  if (!read.ok) throw damaged(read.detail);
  return read.value.transaction;
}

function decode(value: Bytes): StoredBlock {
  const decoded = decodeShape(heldShape, value, { what: "held block", code: "block-format" });
  if (!decoded.ok) throw damaged(decoded.detail);
  return decoded.value;
}
