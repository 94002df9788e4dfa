/**
 * The store across changes of the federation: what is in force after a restart, crashes, damage.
 *
 * @module
 */
import assert from "node:assert/strict";
import { asHeight } from "../../core/brands.ts";
import { encodeFederation, type Federation, federationOf } from "../../core/federation.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { planAppend } from "../../store/appending.ts";
import { commitBatches } from "../../store/batches.ts";
import { setChunks } from "../../store/chunks.ts";
import type { ChainStore } from "../../store/chain_store.ts";
import { judgeBlock } from "../../store/judging.ts";
import { openKv } from "../../store/kv.ts";
import { federationKey } from "../../store/layout.ts";
import { recover } from "../../store/opening.ts";
import { memberOf } from "../support/federation_changes.ts";
import {
  append,
  build,
  changeOn,
  decide,
  fifth,
  joined,
  keys,
  members,
  sent,
  world,
} from "./federation_fixture.ts";
import { hash, keyOf, withStorePath } from "./fixture.ts";

const { federation, issue } = world;

/** Sequences in force at the heights 1 to n. */
function inForce(store: ChainStore, n: number): readonly number[] {
  return Array.from({ length: n }, (_, i) => store.federationAt(i + 1).document.sequence);
}

Deno.test("append() has a change in force two blocks later, whether the store is reopened or not", async () => {
  await withStorePath(world, async (open) => {
    let store = await open();
    const reopen = async () => {
      const before = [store.tip(), inForce(store, 12)];
      await store[Symbol.asyncDispose]();
      store = await open();
      assert.deepEqual([store.tip(), inForce(store, 12)], before);
    };
    try {
      await append(store);
      const lists = [[...members, fifth], [...members.slice(0, 3), fifth], members.slice(0, 1)];
      for (const list of lists) {
        await append(store, [sent(store, changeOn(store, { members: list }))]);
        await reopen();
        await append(store);
        await reopen();
      }
      await append(store);
      await reopen();
      assert.deepEqual(inForce(store, 10), [0, 0, 0, 1, 1, 2, 2, 3, 3, 3]);
      assert.equal(store.tip().signedBy.document.sequence, 3);
      assert.equal(store.tip().header?.height, 8);
    } finally {
      await store[Symbol.asyncDispose]();
    }
  });
});

Deno.test("openStore() reads a document of several rows back", async () => {
  const many = Array.from({ length: 300 }, (_, i) => keyOf(2_000_000 + i));
  const next = await Promise.all(many.map(async (key, index) => {
    const member = memberOf(key, { name: `many-${index}`, index });
    return { ...member, certificate: await issue(member) };
  }));
  await withStorePath(world, async (open, path) => {
    let wanted: Federation | undefined;
    await (async () => {
      await using store = await open();
      await append(store);
      const change = changeOn(store, { members: [...members, ...next] }, { keys: [...keys, ...many] });
      await append(store, [sent(store, change)]);
      wanted = store.federationAt(4);
    })();
    await (async () => {
      using kv = await openKv(path);
      const rows = await Array.fromAsync(kv.list({ prefix: ["federation"] }));
      assert.ok(rows.length > 1, `${rows.length} rows`);
    })();
    await using store = await open();
    assert.deepEqual(store.federationAt(4), wanted);
    assert.equal(store.federationAt(4).document.members.length, 304);
  });
});

Deno.test("append() of a change that stopped after any mutation leaves the old tip or the new one", async () => {
  let total = 1;
  const tips = new Set<number>();
  for (let count = 0; count <= total; count++) {
    await withStorePath(world, async (open, path) => {
      const decided = await (async () => {
        await using store = await open();
        await append(store);
        const { block } = await build(store, [sent(store, changeOn(store, joined))]);
        return decide(store, block);
      })();
      await (async () => {
        using kv = await openKv(path);
        const memory = await recover({ kv, hash }, { federation, crypto: platformCrypto });
        const judged = await judgeBlock(memory, decided.block, { nowMs: null });
        assert.ok(judged.ok);
        const mutations = planAppend(memory, { decided, effects: judged.value.effects }).flat();
        total = mutations.length;
        assert.ok(mutations.some(({ key }) => key[0] === "federation"));
        for (const mutation of mutations.slice(0, count)) await commitBatches(kv, [[mutation]]);
      })();
      await using store = await open();
      tips.add(store.tip().parent.height);
      assert.deepEqual(
        inForce(store, 5),
        store.tip().parent.height === 1 ? [0, 0, 0, 0, 0] : [0, 0, 0, 1, 1],
      );
      if (store.tip().parent.height === 1) assert.ok((await store.append(decided)).ok);
      assert.deepEqual(inForce(store, 5), [0, 0, 0, 1, 1]);
      await append(store);
      await append(store);
      assert.equal(store.tip().signedBy.document.members.length, 5);
    });
  }
  assert.ok(total > 4, `${total} mutations`);
  assert.deepEqual(tips, new Set([1, 2]));
});

/** A store whose second block decides a change, then `blocks` empty ones; then what happens to its rows. */
async function damagedStore(
  { blocks, damage }: { blocks: number; damage: (kv: Deno.Kv) => Promise<void> },
  wanted: RegExp,
): Promise<void> {
  await withStorePath(world, async (open, path) => {
    await (async () => {
      await using store = await open();
      await append(store);
      await append(store, [sent(store, changeOn(store, joined))]);
      for (let i = 0; i < blocks; i++) await append(store);
    })();
    await (async () => {
      using kv = await openKv(path);
      await damage(kv);
    })();
    await assert.rejects(open(), (error: Error & { code?: string }) => {
      assert.equal(error.code, "store-damaged");
      assert.match(error.message, wanted);
      return true;
    });
  });
}

Deno.test("openStore() refuses a store that lacks a document, in force or on its way", async () => {
  const damage = (kv: Deno.Kv) => kv.delete([...federationKey(2), 0]);
  for (const blocks of [0, 1, 2, 3]) {
    await damagedStore({ blocks, damage }, /1 changes of the federation were decided, and it has 0/);
  }
});

Deno.test("openStore() refuses a document that was flipped, cut, or moved to another height", async () => {
  const key = [...federationKey(2), 0];
  const read = async (kv: Deno.Kv) =>
    (await kv.get<Uint8Array<ArrayBuffer>>(key)).value as Uint8Array<ArrayBuffer>;
  await damagedStore({
    blocks: 2,
    damage: async (kv) => {
      const value = await read(kv);
      await kv.set(key, value.with(value.length >> 1, value[value.length >> 1] as number ^ 1));
    },
  }, /damaged|checksum/i);
  await damagedStore({
    blocks: 2,
    damage: async (kv) => void await kv.set(key, (await read(kv)).slice(0, -1)),
  }, /damaged|checksum/i);
  await damagedStore({
    blocks: 2,
    damage: async (kv) => {
      await kv.set([...federationKey(1), 0], await read(kv));
      await kv.delete(key);
    },
  }, /damaged|checksum/i);
});

Deno.test("openStore() refuses a document that does not follow the one before", async () => {
  const other = federationOf(hash, {
    ...federation.document,
    sequence: 1,
    genesisId: federation.genesisId,
    previous: hash(new Uint8Array()),
  });
  const replace = ({ document }: Federation) => async (kv: Deno.Kv) => {
    await commitBatches(kv, [[...setChunks(hash, federationKey(2), encodeFederation(document))]]);
  };
  await damagedStore({ blocks: 1, damage: replace(other) }, /does not follow the one before/);
});

Deno.test("openStore() deletes the document of a block above the tip", async () => {
  await withStorePath(world, async (open, path) => {
    await (async () => {
      await using store = await open();
      await append(store);
    })();
    await (async () => {
      using kv = await openKv(path);
      await commitBatches(kv, [[
        ...setChunks(hash, federationKey(2), encodeFederation(federation.document)),
      ]]);
    })();
    await using store = await open();
    assert.deepEqual(inForce(store, 9), Array.from({ length: 9 }, () => 0));
    await append(store, [sent(store, changeOn(store, joined))]);
    assert.equal(store.federationAt(asHeight(4)).document.sequence, 1);
  });
});

Deno.test("openStore() wants the chain's first document, for a new store and for one that knows a later one", async () => {
  await withStorePath(world, async (open) => {
    let later: Federation | undefined;
    await (async () => {
      await using store = await open();
      await append(store);
      await append(store, [sent(store, changeOn(store, joined))]);
      await append(store);
      later = store.tip().federation;
    })();
    assert.equal(later?.document.sequence, 1);
    const wanted = {
      name: "VnfchainError",
      code: "store-genesis",
      message: /number 1 of its chain, wanted 0/,
    };
    await assert.rejects(open({ federation: later }), wanted);
    await withStorePath(world, async (openNew) => {
      await assert.rejects(openNew({ federation: later as Federation }), wanted);
    });
    await using store = await open();
    assert.equal(store.tip().federation.document.sequence, 1);
  });
});
