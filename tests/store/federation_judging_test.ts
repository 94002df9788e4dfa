/**
 * Which change of the federation build() takes, and which certificates validate() refuses.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Block, transactionsRoot } from "../../core/block.ts";
import { asHeight, asRound } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import type { FederationDocument } from "../../core/federation.ts";
import type { PrivateKey } from "../../core/platform/private_key.ts";
import type { Transaction } from "../../core/transaction.ts";
import type { ChainStore } from "../../store/chain_store.ts";
import { changeTransaction, naming } from "../support/federation_changes.ts";
import { certifiedFederation } from "../support/federation.ts";
import {
  append,
  build,
  certified,
  changeOn,
  fifth,
  joined,
  keys,
  members,
  sent,
  world,
} from "./federation_fixture.ts";
import { hash, keyOf, makeTransaction, START_MS, withStorePath } from "./fixture.ts";

const { federation } = world;
const DAY_MS = 86_400_000;

/** Codes of what build() refused, by place among the candidates; `undefined` for what was not refused. */
async function codes(store: ChainStore, candidates: readonly Transaction[]) {
  const { block, refused } = await build(store, candidates);
  const taken = candidates.flatMap((each, i) => block.transactions.includes(each) ? [i] : []);
  return { taken, refused: candidates.map(({ id }) => refused.get(toHex(id))?.code) };
}

async function withStore(body: (store: ChainStore) => Promise<void>): Promise<void> {
  await withStorePath(world, async (open) => {
    await using store = await open();
    await append(store);
    await body(store);
  });
}

Deno.test("build() takes the first change that holds: those before are refused, those after wait", async () => {
  await withStore(async (store) => {
    const good = changeOn(store, joined);
    const rival = changeOn(store, { members: members.slice(0, 3) });
    const few = { ...good, approvals: good.approvals.slice(0, 2) };
    const lone = { ...good, joinings: [] };
    const other = makeTransaction(world, { timestamp: store.tip().parent.time });
    const candidates = [
      sent(store, few),
      sent(store, lone),
      other,
      sent(store, good),
      sent(store, rival),
      sent(store, few),
    ];
    assert.deepEqual(await codes(store, candidates), {
      taken: [2, 3],
      refused: ["federation-approvals", "federation-newcomer", undefined, undefined, undefined, undefined],
    });
  });
});

Deno.test("build() refuses every change while one is pending, and what did not come first afterwards", async () => {
  await withStore(async (store) => {
    const rival = sent(store, changeOn(store, { members: members.slice(0, 3) }));
    await append(store, [sent(store, changeOn(store, joined))]);
    const follows = sent(store, changeOn(store, { members }, { federation: store.tip().nextFederation }));
    assert.deepEqual((await codes(store, [follows])).refused, ["federation-pending"]);
    await append(store);
    assert.deepEqual(await codes(store, [rival, follows]), { taken: [1], refused: ["vid-order", undefined] });
  });
});

Deno.test("build() refuses a new member that names no block, the next one, one far above, or another's hash", async () => {
  await withStore(async (store) => {
    await append(store);
    const { header, parent } = store.tip();
    assert.ok(header);
    const named = (height: number) => ({ ...naming(header), height: asHeight(height) });
    for (
      const height of [0, parent.height - 1, parent.height + 1, parent.height + 2, Number.MAX_SAFE_INTEGER]
    ) {
      const transaction = sent(store, changeOn(store, joined, { names: named(height) }));
      assert.deepEqual(
        (await codes(store, [transaction])).refused,
        ["federation-newcomer"],
        `height ${height}`,
      );
    }
    const transaction = sent(store, changeOn(store, joined, { names: named(parent.height) }));
    assert.deepEqual((await codes(store, [transaction])).taken, [0]);
  });
});

const certificates: readonly (readonly [string, () => Promise<Partial<FederationDocument>>])[] = [
  [
    "expired before the block",
    async () => ({ members: [...members, await certified(4, { notAfterMs: START_MS - 1 })] }),
  ],
  [
    "for another key",
    async () => ({ members: [...members, await certified(4, { key: keys[5] as PrivateKey })] }),
  ],
  ["by another authority", async () => {
    const { document } = (await certifiedFederation({ keys: keys.slice(0, 5), timeMs: START_MS })).federation;
    return { members: [...members, document.members[4] ?? fifth] };
  }],
  ["by the old authority, where the document brings another", async () => {
    const { document } = (await certifiedFederation({ keys: keys.slice(0, 5), timeMs: START_MS })).federation;
    return { ...joined, authority: document.authority };
  }],
  [
    "that is empty",
    () => Promise.resolve({ members: [...members, { ...fifth, certificate: new Uint8Array() }] }),
  ],
];
for (const [name, next] of certificates) {
  Deno.test(`build() and validate() refuse a new member with a certificate ${name}`, async () => {
    const document = await next();
    await withStore(async (store) => {
      const transaction = sent(store, changeOn(store, document));
      assert.deepEqual((await codes(store, [transaction])).refused, ["federation-certificate"]);
      const { block } = await build(store, [sent(store, changeOn(store, joined))]);
      const forged = await judgedWith(store, { block, transaction });
      assert.equal(forged.ok ? "accepted" : forged.code, "federation-certificate");
    });
  });
}

/** A block's verdict once its transaction is exchanged for another; the header fits, but for the state root. */
async function judgedWith(
  store: ChainStore,
  { block, transaction }: { block: Block; transaction: Transaction },
) {
  const header = { ...block.header, transactionsRoot: transactionsRoot(hash, [transaction.id]) };
  return await store.validate({ ...block, header, transactions: [transaction] }, { nowMs: null });
}

Deno.test("build() judges certificates at the block's time: one that expires later is taken", async () => {
  const next = { members: [...members, await certified(4, { notAfterMs: START_MS + 2_000 })] };
  await withStore(async (store) => {
    await append(store, [sent(store, changeOn(store, next))]);
    for (let i = 0; i < 5; i++) await append(store);
    assert.equal(store.tip().federation.document.sequence, 1);
  });
});

Deno.test("build() judges the certificates of members who stay as well", async () => {
  await withStore(async (store) => {
    const change = sent(store, changeOn(store, { name: "renewed" }));
    const { block, refused } = await store.build({
      candidates: [{ ...change }],
      proposer: keyOf(1_000_000).publicKey,
      createdRound: asRound(0),
      nowMs: START_MS + DAY_MS + 2_000,
    });
    assert.deepEqual([...refused.values()].map(({ code }) => code), ["expired"]);
    assert.equal(block.transactions.length, 0);
    const late = changeTransaction(changeOn(store, { name: "renewed" }), {
      federation,
      from: keyOf(1),
      timestamp: START_MS + DAY_MS + 2_000,
    });
    const later = await store.build({
      candidates: [late],
      proposer: keyOf(1_000_000).publicKey,
      createdRound: asRound(0),
      nowMs: START_MS + DAY_MS + 2_000,
    });
    assert.deepEqual([...later.refused.values()].map(({ code }) => code), ["federation-certificate"]);
  });
});
