import assert, { deepEqual, equal, rejects } from "node:assert/strict";
import { makeReceipts, makeTree } from "../../../../cmd/node/api/receipts.ts";
import type { RawBlock } from "../../../../core/block.ts";
import { asHeight, type Height } from "../../../../core/brands.ts";
import { toHex } from "../../../../core/bytes.ts";
import { LIMITS } from "../../../../core/limits.ts";
import { inclusionPath } from "../../../../core/merkle.ts";
import { platformCrypto } from "../../../../core/platform/crypto.ts";
import type { ChainReader, Position } from "../../../../core/ports.ts";
import { verifyReceipt } from "../../../../core/receipt.ts";
import type { Transaction } from "../../../../core/transaction.ts";
import { testKey } from "../../../support/keys.ts";
import { TestChain } from "../../../support/test_chain.ts";
import { configuration } from "../../../support/test_transactions.ts";

const { hash } = platformCrypto;

async function made(chain: TestChain, count: number): Promise<readonly Transaction[]> {
  const one = () => configuration(chain.federation, { from: testKey("tenant"), to: null, content: "rules" });
  return await Promise.all(Array.from({ length: count }, one));
}

/** Receipts over a chain, and the heights of the blocks that were read for them. */
function receiptsOf(chain: TestChain, alter: { block?: ChainReader["block"] } = {}) {
  const reads: number[] = [];
  const block = (height: Height): Promise<RawBlock | null> => {
    reads.push(height);
    return alter.block?.(height) ?? Promise.resolve(chain.blocks[height - 1] ?? null);
  };
  const transactionAt = ({ height, index }: Position) =>
    Promise.resolve(chain.blocks[height - 1]?.transactions[index] ?? null);
  const federationTerms = () => chain.federationTerms();
  const reader = { block, transactionAt, federationTerms } as Partial<ChainReader> as ChainReader;
  const receipts = makeReceipts({ chain: reader, federation: chain.federation, crypto: platformCrypto });
  return { receipts, reads };
}

Deno.test("makeTree() gives the paths of RFC 9162 for each leaf of each size", () => {
  const leaves = Array.from({ length: 36 }, (_, i) => hash(Uint8Array.of(i)));
  for (let size = 1; size <= leaves.length; size++) {
    const those = leaves.slice(0, size);
    const tree = makeTree(hash, those);
    for (let i = 0; i < size; i++) {
      deepEqual(tree.path(i), inclusionPath(hash, those, i), `leaf ${i} of ${size}`);
    }
  }
});

Deno.test("makeReceipts() reads a block once for all who ask together", async () => {
  const chain = new TestChain();
  const transactions = await made(chain, 100);
  chain.commit(transactions);
  const { receipts, reads } = receiptsOf(chain);
  const made100 = await Promise.all(transactions.map((_, index) => receipts({ height: asHeight(1), index })));
  deepEqual(reads, [1]);
  for (const [i, receipt] of made100.entries()) {
    assert(receipt.ok);
    const verified = verifyReceipt(receipt.value, { pinned: chain.federation, crypto: platformCrypto });
    assert(verified.ok, verified.ok ? "" : verified.detail);
    equal(toHex(verified.value.transaction.id), toHex((transactions[i] as Transaction).id));
    equal(verified.value.index, i);
  }
});

Deno.test("makeReceipts() keeps the last few blocks asked about", async () => {
  const chain = new TestChain();
  const count = LIMITS.receiptBlocks + 1;
  for (const transaction of await made(chain, count)) chain.commit([transaction]);
  const { receipts, reads } = receiptsOf(chain);
  const ask = async (height: number) => assert((await receipts({ height: asHeight(height), index: 0 })).ok);
  for (let height = 1; height <= count; height++) await ask(height);
  await ask(count);
  await ask(2);
  equal(reads.length, count);
  await ask(1);
  equal(reads.length, count + 1);
});

Deno.test("makeReceipts() refuses what is not there, and finds it once it is", async () => {
  const chain = new TestChain();
  chain.commit(await made(chain, 1));
  const { receipts } = receiptsOf(chain);
  for (const [height, index] of [[2, 0], [1, 1]] as const) {
    const receipt = await receipts({ height: asHeight(height), index });
    assert(!receipt.ok && receipt.code === "unknown");
  }
  chain.commit(await made(chain, 1));
  assert((await receipts({ height: asHeight(2), index: 0 })).ok);
});

Deno.test("makeReceipts() tries again after a reading that failed", async () => {
  const chain = new TestChain();
  chain.commit(await made(chain, 1));
  let failures = 1;
  const block = (height: Height) =>
    failures-- > 0 ? Promise.reject(new Error("disk")) : Promise.resolve(chain.blocks[height - 1] ?? null);
  const { receipts } = receiptsOf(chain, { block });
  await rejects(receipts({ height: asHeight(1), index: 0 }), /disk/);
  assert((await receipts({ height: asHeight(1), index: 0 })).ok);
});
