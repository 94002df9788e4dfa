/**
 * The durable pool.
 *
 * @module
 */
import assert from "node:assert/strict";
import { commitBatches } from "../../store/batches.ts";
import { setChunks } from "../../store/chunks.ts";
import { openKv } from "../../store/kv.ts";
import { poolKey } from "../../store/layout.ts";
import { openPool } from "../../store/pool.ts";
import {
  appendTo,
  fullWhen,
  hash,
  keyOf,
  makeTransaction,
  makeWorld,
  patterned,
  sameTransactions,
  START_MS,
  withStorePath,
} from "./fixture.ts";

const world = makeWorld();
const { genesisId } = world.federation;
const anything = { genesisId, canCome: () => true };

function some(count: number, bytes = 8) {
  return Array.from({ length: count }, (_, cid) => makeTransaction(world, { cid, bytes }));
}

async function rowsIn(kv: Deno.Kv): Promise<number> {
  return (await Array.fromAsync(kv.list({ prefix: ["pool"] }))).length;
}

Deno.test("add() survives a reopening, in order, whatever the sizes", async () => {
  await withStorePath(world, async (open) => {
    const transactions = [
      ...some(30),
      ...some(3, 300_000),
      makeTransaction(world, { cid: 50, bytes: 2_000_000 }),
    ];
    await (async () => {
      await using store = await open();
      await Promise.all(transactions.map((transaction) => store.pool.add([transaction])));
    })();
    await using store = await open();
    sameTransactions(await store.pool.load(), transactions);
  });
});

Deno.test("add() takes a transaction once", async () => {
  using kv = await openKv(":memory:");
  const pool = await openPool({ kv, hash }, anything);
  const [a, b] = some(2);
  await Promise.all([pool.add([a!, b!]), pool.add([a!]), pool.add([b!, b!])]);
  await pool.add([b!]);
  sameTransactions(await (await openPool({ kv, hash }, anything)).load(), [a!, b!]);
});

Deno.test("add() writes many concurrent transactions into few rows", async () => {
  using kv = await openKv(":memory:");
  const pool = await openPool({ kv, hash }, anything);
  await Promise.all(some(200).map((transaction) => pool.add([transaction])));
  assert.ok(await rowsIn(kv) <= 3);
});

Deno.test("remove() forgets for good, and the rows go with the last of their transactions", async () => {
  using kv = await openKv(":memory:");
  const pool = await openPool({ kv, hash }, anything);
  const [a, b, c] = some(3);
  await pool.add([a!, b!]);
  await pool.add([c!]);
  await pool.remove([a!.id]);
  assert.equal(await rowsIn(kv), 2);
  await pool.remove([b!.id, b!.id]);
  assert.equal(await rowsIn(kv), 1);
  sameTransactions(await (await openPool({ kv, hash }, anything)).load(), [c!]);
});

Deno.test("remove() works on transactions that are being written", async () => {
  using kv = await openKv(":memory:");
  const pool = await openPool({ kv, hash }, anything);
  const [a] = some(1);
  const added = pool.add([a!]);
  await Promise.resolve();
  await Promise.resolve();
  await Promise.resolve();
  await pool.remove([a!.id]);
  await added;
  await pool.remove([a!.id]);
  assert.equal(await rowsIn(kv), 0);
});

Deno.test("append() forgets what the block takes", async () => {
  await withStorePath(world, async (open, path) => {
    const transactions = some(5);
    await (async () => {
      await using store = await open();
      await store.pool.add(transactions);
      await appendTo(store, world, { candidates: transactions.slice(0, 3) });
    })();
    await (async () => {
      await using store = await open();
      sameTransactions(await store.pool.load(), transactions.slice(3));
      await appendTo(store, world, { candidates: transactions.slice(3) });
    })();
    using kv = await openKv(path);
    assert.equal(await rowsIn(kv), 0);
  });
});

Deno.test("load() gives nothing that has expired for good", async () => {
  await withStorePath(world, async (open) => {
    const { transactionLifetimeMs } = world.federation.document.parameters;
    const nowMs = START_MS + 2 * transactionLifetimeMs;
    const timestamps = [-1, 0, 1, 2].map((offset) => nowMs - transactionLifetimeMs + offset);
    const transactions = timestamps.map((timestamp, cid) => makeTransaction(world, { timestamp, cid }));
    await (async () => {
      await using store = await open();
      await store.pool.add(transactions);
      await appendTo(store, world, { nowMs });
    })();
    await using store = await open();
    // The next block is later than the tip by a millisecond at least.
    sameTransactions(await store.pool.load(), transactions.slice(2));
  });
});

Deno.test("openPool() drops what a crash has cut, and goes on behind it", async () => {
  using kv = await openKv(":memory:");
  const pool = await openPool({ kv, hash }, anything);
  const [a, b] = some(2);
  await pool.add([a!]);
  const mutations = setChunks(hash, poolKey(2), patterned(200_000));
  for (const mutation of mutations.slice(0, 2)) await commitBatches(kv, [[mutation]]);
  const again = await openPool({ kv, hash }, anything);
  sameTransactions(await again.load(), [a!]);
  assert.equal(await rowsIn(kv), 1);
  await again.add([b!]);
  sameTransactions(await (await openPool({ kv, hash }, anything)).load(), [a!, b!]);
});

Deno.test("openPool() drops what can come no more, and its rows", async () => {
  using kv = await openKv(":memory:");
  const transactions = some(4);
  const pool = await openPool({ kv, hash }, anything);
  for (const transaction of transactions) await pool.add([transaction]);
  const canCome = ({ id }: { id: Uint8Array }) => id[0]! % 2 === transactions[0]!.id[0]! % 2;
  const left = transactions.filter(canCome);
  sameTransactions(await (await openPool({ kv, hash }, { genesisId, canCome })).load(), left);
  assert.equal(await rowsIn(kv), left.length);
});

Deno.test("add() tells each caller when the disk fails, and works again afterwards", async () => {
  using kv = await openKv(":memory:");
  const disk = { isFull: true };
  const failing = fullWhen(kv, disk);
  const pool = await openPool({ kv: failing, hash }, anything);
  const [a, b] = [makeTransaction(world, { sender: keyOf(5) }), makeTransaction(world, { sender: keyOf(6) })];
  const results = await Promise.allSettled([pool.add([a]), pool.add([b])]);
  assert.deepEqual(results.map(({ status }) => status), ["rejected", "rejected"]);
  disk.isFull = false;
  await pool.add([a]);
  sameTransactions(await (await openPool({ kv, hash }, anything)).load(), [a]);
});
