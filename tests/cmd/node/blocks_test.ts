import { deepEqual, equal } from "node:assert/strict";
import { readBlocks } from "../../../cmd/node/blocks.ts";
import { decodeRawBlock } from "../../../core/archive.ts";
import { asHeight } from "../../../core/brands.ts";
import { LIMITS } from "../../../core/limits.ts";
import { testKey } from "../../support/keys.ts";
import { TestChain } from "../../support/test_chain.ts";
import { configuration } from "../../support/test_transactions.ts";

function readerOf(chain: TestChain) {
  return { block: (height: number) => Promise.resolve(chain.blocks[height - 1] ?? null) };
}

Deno.test("readBlocks() gives blocks from a height on, at most as many as asked, to the chain's end", async () => {
  const chain = new TestChain();
  for (let i = 0; i < 5; i++) chain.commit();
  const read = await readBlocks(readerOf(chain), { from: asHeight(2), limit: 2 });
  deepEqual(
    read.map((bytes) => {
      const block = decodeRawBlock(bytes);
      return block.ok ? block.value.header.height : block.code;
    }),
    [2, 3],
  );
  equal((await readBlocks(readerOf(chain), { from: asHeight(4), limit: 1e9 })).length, 2);
  equal((await readBlocks(readerOf(chain), { from: asHeight(6), limit: 10 })).length, 0);
  equal((await readBlocks(readerOf(chain), { from: asHeight(0), limit: 10 })).length, 0);
  equal(
    (await readBlocks(readerOf(chain), { from: asHeight(Number.MAX_SAFE_INTEGER), limit: 10 })).length,
    0,
  );
});

Deno.test("readBlocks() ends a run by count and by bytes, after at least one block", async () => {
  const many = new TestChain();
  for (let i = 0; i < LIMITS.catchUpBlocks + 5; i++) many.commit();
  equal((await readBlocks(readerOf(many), { from: asHeight(1), limit: 1e9 })).length, LIMITS.catchUpBlocks);
  const large = new TestChain();
  const [from, content] = [testKey("tenant"), new Uint8Array(1024 * 1024)];
  const transactions = await Promise.all(
    Array.from({ length: 7 }, () => configuration(large.federation, { from, to: null, content })),
  );
  for (let i = 0; i < 4; i++) large.commit(i === 0 ? transactions : []);
  const [first] = large.blocks;
  // The same large block at each height: only its size is looked at.
  const reader = { block: () => Promise.resolve(first ?? null) };
  equal((await readBlocks(reader, { from: asHeight(1), limit: 10 })).length, 3);
});
