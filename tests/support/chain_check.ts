/**
 * Reading whole chains from nodes, to compare them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { decodeRawBlock, readItemHead } from "../../core/archive.ts";
import { blockHash, type RawBlock } from "../../core/block.ts";
import { toHex } from "../../core/bytes.ts";
import type { Federation } from "../../core/federation.ts";
import { LIMITS } from "../../core/limits.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { readTransaction } from "../../core/transaction_rules.ts";

/** All blocks of a node, oldest first. */
export async function readChain(url: string): Promise<readonly RawBlock[]> {
  const blocks: RawBlock[] = [];
  for (;;) {
    const response = await fetch(`${url}/v1/blocks?from=${blocks.length + 1}`, {
      headers: { accept: "application/cbor" },
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length === 0) return blocks;
    for (let offset = 0; offset < bytes.length;) {
      const head = readItemHead(bytes.subarray(offset), { maxBytes: LIMITS.frameBytes });
      assert(head.ok && head.value !== "more");
      const end = offset + head.value.start + head.value.length;
      const block = decodeRawBlock(bytes.subarray(offset + head.value.start, end));
      assert(block.ok);
      blocks.push(block.value);
      offset = end;
    }
  }
}

/** The hash of each block. */
export function hashesOf(blocks: readonly RawBlock[]): readonly string[] {
  return blocks.map(({ header }) => toHex(blockHash(platformCrypto.hash, header)));
}

/** The ids of all transactions, in order. */
export function idsOf(blocks: readonly RawBlock[], { genesisId }: Federation): readonly string[] {
  return blocks.flatMap(({ transactions }) =>
    transactions.map((bytes) => {
      const read = readTransaction(bytes, { genesisId, hash: platformCrypto.hash });
      assert(read.ok);
      return toHex(read.value.transaction.id);
    })
  );
}

/** Asserts that one chain is the beginning of the other. */
export function assertOneChain(chains: readonly (readonly RawBlock[])[]): void {
  const hashes = chains.map(hashesOf);
  const length = Math.min(...hashes.map((each) => each.length));
  for (const each of hashes) assert.deepEqual(each.slice(0, length), hashes[0]?.slice(0, length));
}
