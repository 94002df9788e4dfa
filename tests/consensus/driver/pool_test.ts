import assert from "node:assert/strict";
import { type MemberPool, openMemberPool, type PoolOptions } from "../../../consensus/driver/pool.ts";
import { toHex } from "../../../core/bytes.ts";
import { type Verdict, VnfchainError } from "../../../core/errors.ts";
import { platformCrypto, randomBytes } from "../../../core/platform/crypto.ts";
import type { Transaction } from "../../../core/transaction.ts";
import { newCid } from "../../support/test_transactions.ts";
import { type TestStore, testStore } from "./chain.ts";
import { tenant, transaction } from "./transactions.ts";

function openPool(chain: TestStore, changed: Partial<PoolOptions> = {}): Promise<MemberPool> {
  return openMemberPool({
    port: chain.store.pool,
    reader: chain.store,
    crypto: platformCrypto,
    nowMs: chain.nowMs,
    isDiskLow: () => false,
    onChange: () => {},
    log: () => {},
    ...changed,
  });
}

async function addAll(pool: MemberPool, all: readonly Transaction[]): Promise<void> {
  for (const verdict of await pool.add(all)) assert(verdict.ok, JSON.stringify(verdict));
}

/** Commits what the pool proposes, as a leader would; gives how many transactions that were. */
async function commitCandidates(chain: TestStore, pool: MemberPool): Promise<number> {
  const candidates = pool.candidates();
  await chain.commit(candidates);
  await pool.settle(candidates);
  return candidates.length;
}

const idsOf = (all: readonly Transaction[]) => all.map(({ id }) => toHex(id));
const candidateIds = (pool: MemberPool) => idsOf(pool.candidates());
const codeOf = (verdict: Verdict<unknown> | undefined) => verdict?.ok === false ? verdict.code : verdict?.ok;
const failure = () => new VnfchainError("the disk is full", { code: "store-write" });

Deno.test("a transaction whose reference is not on the chain is no work until it is", async () => {
  await using chain = await testStore();
  const pool = await openPool(chain);
  const template = await transaction(chain);
  const user = await transaction(chain, { before: [{ cid: template.payload.cid, vid: null }] });
  await addAll(pool, [user]);
  assert.equal(pool.available(), false);
  await addAll(pool, [template]);
  assert.deepEqual(candidateIds(pool), idsOf([template]));
  assert.equal(await commitCandidates(chain, pool), 1);
  assert.deepEqual(candidateIds(pool), idsOf([user]));
  assert.equal(await commitCandidates(chain, pool), 1);
  assert.equal(pool.size().transactions, 0);
});

Deno.test("a version is not dropped because the one before it waits for a reference", async () => {
  await using chain = await testStore();
  const pool = await openPool(chain);
  const template = await transaction(chain);
  const cid = newCid(tenant.publicKey);
  const first = await transaction(chain, { cid, before: [{ cid: template.payload.cid, vid: 1 }] });
  const second = await transaction(chain, { cid, vid: 2 });
  await addAll(pool, [first, second]);
  assert.equal(pool.available(), false);
  await addAll(pool, [template]);
  await commitCandidates(chain, pool);
  assert.deepEqual(candidateIds(pool), idsOf([first, second]));
});

Deno.test("what waits for references takes no room of the others", async () => {
  await using chain = await testStore();
  const pool = await openPool(chain);
  const before = [{ cid: newCid(tenant.publicKey), vid: null }];
  const large = { before, content: randomBytes(1_900_000) };
  await addAll(pool, [await transaction(chain, large), await transaction(chain, large)]);
  await addAll(pool, [await transaction(chain, large), await transaction(chain, large)]);
  const small = await transaction(chain);
  await addAll(pool, [small]);
  assert.deepEqual(candidateIds(pool), idsOf([small]));
});

Deno.test("what a build refuses for want of the version before it stays", async () => {
  await using chain = await testStore();
  const pool = await openPool(chain);
  const cid = newCid(tenant.publicKey);
  const second = await transaction(chain, { cid, vid: 2 });
  await addAll(pool, [second]);
  await pool.drop(new Map([[toHex(second.id), { ok: false, code: "vid-order", detail: "" }]]));
  assert.equal(pool.get(second.id), second);
});

Deno.test("of two transactions with one nonce the loser leaves the pool with the block", async () => {
  await using chain = await testStore();
  const pool = await openPool(chain);
  const nonce = randomBytes(16);
  const [winner, loser] = [await transaction(chain, { nonce }), await transaction(chain, { nonce })];
  await addAll(pool, [loser]);
  await chain.commit([winner]);
  await pool.settle([winner]);
  assert.equal(pool.available(), false);
  assert.equal(pool.outcome(loser.id), "duplicate");
});

Deno.test("of two transactions with one VID the loser leaves the pool with the block", async () => {
  await using chain = await testStore();
  const pool = await openPool(chain);
  const cid = newCid(tenant.publicKey);
  const [winner, loser] = [await transaction(chain, { cid }), await transaction(chain, { cid })];
  await addAll(pool, [loser]);
  await chain.commit([winner]);
  await pool.settle([winner]);
  assert.equal(pool.available(), false);
  assert.equal(pool.outcome(loser.id), "vid-order");
});

Deno.test("a version is proposed although the one before it was committed while it was judged", async () => {
  await using chain = await testStore();
  const cid = newCid(tenant.publicKey);
  const [first, second] = [await transaction(chain, { cid }), await transaction(chain, { cid, vid: 2 })];
  let commitFirst: Promise<unknown> | undefined;
  const pool: MemberPool = await openPool(chain, {
    reader: {
      block: (height) => chain.store.block(height),
      tip: () => chain.store.tip(),
      isNonceUsed: (...asked) => chain.store.isNonceUsed(...asked),
      configuration: async (asked) => {
        const answer = await chain.store.configuration(asked);
        // The block comes after the chain was asked and before its answer is heard.
        await (commitFirst ??= chain.commit([first]).then(() => pool.settle([first])));
        return answer;
      },
    },
  });
  await addAll(pool, [second]);
  assert.deepEqual(candidateIds(pool), idsOf([second]));
});

Deno.test("a transaction sent twice at once is acknowledged only when it is durable", async () => {
  await using chain = await testStore();
  const { promise: disk, resolve: write } = Promise.withResolvers<void>();
  const port = {
    ...portOf(chain),
    add: (all: readonly Transaction[]) => disk.then(() => chain.store.pool.add(all)),
  };
  const pool = await openPool(chain, { port });
  const one = await transaction(chain);
  const events: string[] = [];
  const first = pool.add([one]).then(() => events.push("acknowledged"));
  while (pool.get(one.id) === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
  const again = pool.add([one]).then(() => events.push("acknowledged again"));
  const held = pool.holds(one.id).then(() => events.push("held"));
  await new Promise((resolve) => setTimeout(resolve, 20));
  events.push("durable");
  write();
  await Promise.all([first, again, held]);
  assert.equal(events[0], "durable");
  assert.equal(events.length, 4);
});

Deno.test("a pool that cannot be written answers busy, and takes the transaction when it can", async () => {
  await using chain = await testStore();
  let failures = 1;
  const add = (all: readonly Transaction[]) =>
    failures-- > 0 ? Promise.reject(failure()) : chain.store.pool.add(all);
  const pool = await openPool(chain, { port: { ...portOf(chain), add } });
  const one = await transaction(chain);
  const [refused] = await pool.add([one]);
  assert.equal(codeOf(refused), "busy");
  assert.equal(pool.get(one.id), undefined);
  assert.equal(pool.available(), false);
  await addAll(pool, [one]);
  assert.equal(await pool.holds(one.id), true);
});

Deno.test("a pool that cannot be cleared does not stop the chain", async () => {
  await using chain = await testStore();
  const pool = await openPool(chain, { port: { ...portOf(chain), remove: () => Promise.reject(failure()) } });
  const cid = newCid(tenant.publicKey);
  const [winner, loser] = [await transaction(chain, { cid }), await transaction(chain, { cid })];
  await addAll(pool, [loser]);
  await chain.commit([winner]);
  await pool.settle([winner]);
  assert.equal(pool.size().transactions, 0);
});

Deno.test("a low disk refuses transactions until it has room", async () => {
  await using chain = await testStore();
  let isLow = true;
  const pool = await openPool(chain, { isDiskLow: () => isLow });
  const one = await transaction(chain);
  assert.equal(codeOf((await pool.add([one]))[0]), "busy");
  isLow = false;
  await addAll(pool, [one]);
});

Deno.test("what a block took while it was being written does not stay on the disk", async () => {
  await using chain = await testStore();
  const removed: string[] = [];
  const one = await transaction(chain);
  const pool: MemberPool = await openPool(chain, {
    port: {
      load: () => chain.store.pool.load(),
      add: async (all) => {
        await chain.commit([one]);
        await pool.settle([one]);
        await chain.store.pool.add(all);
      },
      remove: async (ids) => {
        removed.push(...ids.map(toHex));
        await chain.store.pool.remove(ids);
      },
    },
  });
  await addAll(pool, [one]);
  assert.deepEqual(removed, [toHex(one.id)]);
});

Deno.test("what expired leaves the pool with the next block, empty or not", async () => {
  await using chain = await testStore();
  let lateMs = 0;
  const pool = await openPool(chain, { nowMs: () => chain.nowMs() + lateMs });
  const one = await transaction(chain);
  await addAll(pool, [one]);
  lateMs = chain.federation.document.parameters.transactionLifetimeMs + 60_000;
  await chain.commit([]);
  await pool.settle([]);
  assert.equal(pool.available(), false);
  assert.equal(pool.outcome(one.id), "expired");
});

function portOf({ store }: TestStore): PoolOptions["port"] {
  const { pool } = store;
  return { add: (all) => pool.add(all), remove: (ids) => pool.remove(ids), load: () => pool.load() };
}
