/** Changes of the federation in the pool: what it refuses, what is work, and what leaves it. */
import assert from "node:assert/strict";
import { type MemberPool, openMemberPool } from "../../../consensus/driver/pool.ts";
import type { Member, Parameters } from "../../../core/federation.ts";
import type { FederationChange } from "../../../core/federation_change.ts";
import { LIMITS } from "../../../core/limits.ts";
import { platformCrypto, randomBytes } from "../../../core/platform/crypto.ts";
import type { Transaction } from "../../../core/transaction.ts";
import { certifiedFederation, GENESIS_MS, memberKey } from "../../support/federation.ts";
import { changeTransaction, makeChange, naming } from "../../support/federation_changes.ts";
import { testKey } from "../../support/keys.ts";
import { type TestStore, testStore } from "./chain.ts";
import { transaction } from "./transactions.ts";

const keys = [0, 1, 2, 3].map(memberKey);
const { federation: first } = await certifiedFederation({ keys, timeMs: GENESIS_MS });
const stranger = testKey("newcomer");

interface Scene extends AsyncDisposable {
  readonly chain: TestStore;
  readonly pool: MemberPool;
  /** Commits what the pool proposes; gives how many that were. */
  readonly commit: () => Promise<number>;
  readonly codeOf: (one: Transaction) => Promise<string>;
}

async function scene(nowMs?: () => number): Promise<Scene> {
  const chain = await testStore(first);
  await chain.commit([]);
  const pool = await openMemberPool({
    port: chain.store.pool,
    reader: chain.store,
    crypto: platformCrypto,
    nowMs: nowMs ?? chain.nowMs,
    isDiskLow: () => false,
    onChange: () => {},
    log: () => {},
  });
  return {
    chain,
    pool,
    commit: async () => {
      const candidates = pool.candidates();
      await chain.commit(candidates);
      await pool.settle(candidates);
      return candidates.length;
    },
    codeOf: async (one) => {
      const [verdict] = await pool.add([one]);
      return verdict?.ok === false ? verdict.code : "taken";
    },
    [Symbol.asyncDispose]: () => chain[Symbol.asyncDispose](),
  };
}

/** A change of parameters, or whatever else is made of it. */
function changed(
  { chain }: Scene,
  { parameters, alter = (change) => change }: {
    parameters?: Partial<Parameters>;
    alter?: (change: FederationChange) => FederationChange;
  } = {},
): Transaction {
  const { nextFederation: federation } = chain.store.tip();
  const next = { parameters: { ...federation.document.parameters, ...parameters } };
  const change = alter(makeChange({ federation, keys, next }));
  return changeTransaction(change, { federation, from: stranger, timestamp: chain.nowMs() });
}

/** A change that brings a new member in. */
function joined(
  { chain }: Scene,
  { certificate }: { certificate: Uint8Array<ArrayBuffer> },
): Transaction {
  const { nextFederation: federation, header } = chain.store.tip();
  assert(header !== null);
  const { members } = federation.document;
  const newcomer = {
    name: "newcomer",
    key: stranger.publicKey,
    certificate,
    peerAddress: "a:1",
    apiUrl: "http://a",
  };
  const next = { members: [...members, newcomer] };
  const change = makeChange({ federation, keys: [...keys, stranger], next, names: naming(header) });
  return changeTransaction(change, { federation, from: stranger, timestamp: chain.nowMs() });
}

Deno.test("the pool refuses a change with too few approvals, with its code", async () => {
  await using one = await scene();
  const alter = (change: FederationChange) => ({ ...change, approvals: change.approvals.slice(1) });
  assert.equal(await one.codeOf(changed(one, { alter })), "federation-approvals");
});

Deno.test("the pool refuses a change that follows no document in force or under way", async () => {
  await using one = await scene();
  const early = changed(one);
  assert.equal(await one.codeOf(early), "taken");
  assert.equal(await one.commit(), 1);
  assert.equal(await one.codeOf(changed(one, { parameters: { tenureBlocks: 9 } })), "taken");
  const late = changeTransaction(makeChange({ federation: first, keys }), {
    federation: first,
    from: stranger,
    timestamp: one.chain.nowMs(),
  });
  assert.equal(await one.codeOf(late), "federation-order");
});

Deno.test("the pool refuses a new member whose certificate does not hold", async () => {
  await using one = await scene();
  const [member] = first.document.members;
  const certificate = member?.certificate as Uint8Array<ArrayBuffer>;
  assert.equal(await one.codeOf(joined(one, { certificate })), "federation-certificate");
});

Deno.test("the pool refuses a new member that names a block above the chain", async () => {
  await using one = await scene();
  const { nextFederation: federation, parent } = one.chain.store.tip();
  const newcomer = { ...first.document.members[0] as Member, name: "newcomer", key: stranger.publicKey };
  const change = makeChange({
    federation,
    keys: [...keys, stranger],
    next: { members: [...first.document.members, newcomer] },
    names: { height: parent.height + 1 as typeof parent.height, blockHash: parent.hash },
  });
  const sent = changeTransaction(change, { federation, from: stranger, timestamp: one.chain.nowMs() });
  assert.equal(await one.codeOf(sent), "federation-newcomer");
});

Deno.test("a change is work once none is under way, and not before", async () => {
  await using one = await scene();
  await one.codeOf(changed(one));
  assert.equal(one.pool.available(), true);
  assert.equal(await one.commit(), 1);
  const next = changed(one, { parameters: { tenureBlocks: 9 } });
  assert.equal(await one.codeOf(next), "taken");
  assert.equal(one.pool.available(), false);
  assert.equal(await one.commit(), 0);
  assert.equal(one.pool.available(), true);
  assert.equal(await one.commit(), 1);
  assert.equal(one.pool.size().transactions, 0);
});

Deno.test("a change that waits holds up nothing else", async () => {
  await using one = await scene();
  await one.codeOf(changed(one));
  await one.commit();
  await one.codeOf(changed(one, { parameters: { tenureBlocks: 9 } }));
  const other = await transaction(one.chain);
  assert.equal(await one.codeOf(other), "taken");
  assert.deepEqual(one.pool.candidates().map(({ id }) => id), [other.id]);
});

Deno.test("rivals of a change that a block took leave the pool", async () => {
  await using one = await scene();
  const rivals = [changed(one), changed(one, { parameters: { tenureBlocks: 9 } })];
  for (const rival of rivals) assert.equal(await one.codeOf(rival), "taken");
  const [winner, loser] = rivals as [Transaction, Transaction];
  await one.chain.commit([winner]);
  await one.pool.settle([winner]);
  assert.equal(one.pool.outcome(loser.id), "federation-order");
  assert.equal(one.pool.size().transactions, 0);
});

Deno.test("the pool has room for a few changes, however many wrap the same document", async () => {
  await using one = await scene();
  const { nextFederation: federation } = one.chain.store.tip();
  const change = makeChange({ federation, keys });
  const wrap = () =>
    changeTransaction(change, {
      federation,
      from: stranger,
      timestamp: one.chain.nowMs(),
      nonce: randomBytes(16),
    });
  for (let i = 0; i < LIMITS.poolFederationChanges; i++) assert.equal(await one.codeOf(wrap()), "taken");
  assert.equal(await one.codeOf(wrap()), "busy");
  const [taken] = one.pool.candidates();
  assert(taken !== undefined);
  await one.chain.commit([taken]);
  await one.pool.settle([taken]);
  assert.equal(one.pool.size().transactions, 0);
});

Deno.test("what is too large or too old under new parameters leaves the pool when they are in force", async () => {
  let aheadMs = 0;
  await using one = await scene(() => GENESIS_MS + 2000 + aheadMs);
  const small = { maxTransactionBytes: 20_000, transactionLifetimeMs: 1000 };
  const large = await transaction(one.chain, { content: "x".repeat(30_000), timestamp: GENESIS_MS + 1000 });
  await one.codeOf(changed(one, { parameters: small }));
  const [change] = one.pool.candidates();
  assert(change !== undefined);
  await one.chain.commit([change]);
  await one.pool.settle([change]);
  const old = await transaction(one.chain, { timestamp: GENESIS_MS + 1000 });
  for (const each of [large, old]) assert.equal(await one.codeOf(each), "taken");
  // One more block before the new parameters are in force.
  aheadMs = 5000;
  await one.pool.settle([]);
  assert.equal(one.pool.size().transactions, 2);
  await one.chain.commit([]);
  await one.pool.settle([]);
  assert.deepEqual([one.pool.outcome(large.id), one.pool.outcome(old.id)], ["too-large", "expired"]);
});
