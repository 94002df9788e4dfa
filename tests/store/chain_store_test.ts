/**
 * The store against a naive model of the chain.
 *
 * @module
 */
import assert from "node:assert/strict";
import { asHeight, asTxId } from "../../core/brands.ts";
import { ZERO_HASH } from "../../core/brands.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { openStore } from "../../store/chain_store.ts";
import { appendTo, buildOn, makeTransaction, makeWorld, sameBytes, withStorePath } from "./fixture.ts";
import { randomFrom } from "../support/random.ts";
import { compareBlocks, compareState, type Placed, randomTransaction } from "./model.ts";

/** Candidates for one block, and the chain with them. */
function nextBlock(
  world: ReturnType<typeof makeWorld>,
  { chain, random, height, timestamp }: {
    chain: Placed[];
    random: (n: number) => number;
    height: number;
    timestamp: number;
  },
) {
  const placed: Placed[] = [];
  for (let count = random(7); count > 0; count--) {
    const transaction = randomTransaction(world, { chain: [...chain, ...placed], random, timestamp });
    placed.push({ height, index: placed.length, transaction });
  }
  chain.push(...placed);
  return placed.map(({ transaction }) => transaction);
}

async function runAgainstModel(
  { blocks, seed, reopenEvery, checkpoint, compareEvery }: {
    blocks: number;
    seed: number;
    reopenEvery: number;
    checkpoint: { blocks: number; pages: number };
    compareEvery: number;
  },
): Promise<void> {
  const world = makeWorld();
  const random = randomFrom(seed);
  const chain: Placed[] = [];
  await withStorePath(world, async (open) => {
    let store = await open({ checkpoint });
    try {
      for (let height = 1; height <= blocks; height++) {
        const timestamp = store.tip().parent.time;
        await appendTo(store, world, { candidates: nextBlock(world, { chain, random, height, timestamp }) });
        if (height % reopenEvery === 0) {
          const tip = store.tip();
          await store[Symbol.asyncDispose]();
          store = await open({ checkpoint });
          assert.deepEqual(store.tip(), tip);
        }
        if (height % compareEvery === 0) await compareState(store, chain);
      }
      await compareState(store, chain);
      await compareBlocks(store, chain);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    } finally {
      await store[Symbol.asyncDispose]();
    }
  });
}

Deno.test("openStore() gives a chain that agrees with a naive model over 300 blocks", async () => {
  const seed = crypto.getRandomValues(new Int32Array(1))[0] as number;
  await runAgainstModel({
    blocks: 300,
    seed,
    reopenEvery: 37,
    checkpoint: { blocks: 11, pages: 30 },
    compareEvery: 20,
  });
});

Deno.test("openStore() gives the same chain when it is reopened after every block", async () => {
  const seed = crypto.getRandomValues(new Int32Array(1))[0] as number;
  const common = { blocks: 25, seed, reopenEvery: 1, compareEvery: 1 };
  await runAgainstModel({ ...common, checkpoint: { blocks: 4, pages: 1_000 } });
  await runAgainstModel({ ...common, checkpoint: { blocks: 1_000, pages: 1_000 } });
});

Deno.test("view() stays at its height while blocks are appended and checkpoints written", async () => {
  const world = makeWorld();
  const random = randomFrom(77);
  const chain: Placed[] = [];
  await withStorePath(world, async (open) => {
    await using store = await open({ checkpoint: { blocks: 3, pages: 10 } });
    const append = async (height: number) => {
      const timestamp = store.tip().parent.time;
      await appendTo(store, world, { candidates: nextBlock(world, { chain, random, height, timestamp }) });
    };
    for (let height = 1; height <= 10; height++) await append(height);
    using old = store.view();
    const before = [...chain];
    await append(11);
    using newer = store.view();
    const between = [...chain];
    for (let height = 12; height <= 30; height++) await append(height);
    assert.equal(old.tip().parent.height, 10);
    await compareState(old, before);
    await compareState(newer, between);
    await compareState(store, chain);
  });
});

Deno.test("proveState() answers while blocks are appended", async () => {
  const world = makeWorld();
  const random = randomFrom(78);
  const chain: Placed[] = [];
  await withStorePath(world, async (open) => {
    await using store = await open({ checkpoint: { blocks: 2, pages: 10 } });
    const answers: Promise<void>[] = [];
    for (let height = 1; height <= 30; height++) {
      const timestamp = store.tip().parent.time;
      const candidates = nextBlock(world, { chain, random, height, timestamp });
      await appendTo(store, world, { candidates });
      const now = [...chain];
      const view = store.view();
      answers.push(compareState(view, now).finally(() => view[Symbol.dispose]()));
    }
    await Promise.all(answers);
  });
});

Deno.test("block() and transactionAt() give null where the chain has none", async () => {
  const world = makeWorld();
  await withStorePath(world, async (open) => {
    await using store = await open();
    await appendTo(store, world, { candidates: [makeTransaction(world)] });
    assert.equal(await store.block(asHeight(0)), null);
    assert.equal(await store.block(asHeight(2)), null);
    assert.equal(await store.transactionAt({ height: asHeight(1), index: 1 }), null);
    assert.equal(await store.transactionAt({ height: asHeight(2), index: 0 }), null);
    assert.equal(await store.positionOf(asTxId(ZERO_HASH)), null);
  });
});

Deno.test("block() gives back a block of several megabytes and its transactions one by one", async () => {
  const world = makeWorld();
  const sizes = [1_000_000, 0, 65_000, 1, 2_000_000, 70_000];
  const candidates = sizes.map((bytes, cid) => makeTransaction(world, { cid, bytes }));
  await withStorePath(world, async (open) => {
    {
      await using store = await open();
      await appendTo(store, world, { candidates });
    }
    await using store = await open();
    const block = await store.block(asHeight(1));
    sameBytes(block?.transactions, candidates.map(({ bytes }) => bytes));
    for (const [index, { bytes }] of candidates.entries()) {
      sameBytes([await store.transactionAt({ height: asHeight(1), index }) ?? new Uint8Array()], [bytes]);
    }
  });
});

Deno.test("openStore() refuses a store of another chain", async () => {
  await withStorePath(makeWorld(), async (open) => {
    await (await open())[Symbol.asyncDispose]();
    const other = makeWorld(2);
    await assert.rejects(open(other), { name: "VnfchainError", code: "store-genesis" });
  });
});

Deno.test("openStore() says what is wrong with a path that cannot be", async () => {
  const options = { ...makeWorld(), crypto: platformCrypto, location: "/nowhere/at/all/chain.kv" };
  await assert.rejects(openStore(options), { name: "VnfchainError", code: "store-open" });
});

Deno.test("append() finds out that another process writes to the store", async () => {
  const world = makeWorld();
  await withStorePath(world, async (open) => {
    await using ours = await open();
    await using theirs = await open();
    await appendTo(theirs, world);
    await assert.rejects(appendTo(ours, world), { name: "VnfchainError", code: "store-shared" });
  });
});

Deno.test("build() gives a block that validate() accepts in another store", async () => {
  const world = makeWorld(4);
  await withStorePath(world, async (openA) => {
    await withStorePath(world, async (openB) => {
      await using a = await openA();
      await using b = await openB();
      const { block } = await buildOn(a, world, { candidates: [makeTransaction(world)] });
      const verdict = await b.validate(block, { nowMs: block.header.time });
      assert.ok(verdict.ok);
      assert.deepEqual(await a.validate(block, { nowMs: null }), verdict);
    });
  });
});
