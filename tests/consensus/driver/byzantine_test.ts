import assert from "node:assert/strict";
import { decodeFrame, encodeFrame, type Frame } from "../../../consensus/driver/frames.ts";
import { asTxId } from "../../../core/brands.ts";
import { toHex } from "../../../core/bytes.ts";
import { randomBytes } from "../../../core/platform/crypto.ts";
import { type Cluster, impersonate, makeCluster } from "../../support/member_cluster.ts";
import { newCid } from "../../support/test_transactions.ts";
import { tenant, transaction, transactions } from "./transactions.ts";

const LIAR = 3;
const QUIET = { heartbeatMs: 600_000 };

/** Three correct members and one that is the test's, which sees what they send it. */
async function threeAndALiar(
  parameters = QUIET,
): Promise<{ cluster: Cluster; say: (to: number, frame: Frame) => void; heard: Frame[] }> {
  const cluster = await makeCluster({ n: 4, parameters });
  const heard: Frame[] = [];
  for (const index of [0, 1, 2]) await cluster.start(index);
  const onFrame = (_: number, bytes: Parameters<typeof decodeFrame>[0]) => {
    const frame = decodeFrame(bytes);
    if (frame.ok) heard.push(frame.value);
    return Promise.resolve();
  };
  impersonate(cluster, { index: LIAR, impostor: { onFrame } });
  const port = cluster.network.portOf(LIAR);
  return { cluster, heard, say: (to, frame) => void port.send(to, encodeFrame(frame)) };
}

Deno.test("a transaction with a reference that nobody knows has no member wait for its leader", async () => {
  const { cluster, say } = await threeAndALiar();
  await using _ = cluster;
  const pools = () => [0, 1, 2].map((index) => cluster.at(index).member.pool);
  const poison = await transaction(cluster, { before: [{ cid: newCid(tenant.publicKey), vid: null }] });
  for (const to of [0, 1, 2]) say(to, { kind: "transactions", transactions: [poison.bytes] });
  await cluster.until(
    "all have it",
    () => [0, 1, 2].every((index) => cluster.at(index).member.pool.get(poison.id) !== undefined),
  );
  const all = await transactions(cluster, 6);
  for (const one of all) {
    await cluster.submit(1, [one]);
    await cluster.until("it is committed everywhere", async () => {
      const chains = await Promise.all([0, 1, 2].map(cluster.ids));
      return chains.every((ids) => ids.includes(toHex(one.id)));
    });
    // Each block may have brought what was missing; it has not, and every member knows that by itself.
    await cluster.until(
      "the pools are settled",
      () => pools().every((pool) => pool.get(one.id) === undefined),
    );
    assert.deepEqual(pools().map((pool) => pool.available()), [false, false, false]);
  }
});

Deno.test("two transactions with one VID, or one nonce, sent to two halves: one of each leaves all pools", async () => {
  await using cluster = await makeCluster({ n: 4, parameters: QUIET });
  for (const index of [0, 1, 2, 3]) await cluster.start(index);
  const [cid, nonce] = [newCid(tenant.publicKey), randomBytes(16)];
  // The halves do not hear of each other's in time.
  cluster.network.filter = ({ bytes }) => bytes[0] !== 2;
  for (const half of [[0, 1], [2, 3]]) {
    const pair = [await transaction(cluster, { cid }), await transaction(cluster, { nonce })];
    for (const index of half) await cluster.at(index).member.pool.add(pair);
  }
  cluster.network.filter = () => true;
  await cluster.until(
    "no pool has anything left",
    () => [0, 1, 2, 3].every((index) => cluster.at(index).member.pool.size().transactions === 0),
  );
  await cluster.until(
    "the chains are alike",
    () => [0, 1, 2, 3].every((index) => cluster.height(index) === cluster.height(0)),
  );
  for (const index of [0, 1, 2, 3]) assert.equal((await cluster.ids(index)).length, 2);
});

Deno.test("a proposal with a transaction that our pool refuses is voted for", async () => {
  await using cluster = await makeCluster({
    n: 4,
    parameters: QUIET,
    // These pools refuse everything; the leader's alone does not.
    adapt: (index, options) => ({ ...options, isDiskLow: () => index > 0 }),
  });
  for (const index of [0, 1, 2, 3]) await cluster.start(index);
  const all = await transactions(cluster, 3);
  await cluster.submit(0, all);
  await cluster.settled(all);
});

Deno.test("a question that names one body many times is answered once", async () => {
  const { cluster, say, heard } = await threeAndALiar();
  await using _ = cluster;
  cluster.network.split([0, LIAR]);
  const one = await transaction(cluster);
  await cluster.submit(0, [one]);
  heard.length = 0;
  say(0, { kind: "want", ids: Array.from({ length: 4096 }, () => one.id) });
  say(0, { kind: "getBlocks", from: 1 as never, count: 1 });
  await cluster.until("the next answer is there", () => heard.some(({ kind }) => kind === "blocks"));
  const bodies = heard.flatMap((frame) => frame.kind === "transactions" ? frame.transactions : []);
  assert.equal(bodies.length, 1);
});

Deno.test("an offer of what our pool has refused is not asked for again", async () => {
  const { cluster, say, heard } = await threeAndALiar();
  await using _ = cluster;
  const late = await transaction(cluster, { timestamp: cluster.nowMs() - 7_200_000 });
  const offer = { kind: "pool", ids: [late.id] } as const;
  const asked = () => heard.filter((frame) => frame.kind === "want").length;
  say(0, offer);
  await cluster.until("it is asked for", () => asked() === 1);
  say(0, { kind: "transactions", transactions: [late.bytes] });
  say(0, offer);
  say(0, { kind: "pool", ids: [asTxId(randomBytes(32))] });
  await cluster.until("another one is asked for", () => asked() === 2);
  const wanted = heard.flatMap((frame) => frame.kind === "want" ? frame.ids.map(toHex) : []);
  assert.equal(wanted.filter((id) => id === toHex(late.id)).length, 1);
});

Deno.test("nothing that a member sends stops the others", async () => {
  const { cluster, say } = await threeAndALiar();
  await using _ = cluster;
  const port = cluster.network.portOf(LIAR);
  const garbage = [[], [0], [1], [2, 0x81], [3, 0x9b, 0, 0, 0, 0, 255, 255, 255, 255], [5, 0x20], [9]];
  for (const bytes of garbage) port.send(0, new Uint8Array(bytes));
  for (let kind = 1; kind <= 7; kind++) {
    for (let i = 0; i < 20; i++) port.send(0, new Uint8Array([kind, ...randomBytes(i * 7)]));
  }
  say(0, { kind: "height", height: Number.MAX_SAFE_INTEGER as never });
  say(0, { kind: "getBlocks", from: Number.MAX_SAFE_INTEGER as never, count: 256 });
  say(0, { kind: "getBlocks", from: 0 as never, count: 0 });
  say(0, { kind: "blocks", from: 1 as never, blocks: [randomBytes(50)] });
  say(0, { kind: "transactions", transactions: [randomBytes(50), new Uint8Array()] });
  say(0, { kind: "pool", ids: Array.from({ length: 20_000 }, () => asTxId(randomBytes(32))) });
  const all = await transactions(cluster, 3);
  await cluster.submit(0, all);
  await cluster.settled(all);
  const warnings = cluster.at(0).log.filter((line) => line.startsWith("warning"));
  assert(warnings.length > 0 && warnings.length < 40, `${warnings.length} lines in the log`);
});

Deno.test("one liar's height does not make a member call itself behind", async () => {
  const { cluster, say } = await threeAndALiar();
  await using _ = cluster;
  say(0, { kind: "height", height: Number.MAX_SAFE_INTEGER as never });
  await cluster.until(
    "it is known",
    () => cluster.at(0).member.status().heights.get(LIAR) === Number.MAX_SAFE_INTEGER,
  );
  assert.equal(cluster.at(0).member.status().isBehind, false);
});
