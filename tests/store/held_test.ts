/**
 * Held blocks.
 *
 * @module
 */
import assert from "node:assert/strict";
import { commitBatches } from "../../store/batches.ts";
import { setChunks } from "../../store/chunks.ts";
import { openHeld } from "../../store/held.ts";
import { openKv } from "../../store/kv.ts";
import { heldKey } from "../../store/layout.ts";
import {
  appendTo,
  buildOn,
  decide,
  hash,
  makeTransaction,
  makeWorld,
  patterned,
  sameTransactions,
  withStorePath,
} from "./fixture.ts";

const world = makeWorld();
const { genesisId } = world.federation;

Deno.test("hold() survives a reopening and is forgotten once its height is decided", async () => {
  await withStorePath(world, async (open, path) => {
    const parts = await (async () => {
      await using store = await open();
      await appendTo(store, world);
      const candidates = [makeTransaction(world), makeTransaction(world, { cid: 1, bytes: 150_000 })];
      const { block } = await buildOn(store, world, { candidates });
      const { block: other } = await buildOn(store, world);
      for (const one of [block, other, block]) {
        await store.hold(decide(world, one).certificate.blockHash, one);
      }
      return { block, other, decided: decide(world, block) };
    })();
    const name = parts.decided.certificate.blockHash;
    const otherName = decide(world, parts.other).certificate.blockHash;
    await (async () => {
      await using store = await open();
      const held = await store.held(name);
      assert.deepEqual(held?.header, parts.block.header);
      assert.deepEqual(held.parentCertificate, parts.block.parentCertificate);
      sameTransactions(held.transactions, parts.block.transactions);
      assert.deepEqual((await store.held(otherName))?.header, parts.other.header);
      assert.ok((await store.append(parts.decided)).ok);
      assert.equal(await store.held(name), null);
      assert.equal(await store.held(otherName), null);
    })();
    using kv = await openKv(path);
    assert.deepEqual(await Array.fromAsync(kv.list({ prefix: ["held"] })), []);
  });
});

Deno.test("held() gives null for a block that nobody held", async () => {
  await withStorePath(world, async (open) => {
    await using store = await open();
    assert.equal(await store.held(hash(new Uint8Array())), null);
  });
});

Deno.test("openHeld() drops what a crash has cut", async () => {
  using kv = await openKv(":memory:");
  const name = hash(new Uint8Array());
  const [first] = setChunks(hash, heldKey(name), patterned(200_000));
  await commitBatches(kv, [[first!]]);
  const held = await openHeld({ kv, hash }, { genesisId, tipHeight: 0 });
  assert.equal(await held.read(name), null);
  assert.deepEqual(await Array.fromAsync(kv.list({ prefix: ["held"] })), []);
});
