import assert from "node:assert/strict";
import { openBackground } from "../../../consensus/driver/background.ts";
import { type CatchUpRun, openCatchUp } from "../../../consensus/driver/catch_up_run.ts";
import { asHeight } from "../../../core/brands.ts";
import type { Bytes } from "../../../core/bytes.ts";
import { accept } from "../../../core/errors.ts";
import { readBlocks } from "../../../cmd/node/blocks.ts";
import { testStore } from "./chain.ts";

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("nothing more is asked while blocks wait to be stored", async () => {
  await using chain = await testStore();
  for (let i = 0; i < 4; i++) await chain.commit([]);
  const blocks = await readBlocks(chain.store, { from: asHeight(1), limit: 4 });
  const asked: { member: number; from: number; count: number }[] = [];
  let height = 0;
  const { promise: disk, resolve: write } = Promise.withResolvers<void>();
  const background = openBackground((error) => {
    throw error;
  });
  using run: CatchUpRun = openCatchUp({
    height: () => asHeight(height),
    ask: (member, { from, count }) => {
      asked.push({ member, from, count });
      return true;
    },
    append: async ({ header }) => {
      await disk;
      height = header.height;
      return accept(chain.store.tip());
    },
    background,
    log: () => {},
  });
  run.onClaim(1, asHeight(10_000));
  assert.deepEqual(asked, [{ member: 1, from: 1, count: 256 }]);
  run.onBlocks(1, { from: asHeight(1), blocks });
  await turn();
  assert.equal(asked.length, 1, "asked for more before the first ones were stored");
  write();
  await background.settled();
  assert.deepEqual(asked[1], { member: 1, from: 5, count: 256 });
});

Deno.test("blocks that nobody asked for are not looked at and do not end the wait for the answer", async () => {
  await using chain = await testStore();
  await chain.commit([]);
  const blocks = await readBlocks(chain.store, { from: asHeight(1), limit: 1 });
  const asked: number[] = [];
  const appended: number[] = [];
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const background = openBackground(() => {});
  using run: CatchUpRun = openCatchUp({
    height: () => asHeight(appended.length),
    ask: (member) => {
      // Silence at first: the member is asked again after its pause.
      if (asked.push(member) === 2) queueMicrotask(() => run.onBlocks(1, { from: asHeight(1), blocks }));
      return true;
    },
    append: ({ header }) => {
      appended.push(header.height);
      resolve();
      return Promise.resolve(accept(chain.store.tip()));
    },
    background,
    log: () => {},
    answerMs: 20,
  });
  run.onBlocks(1, { from: asHeight(1), blocks });
  run.onClaim(1, asHeight(1));
  run.onBlocks(1, { from: asHeight(2), blocks });
  run.onBlocks(2, { from: asHeight(1), blocks });
  await turn();
  assert.deepEqual(appended, []);
  await done;
  await background.settled();
  assert.deepEqual(appended, [1]);
});

Deno.test("an answer with blocks of other heights is thrown away, and another member asked", async () => {
  await using chain = await testStore();
  for (let i = 0; i < 3; i++) await chain.commit([]);
  const [first, second] = await readBlocks(chain.store, { from: asHeight(1), limit: 2 }) as [Bytes, Bytes];
  const asked: number[] = [];
  const appended: number[] = [];
  const background = openBackground(() => {});
  using run: CatchUpRun = openCatchUp({
    height: () => asHeight(appended.length),
    ask: (member) => asked.push(member) > 0,
    append: ({ header }) => {
      appended.push(header.height);
      return Promise.resolve(accept(chain.store.tip()));
    },
    background,
    log: () => {},
  });
  run.onClaim(1, asHeight(2));
  run.onClaim(2, asHeight(2));
  run.onBlocks(1, { from: asHeight(1), blocks: [second, first] });
  assert.deepEqual(asked, [1, 2]);
  run.onBlocks(2, { from: asHeight(1), blocks: [first, second] });
  await background.settled();
  assert.deepEqual(appended, [1, 2]);
});
