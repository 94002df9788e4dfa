import assert from "node:assert/strict";
import { asHash, asHeight, type Height } from "../../core/brands.ts";
import type { History } from "../../core/ports.ts";
import { configurationId, feedId } from "../../core/state/keys.ts";
import { appendTo, cidOf, hash, keyOf, makeTransaction, makeWorld, withStorePath } from "./fixture.ts";

const sender = keyOf(1);
const feed = { sender: sender.publicKey, recipient: null };
const FEED: History = { kind: "feed", key: feedId(hash, feed) };
const VERSIONS: History = { kind: "configuration", key: configurationId(hash, cidOf(sender.publicKey, 0)) };
const END = 4096;

Deno.test("history() is null wherever a client has no business to begin, and empty before the first row", async () => {
  const world = makeWorld();
  await withStorePath(world, async (open) => {
    await using store = await open();
    await appendTo(store, world, { candidates: [makeTransaction(world, { sender: keyOf(2) })] });
    await appendTo(store, world, { candidates: [makeTransaction(world, { sender })] });
    await appendTo(store, world);
    const read = async (history: History, height: number, index = END) =>
      (await store.history(history, {
        before: { height: height as Height, index },
        most: 9,
        budget: { take: () => true },
      }))?.length;
    for (const history of [FEED, VERSIONS]) {
      const found = await Promise.all(
        [0, 1, 2, 3, 4, Number.MAX_SAFE_INTEGER].map((at) => read(history, at)),
      );
      assert.deepEqual(found, [undefined, undefined, 1, undefined, undefined, undefined]);
      assert.equal(await read(history, 2, 0), 0);
      assert.equal(await read({ ...history, key: asHash(new Uint8Array(32)) }, 2), undefined);
    }
  });
});

Deno.test("history() of a view knows nothing of blocks that came later", async () => {
  const world = makeWorld();
  await withStorePath(world, async (open) => {
    await using store = await open();
    await appendTo(store, world, { candidates: [makeTransaction(world, { sender })] });
    using view = store.view();
    await appendTo(store, world, { candidates: [makeTransaction(world, { sender, vid: 2 })] });
    const options = { before: { height: asHeight(2), index: END }, most: 9, budget: { take: () => true } };
    assert.equal(await view.history(FEED, options), null);
    assert.equal((await store.history(FEED, options))?.length, 2);
  });
});

Deno.test("history() reads no more blocks than its budget, yet always gets on", async () => {
  const world = makeWorld();
  await withStorePath(world, async (open) => {
    await using store = await open();
    for (let vid = 1; vid <= 12; vid++) {
      const other = makeTransaction(world, { sender: keyOf(2), vid });
      await appendTo(store, world, { candidates: [other, makeTransaction(world, { sender, vid })] });
    }
    const read = async (blocks: number, index = END) => {
      let taken = 0;
      const budget = { take: () => ++taken < blocks };
      const before = { height: asHeight(12), index };
      const items = await store.history(FEED, { before, most: 100, budget });
      return { heights: items?.map(({ height }) => height), taken };
    };
    assert.deepEqual(await read(3), { heights: [10, 11, 12], taken: 3 });
    assert.deepEqual(await read(1), { heights: [12], taken: 1 });
    // Block 12 has nothing before the place: the one before it is read, whatever the budget.
    assert.deepEqual(await read(1, 1), { heights: [11], taken: 2 });
    assert.deepEqual((await read(100)).taken, 12);
  });
});
