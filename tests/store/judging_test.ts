/**
 * What build() leaves out and validate() refuses.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Block, Header } from "../../core/block.ts";
import { transactionsRoot } from "../../core/block.ts";
import { asHeight, asRound } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import type { Verdict } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { RefusalCode } from "../../core/refusals.ts";
import type { Transaction } from "../../core/transaction.ts";
import type { ChainStore } from "../../store/chain_store.ts";
import {
  appendTo,
  buildOn,
  cidOf,
  decide,
  hash,
  keyOf,
  makeTransaction,
  makeWorld,
  START_MS,
  withStorePath,
  type World,
} from "./fixture.ts";

const MINUTE = 60_000;

function codeOf(verdict: Verdict<unknown> | undefined): RefusalCode | "ok" | undefined {
  if (verdict === undefined) return undefined;
  return verdict.ok ? "ok" : verdict.code;
}

async function withStore(
  body: (store: ChainStore, world: World) => Promise<void>,
  world: World = makeWorld(),
): Promise<void> {
  await withStorePath(world, async (open) => {
    await using store = await open();
    await body(store, world);
  });
}

/** Why build() left a candidate out; undefined when it is in the block. */
async function leftOut(
  store: ChainStore,
  { world, candidates, nowMs }: { world: World; candidates: readonly Transaction[]; nowMs?: number },
): Promise<readonly (RefusalCode | "ok" | undefined)[]> {
  const { block, refused } = await buildOn(store, world, {
    candidates,
    ...(nowMs === undefined ? {} : { nowMs }),
  });
  return candidates.map((candidate) => {
    const code = codeOf(refused.get(toHex(candidate.id)));
    assert.equal(code === undefined, block.transactions.includes(candidate));
    return code;
  });
}

Deno.test("build() leaves out a VID that is not the next, within the block and after others", async () => {
  await withStore(async (store, world) => {
    await appendTo(store, world, { candidates: [makeTransaction(world)] });
    const candidates = [1, 3, 2, 2, 3, 5].map((vid) => makeTransaction(world, { vid }));
    const expected = ["vid-order", "vid-order", undefined, "vid-order", undefined, "vid-order"];
    assert.deepEqual(await leftOut(store, { world, candidates }), expected);
  });
});

Deno.test("build() leaves out a nonce used in the block, in a block before, and after a restart", async () => {
  const world = makeWorld();
  await withStorePath(world, async (open) => {
    const first = makeTransaction(world, { nonce: 1 });
    const candidates = [
      first,
      makeTransaction(world, { nonce: 1, cid: 1 }),
      makeTransaction(world, { nonce: 2, cid: 2 }),
      makeTransaction(world, { nonce: 2, cid: 3 }),
      makeTransaction(world, { nonce: 1, sender: keyOf(2) }),
    ];
    const expected = ["duplicate", "duplicate", undefined, "duplicate", undefined];
    await (async () => {
      await using store = await open();
      await appendTo(store, world, { candidates: [first] });
      assert.deepEqual(await leftOut(store, { world, candidates }), expected);
    })();
    await using store = await open();
    assert.deepEqual(await leftOut(store, { world, candidates }), expected);
    assert.equal(store.isNonceUsed(first.payload, START_MS + MINUTE), true);
  });
});

Deno.test("build() leaves out timestamps that are expired or ahead, by the millisecond", async () => {
  await withStore(async (store, world) => {
    const nowMs = START_MS + 10 * 60 * MINUTE;
    const { transactionLifetimeMs } = world.federation.document.parameters;
    const stamps = [
      [nowMs - transactionLifetimeMs - 1, "expired"],
      [nowMs - transactionLifetimeMs, undefined],
      [nowMs + LIMITS.timestampAheadMs, undefined],
      [nowMs + LIMITS.timestampAheadMs + 1, "future"],
    ] as const;
    const candidates = stamps.map(([timestamp], cid) => makeTransaction(world, { timestamp, cid }));
    assert.deepEqual(await leftOut(store, { world, candidates, nowMs }), stamps.map(([, code]) => code));
  });
});

Deno.test("build() leaves out a reference to what is not on the chain", async () => {
  await withStore(async (store, world) => {
    const owner = keyOf(2);
    await appendTo(store, world, { candidates: [makeTransaction(world, { sender: owner })] });
    const cid = cidOf(owner.publicKey, 0);
    const references = [
      [{ cid, vid: 1 }, undefined],
      [{ cid, vid: null }, undefined],
      [{ cid, vid: 2 }, "reference-unknown"],
      [{ cid: cidOf(owner.publicKey, 1), vid: null }, "reference-unknown"],
    ] as const;
    const candidates = references.map(([reference], own) =>
      makeTransaction(world, { cid: own, applyBefore: [reference] })
    );
    assert.deepEqual(await leftOut(store, { world, candidates }), references.map(([, code]) => code));
  });
});

Deno.test("build() leaves out a transaction above maxTransactionBytes", async () => {
  const world = makeWorld(1, { maxTransactionBytes: 2_000, maxBlockBytes: 3_000 });
  await withStore(async (store) => {
    const probe = makeTransaction(world, { bytes: 1_000 }).bytes.length - 1_000;
    const fits = makeTransaction(world, { bytes: 2_000 - probe, cid: 1 });
    const large = makeTransaction(world, { bytes: 2_001 - probe, cid: 2 });
    assert.equal(fits.bytes.length, 2_000);
    assert.deepEqual(await leftOut(store, { world, candidates: [large, fits] }), ["too-large", undefined]);
  }, world);
});

Deno.test("build() ends before the transaction that does not fit maxBlockBytes, refusing nothing", async () => {
  const world = makeWorld(1, { maxTransactionBytes: 2_000, maxBlockBytes: 4_000 });
  await withStore(async (store) => {
    const candidates = [1, 2, 3, 4].map((vid) =>
      makeTransaction(world, { vid, bytes: vid === 4 ? 1 : 1_500 })
    );
    const { block, refused } = await buildOn(store, world, { candidates });
    assert.deepEqual(block.transactions, candidates.slice(0, 2));
    assert.equal(refused.size, 0);
    await store.append(decide(world, block));
    await appendTo(store, world, { candidates: candidates.slice(2) });
  }, world);
});

Deno.test("build() takes as many as a block may hold", async () => {
  await withStore(async (store, world) => {
    const sender = keyOf(3);
    const first = makeTransaction(world, { sender });
    // A signature is not judged again here: so thousands can be made by changing what a signed one says.
    const candidates = Array.from({ length: LIMITS.blockTransactions + 1 }, (_, i): Transaction => {
      const nonce = new Uint8Array(16);
      new DataView(nonce.buffer).setUint32(4, i);
      const { payload } = makeRequest(world, nonce);
      return { ...first, payload, id: hash(nonce) as unknown as Transaction["id"] };
    });
    const { block, refused } = await buildOn(store, world, { candidates });
    assert.equal(block.transactions.length, LIMITS.blockTransactions);
    assert.equal(refused.size, 0);
  });
});

function makeRequest(world: World, nonce: Uint8Array<ArrayBuffer>): { payload: Transaction["payload"] } {
  const { payload } = REQUEST ??= makeTransaction(world, { sender: keyOf(3), requestTo: keyOf(11) });
  return { payload: { ...payload, nonce } };
}
let REQUEST: Transaction | undefined;

/** A block on a chain of two, changed. */
async function judgeChanged(
  change: (block: Block, parts: { world: World; store: ChainStore; used: Transaction }) => Block,
  { nowMs = null }: { nowMs?: number | null } = {},
): Promise<RefusalCode | "ok" | undefined> {
  let code: RefusalCode | "ok" | undefined;
  await withStore(async (store, world) => {
    const used = makeTransaction(world, { nonce: 7, cid: 5 });
    await appendTo(store, world, { candidates: [used] });
    await appendTo(store, world, { candidates: [makeTransaction(world, { cid: 6 })] });
    const { block } = await buildOn(store, world, { candidates: [makeTransaction(world, { cid: 7 })] });
    code = codeOf(await store.validate(change(block, { world, store, used }), { nowMs }));
  }, makeWorld(1, { maxBlockBytes: 10_000, maxTransactionBytes: 5_000 }));
  return code;
}

const withHeader = (change: Partial<Header>) => (block: Block): Block => ({
  ...block,
  header: { ...block.header, ...change },
});

/** Puts transactions in, under a header that names them. */
function withTransactions(block: Block, transactions: readonly Transaction[]): Block {
  const ids = transactions.map(({ id }) => id);
  const header = { ...block.header, count: ids.length, transactionsRoot: transactionsRoot(hash, ids) };
  return { ...block, header, transactions };
}

const OTHER = hash(new Uint8Array(1));

for (
  const [what, code, change] of [
    ["another chain", "block-link", withHeader({ genesisId: OTHER })],
    ["a parent that is not the tip", "block-link", withHeader({ parent: OTHER })],
    ["a height above", "block-link", withHeader({ height: asHeight(4) })],
    ["a height below", "block-link", withHeader({ height: asHeight(2) })],
    ["another federation", "block-link", withHeader({ federation: OTHER })],
    ["another next federation", "block-link", withHeader({ nextFederation: OTHER })],
    ["a time that is not after the parent's", "block-time", withHeader({ time: START_MS + 2_000 })],
    ["a proposer who is no member", "block-proposer", withHeader({ proposer: keyOf(1).publicKey })],
    ["a round beyond the limit", "header-format", withHeader({ createdRound: asRound(LIMITS.rounds + 1) })],
    ["a wrong count", "block-format", withHeader({ count: 2 })],
    ["a wrong transaction root", "block-root", withHeader({ transactionsRoot: OTHER })],
    ["a wrong state root", "block-root", withHeader({ stateRoot: OTHER })],
    ["another parent certificate", "certificate-mismatch", withHeader({ parentCertificate: OTHER })],
    [
      "no parent certificate",
      "certificate-mismatch",
      (block: Block) => ({ ...block, parentCertificate: null }),
    ],
    ["a transaction left out", "block-format", (block: Block) => ({ ...block, transactions: [] })],
  ] as const
) {
  Deno.test(`validate() refuses ${what}`, async () => {
    assert.equal(await judgeChanged(change), code);
  });
}

Deno.test("validate() accepts the unchanged block, and again", async () => {
  assert.equal(await judgeChanged((block) => block), "ok");
});

Deno.test("validate() refuses other transactions under a header that it has judged", async () => {
  const code = await judgeChanged((block, { world }) => ({
    ...block,
    transactions: [makeTransaction(world)],
  }));
  assert.equal(code, "block-root");
});

Deno.test("validate() refuses a block whose bytes are above maxBlockBytes", async () => {
  const code = await judgeChanged((block, { world }) =>
    withTransactions(block, [1, 2, 3].map((cid) => makeTransaction(world, { cid, bytes: 4_000 })))
  );
  assert.equal(code, "block-size");
});

Deno.test("validate() refuses a transaction above maxTransactionBytes", async () => {
  const code = await judgeChanged((block, { world }) =>
    withTransactions(block, [makeTransaction(world, { bytes: 6_000 })])
  );
  assert.equal(code, "too-large");
});

Deno.test("validate() refuses a transaction of a block before", async () => {
  assert.equal(await judgeChanged((block, { used }) => withTransactions(block, [used])), "duplicate");
});

Deno.test("validate() refuses a nonce of a block before", async () => {
  const code = await judgeChanged((block, { world }) =>
    withTransactions(block, [makeTransaction(world, { nonce: 7, cid: 9 })])
  );
  assert.equal(code, "duplicate");
});

Deno.test("validate() refuses one nonce twice in the block", async () => {
  const code = await judgeChanged((block, { world }) =>
    withTransactions(block, [1, 2].map((cid) => makeTransaction(world, { nonce: 8, cid })))
  );
  assert.equal(code, "duplicate");
});

Deno.test("validate() refuses a VID that is not the next", async () => {
  const code = await judgeChanged((block, { world }) =>
    withTransactions(block, [makeTransaction(world, { cid: 5, vid: 3 })])
  );
  assert.equal(code, "vid-order");
});

Deno.test("validate() refuses a reference to what is not on the chain", async () => {
  const code = await judgeChanged((block, { world }) => {
    const cid = cidOf(keyOf(50).publicKey, 0);
    return withTransactions(block, [makeTransaction(world, { applyBefore: [{ cid, vid: null }] })]);
  });
  assert.equal(code, "reference-unknown");
});

Deno.test("validate() refuses a first proposal whose time is far from the clock, and no other", async () => {
  const { maxDriftMs } = makeWorld().federation.document.parameters;
  const timeMs = START_MS + 3_000;
  assert.equal(await judgeChanged((block) => block, { nowMs: timeMs + maxDriftMs }), "ok");
  assert.equal(await judgeChanged((block) => block, { nowMs: timeMs + maxDriftMs + 1 }), "block-time");
  assert.equal(await judgeChanged((block) => block, { nowMs: timeMs - maxDriftMs - 1 }), "block-time");
  assert.equal(await judgeChanged((block) => block, { nowMs: null }), "ok");
});

Deno.test("append() refuses a certificate below the quorum, and stays at its tip", async () => {
  const world = makeWorld(4);
  await withStore(async (store) => {
    const { block } = await buildOn(store, world);
    const tip = store.tip();
    const few = decide({ ...world, keys: world.keys.slice(0, 2) }, block);
    assert.equal(codeOf(await store.append(few)), "certificate-quorum");
    const other = decide(world, withHeader({ time: block.header.time + 1 })(block));
    assert.equal(
      codeOf(await store.append({ block, certificate: other.certificate })),
      "certificate-mismatch",
    );
    assert.equal(store.tip(), tip);
  }, world);
});

Deno.test("append() refuses a block that was decided in a round before that of its proposal", async () => {
  await withStore(async (store, world) => {
    const { block } = await buildOn(store, world);
    const early = decide(world, withHeader({ createdRound: asRound(1) })(block));
    assert.equal(codeOf(await store.append(early)), "certificate-mismatch");
    assert.equal(store.tip().parent.height, 0);
  });
});

Deno.test("append() refuses a foreign block whose state root is wrong, although a quorum signed it", async () => {
  await withStore(async (store, world) => {
    const { block } = await buildOn(store, world, { candidates: [makeTransaction(world)] });
    const wrong = decide(world, withHeader({ stateRoot: OTHER })(block));
    assert.equal(codeOf(await store.append(wrong)), "block-root");
    assert.equal(store.tip().parent.height, 0);
  });
});

Deno.test("append() refuses the block that it has just appended", async () => {
  await withStore(async (store, world) => {
    const decided = await appendTo(store, world);
    assert.equal(codeOf(await store.append(decided)), "block-link");
  });
});

Deno.test("validate() lets a nonce come again exactly when its block's last timestamp has expired", async () => {
  const world = makeWorld();
  const { transactionLifetimeMs } = world.federation.document.parameters;
  const spanMs = transactionLifetimeMs + LIMITS.timestampAheadMs;
  await withStorePath(world, async (open) => {
    const blockMs = START_MS + MINUTE;
    const latest = makeTransaction(world, { nonce: 3, timestamp: blockMs + LIMITS.timestampAheadMs });
    await (async () => {
      await using store = await open();
      await appendTo(store, world, { candidates: [latest], nowMs: blockMs });
      await appendTo(store, world, {
        candidates: [makeTransaction(world, { cid: 8 })],
        nowMs: blockMs + 1_000,
      });
    })();
    // Once from the memory of a running node, once from the rows.
    await using store = await open();
    const at = async (nowMs: number) => {
      const other = makeTransaction(world, { nonce: 3, cid: 1, timestamp: nowMs });
      return await leftOut(store, { world, candidates: [latest, other], nowMs });
    };
    assert.deepEqual(await at(blockMs + spanMs), ["duplicate", "duplicate"]);
    assert.deepEqual(await at(blockMs + spanMs + 1), ["expired", undefined]);
    await appendTo(store, world, { nowMs: blockMs + spanMs });
    assert.deepEqual(await at(blockMs + spanMs + 1), ["expired", undefined]);
    assert.equal(store.isNonceUsed(latest.payload, blockMs + spanMs), true);
    assert.equal(store.isNonceUsed(latest.payload, blockMs + spanMs + 1), false);
  });
});

Deno.test("openStore() restores the window back to the oldest block that still counts", async () => {
  const world = makeWorld();
  const { transactionLifetimeMs } = world.federation.document.parameters;
  const blockMs = START_MS + MINUTE;
  const lastMs = blockMs + transactionLifetimeMs + LIMITS.timestampAheadMs;
  await withStorePath(world, async (open) => {
    await (async () => {
      await using store = await open();
      await appendTo(store, world, { candidates: [makeTransaction(world, { nonce: 4 })], nowMs: blockMs });
      await appendTo(store, world, { nowMs: lastMs - 1 });
    })();
    await using store = await open();
    const other = makeTransaction(world, { nonce: 4, cid: 1, timestamp: lastMs });
    const candidates = [other];
    assert.deepEqual(await leftOut(store, { world, candidates, nowMs: lastMs }), ["duplicate"]);
    assert.deepEqual(await leftOut(store, { world, candidates, nowMs: lastMs + 1 }), [undefined]);
  });
});
