/** The pool: order, bounds, and what becomes of what leaves it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { asCid, asTxId } from "../../core/brands.ts";
import { utf8 } from "../../core/bytes.ts";
import { LIMITS } from "../../core/limits.ts";
import {
  addToPool,
  candidates,
  dropFromPool,
  expire,
  hasWork,
  makePool,
  onCommitted,
  outcomeOf,
  type Pool,
  type PoolEntry,
  type PoolLimits,
} from "../../consensus/mempool.ts";
import { memberKey } from "../support/federation.ts";
import { sha256 } from "../support/sha256.ts";

const NOW = 1_000_000;
const ALL = { nowMs: NOW, bytes: 1_000_000, count: 1_000 };
let made = 0;

interface Facts {
  readonly name?: string;
  readonly cid?: string;
  readonly vid?: number | null;
  readonly sender?: number;
  readonly timestamp?: number;
  readonly size?: number;
  readonly nonce?: string;
}

function entry(facts: Facts = {}): PoolEntry {
  const {
    name = `tx ${made++}`,
    cid = name,
    vid = 1,
    sender = 0,
    timestamp = NOW,
    size = 100,
    nonce = name,
  } = facts;
  return {
    id: asTxId(sha256(utf8(name))),
    nonceKey: sha256(utf8(nonce)),
    cid: asCid(sha256(utf8(cid))),
    vid,
    sender: memberKey(sender).publicKey,
    timestamp,
    size,
  };
}

function poolOf(limits: Partial<PoolLimits> = {}): Pool {
  return makePool({ lifetimeMs: 3_600_000, limits: { ...LIMITS, ...limits } });
}

function add(pool: Pool, each: PoolEntry, latestVid = 0): string {
  const verdict = addToPool(pool, { entry: each, latestVid, nowMs: NOW });
  return verdict.ok ? "taken" : verdict.code;
}

Deno.test("candidates() gives transactions in order of arrival", () => {
  const pool = poolOf();
  const all = [entry(), entry(), entry()];
  all.forEach((each) => add(pool, each));
  assert.deepEqual(candidates(pool, ALL), all);
});

Deno.test("candidates() puts a version that came early right after the one before it", () => {
  const pool = poolOf();
  const [third, other, first, second] = [
    entry({ cid: "c", vid: 3 }),
    entry(),
    entry({ cid: "c", vid: 1 }),
    entry({ cid: "c", vid: 2 }),
  ];
  [third, other, first, second].forEach((each) => add(pool, each));
  assert.deepEqual(candidates(pool, ALL), [other, first, second, third]);
});

Deno.test("a version that waits for another is no work", () => {
  const pool = poolOf();
  add(pool, entry({ cid: "c", vid: 2 }));
  assert.equal(hasWork(pool, NOW), false);
  assert.deepEqual(candidates(pool, ALL), []);
});

Deno.test("a version that waits becomes work when the chain has the one before it", () => {
  const pool = poolOf();
  const second = entry({ cid: "c", vid: 2 });
  add(pool, second);
  onCommitted(pool, [entry({ cid: "c", vid: 1 })]);
  assert.equal(hasWork(pool, NOW), true);
  assert.deepEqual(candidates(pool, ALL), [second]);
});

Deno.test("a timestamp too far ahead waits for the clock", () => {
  const pool = poolOf();
  add(pool, entry({ timestamp: NOW + LIMITS.timestampAheadMs + 1 }));
  assert.equal(hasWork(pool, NOW), false);
  assert.equal(hasWork(pool, NOW + 1), true);
});

Deno.test("candidates() keeps within count and bytes, and passes no large one by", () => {
  const pool = poolOf();
  const sizes = [100, 500, 100].map((size) => entry({ size }));
  sizes.forEach((each) => add(pool, each));
  assert.equal(candidates(pool, { ...ALL, count: 2 }).length, 2);
  assert.deepEqual(candidates(pool, { ...ALL, bytes: 300 }), sizes.slice(0, 1));
});

const REFUSALS: readonly (readonly [string, (pool: Pool) => string, string])[] = [
  ["one that it holds", (pool) => {
    const each = entry();
    add(pool, each);
    return add(pool, each);
  }, "duplicate"],
  ["another with the same sender and nonce", (pool) => {
    add(pool, entry({ nonce: "n" }));
    return add(pool, entry({ nonce: "n" }));
  }, "duplicate"],
  ["a version that the chain has", (pool) => add(pool, entry({ vid: 2 }), 2), "vid-order"],
  ["a second one with the same version", (pool) => {
    add(pool, entry({ cid: "c" }));
    return add(pool, entry({ cid: "c" }));
  }, "vid-order"],
  ["a version too far ahead", (pool) => add(pool, entry({ vid: LIMITS.poolVersionsAhead + 1 })), "vid-order"],
  ["one that is too old", (pool) => add(pool, entry({ timestamp: NOW - 3_600_001 })), "expired"],
];

for (const [what, act, code] of REFUSALS) {
  Deno.test(`addToPool() refuses ${what}`, () => assert.equal(act(poolOf()), code));
}

Deno.test("addToPool() answers busy at each of its bounds, and takes again when there is room", () => {
  for (const limits of [{ poolTransactions: 2 }, { poolBytes: 250 }, { poolTransactionsPerSender: 2 }]) {
    const pool = poolOf(limits);
    const [first, second, third] = [entry(), entry(), entry()];
    assert.deepEqual([first, second, third].map((each) => add(pool, each)), ["taken", "taken", "busy"]);
    onCommitted(pool, [first]);
    assert.equal(add(pool, third), "taken");
  }
});

Deno.test("one sender's bound leaves room for another", () => {
  const pool = poolOf({ poolTransactionsPerSender: 1 });
  assert.equal(add(pool, entry({ sender: 0 })), "taken");
  assert.equal(add(pool, entry({ sender: 1 })), "taken");
});

Deno.test("a request takes no version of its CID", () => {
  const pool = poolOf();
  const [request, answer] = [entry({ cid: "c", vid: null }), entry({ cid: "c", vid: 1 })];
  assert.deepEqual([add(pool, request), add(pool, answer)], ["taken", "taken"]);
  assert.deepEqual(candidates(pool, ALL), [request, answer]);
});

Deno.test("onCommitted() drops the rival of a version that the chain took, and says why", () => {
  const pool = poolOf();
  const mine = entry({ cid: "c" });
  add(pool, mine);
  onCommitted(pool, [entry({ cid: "c" })]);
  assert.equal(pool.entries.size, 0);
  assert.equal(outcomeOf(pool, mine.id), "vid-order");
});

Deno.test("expire() drops what no later block can take, and says why", () => {
  const pool = poolOf();
  const [old, young] = [entry({ timestamp: NOW - 10 }), entry({ timestamp: NOW })];
  [old, young].forEach((each) => add(pool, each));
  assert.deepEqual(expire(pool, NOW + 3_600_000 - 5), [old.id]);
  assert.equal(outcomeOf(pool, old.id), "expired");
  assert.deepEqual([...pool.entries.values()], [young]);
});

Deno.test("outcomes are forgotten, the oldest first, and when the transaction comes again", () => {
  const pool = poolOf({ poolOutcomes: 2 });
  const all = [entry(), entry(), entry()] as const;
  all.forEach((each) => add(pool, each));
  all.forEach(({ id }) => dropFromPool(pool, { id, code: "evicted" }));
  assert.deepEqual(all.map(({ id }) => outcomeOf(pool, id)), [undefined, "evicted", "evicted"]);
  assert.equal(add(pool, all[2]), "taken");
  assert.equal(outcomeOf(pool, all[2].id), undefined);
});

Deno.test("whatever comes and goes, the pool's counts are those of its entries and its choice is in order", () => {
  const action = fc.record({
    kind: fc.constantFrom("add", "commit", "drop"),
    cid: fc.nat(3),
    vid: fc.integer({ min: 1, max: 4 }),
    sender: fc.nat(2),
    size: fc.integer({ min: 1, max: 50 }),
  });
  fc.assert(fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
    const pool = poolOf({ poolBytes: 500, poolTransactions: 12 });
    const latest = new Map<number, number>();
    for (const { kind, cid, vid, sender, size } of actions) {
      const each = entry({ cid: `c${cid}`, vid, sender, size });
      const held = [...pool.entries.values()][vid];
      if (kind === "add") add(pool, each, latest.get(cid) ?? 0);
      else if (kind === "drop" && held !== undefined) dropFromPool(pool, { id: held.id, code: "evicted" });
      else if (kind === "commit") {
        latest.set(cid, (latest.get(cid) ?? 0) + 1);
        onCommitted(pool, [entry({ cid: `c${cid}`, vid: latest.get(cid) as number })]);
      }
      const entries = [...pool.entries.values()];
      assert.equal(pool.bytes, entries.reduce((sum, { size }) => sum + size, 0));
      assert.equal([...pool.perSender.values()].reduce((a, b) => a + b, 0), entries.length);
      assert.equal(pool.nonces.size, entries.length);
      assert.equal(
        [...pool.versions.values()].reduce((sum, { waiting }) => sum + waiting.size, 0),
        entries.length,
      );
      const chosen = candidates(pool, ALL);
      assert.equal(new Set(chosen).size, chosen.length);
      assert.equal(hasWork(pool, NOW), chosen.length > 0);
    }
  }));
});
