/**
 * Crashes: a block or a checkpoint is written up to every single mutation, and the store is opened again. It must stand
 * at the old tip or at the new one, whole.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { DecidedBlock } from "../../core/block.ts";
import { asHeight } from "../../core/brands.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { planAppend } from "../../store/appending.ts";
import { commitBatches, packBatches } from "../../store/batches.ts";
import { dropChanges, planCheckpoint } from "../../store/checkpoint.ts";
import { ChainStore } from "../../store/chain_store.ts";
import { judgeBlock } from "../../store/judging.ts";
import { openKv } from "../../store/kv.ts";
import type { Memory } from "../../store/memory.ts";
import { recover } from "../../store/opening.ts";
import type { Mutation } from "../../store/rows.ts";
import {
  appendTo,
  buildOn,
  decide,
  fullWhen,
  makeTransaction,
  makeWorld,
  sameTransactions,
  withStorePath,
  type World,
} from "./fixture.ts";
import { randomFrom } from "../support/random.ts";
import { compareBlocks, compareState, type Placed, randomTransaction } from "./model.ts";

const { hash } = platformCrypto;
const LATE = { blocks: 1_000, pages: 1_000 };

async function withMemory(
  path: string,
  world: World,
  body: (memory: Memory) => Promise<void>,
): Promise<void> {
  using kv = await openKv(path);
  await body(await recover({ kv, hash }, { ...world, crypto: platformCrypto }));
}

/** Commits the first `count` mutations, as a crash would leave them. */
async function commitSome({ rows }: Memory, mutations: readonly Mutation[], count: number): Promise<void> {
  for (const mutation of mutations.slice(0, count)) await commitBatches(rows.kv, [[mutation]]);
}

async function appendMutations(memory: Memory, decided: DecidedBlock): Promise<readonly Mutation[]> {
  const judged = await judgeBlock(memory, decided.block, { nowMs: null });
  assert.ok(judged.ok);
  return planAppend(memory, { decided, effects: judged.value.effects }).flat();
}

/** A chain of some blocks and a block that comes next, with much in it. */
async function makeChain(open: () => Promise<ChainStore>, world: World) {
  const random = randomFrom(5);
  const chain: Placed[] = [];
  await using store = await open();
  for (let height = 1; height <= 5; height++) {
    const timestamp = store.tip().parent.time;
    const transaction = randomTransaction(world, { chain, random, timestamp });
    chain.push({ height, index: 0, transaction });
    await appendTo(store, world, { candidates: [transaction] });
  }
  const next: Placed[] = [];
  for (let index = 0; index < 12; index++) {
    const timestamp = store.tip().parent.time;
    const transaction = randomTransaction(world, { chain: [...chain, ...next], random, timestamp });
    next.push({ height: 6, index, transaction });
  }
  const big = makeTransaction(world, { cid: 9, bytes: 200_000 });
  next.push({ height: 6, index: 12, transaction: big });
  const candidates = next.map(({ transaction }) => transaction);
  const { block } = await buildOn(store, world, { candidates });
  assert.equal(block.transactions.length, 13);
  return { chain, next, decided: decide(world, block) };
}

Deno.test("append() that stopped after any mutation leaves the old tip or the new one", async () => {
  const world = makeWorld();
  let count = 0;
  let total = 1;
  const tips = new Set<number>();
  for (; count <= total; count++) {
    await withStorePath(world, async (openWith, path) => {
      const open = () => openWith({ checkpoint: LATE });
      const { chain, next, decided } = await makeChain(open, world);
      {
        await using store = await open();
        await store.pool.add(decided.block.transactions);
        await store.hold(decided.certificate.blockHash, decided.block);
      }
      await withMemory(path, world, async (memory) => {
        const mutations = await appendMutations(memory, decided);
        total = mutations.length;
        await commitSome(memory, mutations, count);
      });
      const store = await open();
      const { height } = store.tip().parent;
      tips.add(height);
      if (height === 5) {
        await compareState(store, chain);
        await compareBlocks(store, chain);
        assert.equal(await store.block(asHeight(6)), null);
        assert.equal(await store.positionOf(decided.block.transactions[0]!.id), null);
        const held = await store.held(decided.certificate.blockHash);
        assert.deepEqual(held?.header, decided.block.header);
        sameTransactions(held.transactions, decided.block.transactions);
        sameTransactions(await store.pool.load(), decided.block.transactions);
        const again = await store.append(decided);
        assert.ok(again.ok);
      }
      assert.equal(store.tip().parent.height, 6);
      await compareState(store, [...chain, ...next]);
      await compareBlocks(store, [...chain, ...next]);
      assert.ok(await store.held(decided.certificate.blockHash) === null);
      await store[Symbol.asyncDispose]();
      await using reopened = await open();
      sameTransactions(await reopened.pool.load(), []);
      assert.ok(await reopened.held(decided.certificate.blockHash) === null);
    });
  }
  assert.ok(total > 10, `${total} mutations`);
  assert.deepEqual(tips, new Set([5, 6]));
});

Deno.test("append() that stopped leaves no row above the tip after the next start", async () => {
  const world = makeWorld();
  await withStorePath(world, async (open, path) => {
    const { decided } = await makeChain(() => open(), world);
    const keys = async (memory: Memory) =>
      await Array.fromAsync(memory.rows.kv.list({ prefix: [] }), ({ key }) => key.join("/"));
    let before: readonly string[] = [];
    await withMemory(path, world, async (memory) => {
      before = await keys(memory);
      const mutations = await appendMutations(memory, decided);
      await commitSome(memory, mutations, mutations.findIndex(({ key }) => key[0] === "tip"));
      assert.ok((await keys(memory)).length > before.length);
    });
    await withMemory(path, world, async (memory) => assert.deepEqual(await keys(memory), before));
  });
});

Deno.test("checkpoint() that stopped after any page is redone with the identical root", async () => {
  const world = makeWorld();
  let count = 0;
  let total = 1;
  for (; count <= total; count += 3) {
    await withStorePath(world, async (openWith, path) => {
      const open = () => openWith({ checkpoint: LATE });
      const { chain, next, decided } = await makeChain(open, world);
      const whole = [...chain, ...next];
      {
        // A first checkpoint, so that the interrupted one overwrites pages.
        await using store = await open();
        await store.checkpoint();
        assert.ok((await store.append(decided)).ok);
      }
      await withMemory(path, world, async (memory) => {
        const pages = memory.base.pages.beginCheckpoint();
        const content = { from: 5, to: 6, pages, placed: memory.recentIds.upTo(6) };
        const mutations = [...planCheckpoint(hash, content)].flat();
        total = mutations.length;
        await commitSome(memory, mutations, count);
      });
      {
        await using store = await open();
        assert.equal(store.tip().parent.height, 6);
        await compareState(store, whole);
        await compareBlocks(store, whole);
        await appendTo(store, world);
        await store.checkpoint();
      }
      await using store = await open();
      await compareState(store, whole);
      await compareBlocks(store, whole);
    });
  }
  assert.ok(total > 10, `${total} mutations`);
});

Deno.test("openStore() refuses a state that is not the tip's: a page or a change that is missing", async () => {
  const world = makeWorld();
  for (const table of ["page", "changes"]) {
    await withStorePath(world, async (open, path) => {
      const { decided } = await makeChain(() => open({ checkpoint: LATE }), world);
      {
        await using store = await open({ checkpoint: LATE });
        if (table === "page") await store.checkpoint();
        else assert.ok((await store.append(decided)).ok);
      }
      {
        using kv = await openKv(path);
        const [last] = await Array.fromAsync(kv.list({ prefix: [table] }, { limit: 1, reverse: true }));
        await kv.delete(last!.key);
      }
      await assert.rejects(open(), { name: "VnfchainError", code: "store-damaged" });
    });
  }
});

Deno.test("openStore() refuses a page of an older state, whose checksum holds", async () => {
  const world = makeWorld();
  await withStorePath(world, async (open, path) => {
    const { decided } = await makeChain(() => open({ checkpoint: LATE }), world);
    const readPages = async () => {
      using kv = await openKv(path);
      return await Array.fromAsync(kv.list({ prefix: ["page"] }));
    };
    await (async () => {
      await using store = await open();
      await store.checkpoint();
    })();
    const old = await readPages();
    await (async () => {
      await using store = await open();
      assert.ok((await store.append(decided)).ok);
      await store.checkpoint();
    })();
    const changed = (await readPages()).find((page) =>
      old.some(({ key, versionstamp }) =>
        key.join() === page.key.join() && versionstamp !== page.versionstamp
      )
    );
    {
      using kv = await openKv(path);
      await kv.set(changed!.key, old.find(({ key }) => key.join() === changed!.key.join())!.value);
    }
    await assert.rejects(open(), { name: "VnfchainError", code: "store-damaged" });
  });
});

Deno.test("openStore() refuses a flipped byte in whatever it reads, and never passes it on", async () => {
  const world = makeWorld();
  await withStorePath(world, async (open, path) => {
    const { chain, next, decided } = await makeChain(() => open(), world);
    await (async () => {
      await using store = await open({ checkpoint: LATE });
      await store.checkpoint();
      assert.ok((await store.append(decided)).ok);
      await store.pool.add([makeTransaction(world)]);
      await store.hold(hash(new Uint8Array()), (await buildOn(store, world)).block);
    })();
    const entries = await (async () => {
      using kv = await openKv(path);
      return await Array.fromAsync(kv.list<Uint8Array<ArrayBuffer>>({ prefix: [] }));
    })();
    const tables = new Set(entries.map(({ key }) => key[0]));
    const all = [
      "body",
      "changes",
      "checkpoint",
      "decided",
      "held",
      "ids",
      "links",
      "meta",
      "page",
      "pool",
      "tip",
    ];
    assert.deepEqual([...tables].sort(), all);
    for (
      const { key, value } of [...Map.groupBy(entries, ({ key }) => key[0]).values()].map((group) =>
        group.at(-1)!
      )
    ) {
      const flipped = value.slice();
      flipped[value.length >> 1] = flipped[value.length >> 1]! ^ 1;
      await (async () => {
        using kv = await openKv(path);
        await kv.set(key, flipped);
      })();
      const use = async () => {
        await using store = await open();
        await compareState(store, [...chain, ...next]);
        await compareBlocks(store, [...chain, ...next]);
      };
      await assert.rejects(use, { name: "VnfchainError", code: "store-damaged" }, key.join("/"));
      await (async () => {
        using kv = await openKv(path);
        await kv.set(key, value);
      })();
    }
    await using store = await open();
    await compareState(store, [...chain, ...next]);
  });
});

Deno.test("dropChanges() after a checkpoint that stopped before it is done at the next start", async () => {
  const world = makeWorld();
  await withStorePath(world, async (open, path) => {
    await makeChain(() => open({ checkpoint: LATE }), world);
    await withMemory(path, world, async (memory) => {
      const pages = memory.base.pages.beginCheckpoint();
      const content = { from: 0, to: 5, pages, placed: memory.recentIds.upTo(5) };
      await commitBatches(memory.rows.kv, packBatches([...planCheckpoint(hash, content)].flat()));
    });
    await withMemory(path, world, async ({ rows }) => {
      const left = await Array.fromAsync(rows.kv.list({ prefix: ["changes"] }));
      assert.deepEqual(left, []);
      await dropChanges(rows, 5);
    });
  });
});

Deno.test("checkpoint() that fails is told, and made up for by the next", async () => {
  const world = makeWorld();
  await withStorePath(world, async (open, path) => {
    const { chain, next, decided } = await makeChain(() => open({ checkpoint: LATE }), world);
    const disk = { isFull: false };
    await (async () => {
      const kv = fullWhen(await openKv(path), disk);
      const memory = await recover({ kv, hash }, { ...world, crypto: platformCrypto });
      await using store = new ChainStore(memory, LATE);
      disk.isFull = true;
      await assert.rejects(store.checkpoint(), /disk is full/);
      await compareState(store, chain);
      disk.isFull = false;
      assert.ok((await store.append(decided)).ok);
      await store.checkpoint();
    })();
    using kv = await openKv(path);
    assert.deepEqual(await Array.fromAsync(kv.list({ prefix: ["changes"] })), []);
    await using store = await open();
    await compareState(store, [...chain, ...next]);
  });
});
