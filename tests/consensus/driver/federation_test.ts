/** Running members follow changes of the federation: real drivers, stores and journals on links in memory. */
import assert from "node:assert/strict";
import { toHex } from "../../../core/bytes.ts";
import type { Transaction } from "../../../core/transaction.ts";
import { changeOf, follow, isInForce } from "../../support/cluster_changes.ts";
import { voteIn } from "../../support/frame_votes.ts";
import { type Cluster, makeCluster } from "../../support/member_cluster.ts";
import { transaction, transactions } from "./transactions.ts";

const QUICK = { heartbeatMs: 100, roundTimeoutMs: 250, roundTimeoutMaxMs: 1000, tenureBlocks: 3 };

/** Starts some nodes of a cluster whose first federation has `n` members. */
async function start(
  { n, nodes, run }: { n: number; nodes: number; run: readonly number[] },
): Promise<Cluster> {
  const cluster = await makeCluster({ n, nodes, parameters: QUICK });
  for (const index of run) await cluster.start(index);
  await cluster.until(
    "there is a chain",
    () => run.every((index) => index >= n || cluster.height(index) > 0),
  );
  return cluster;
}

/** Gives a node a transaction, and waits until it is on the chains of all these nodes. */
async function commit(
  cluster: Cluster,
  { one, by, on }: { one: Transaction; by: number; on: readonly number[] },
): Promise<void> {
  await cluster.submit(by, [one]);
  await cluster.until("it is on the chain", async () => {
    for (const index of on) if (!(await cluster.ids(index)).includes(toHex(one.id))) return false;
    return true;
  });
}

/** Makes nodes the members, and waits until they are and a block was decided among them. */
async function change(
  cluster: Cluster,
  { members, by, on }: { members: readonly number[]; by: number; on: readonly number[] },
): Promise<void> {
  const one = changeOf(cluster, { members, at: by });
  await commit(cluster, { one, by, on });
  await cluster.until(
    "it is in force",
    () => on.every((index) => isInForce(cluster.at(index).chain.tip(), members)),
  );
  const height = Math.max(...on.map(cluster.height));
  await cluster.until("they decide", () => on.every((index) => cluster.height(index) > height));
}

const standing = (cluster: Cluster, index: number) => cluster.at(index).member.status().standing;

function warnings(cluster: Cluster): readonly string[] {
  return cluster.running().flatMap((index) =>
    cluster.at(index).log.filter((line) => line.startsWith("warning")).map((line) => `${index}: ${line}`)
  );
}

Deno.test("a new member follows, is linked when it is in force, and its vote counts", async () => {
  await using cluster = await start({ n: 4, nodes: 5, run: [0, 1, 2, 3, 4] });
  await using _ = follow(cluster, 4);
  assert.deepEqual([cluster.network.linksOf(4), standing(cluster, 4)], [[], "observing"]);
  await change(cluster, { members: [0, 1, 2, 3, 4], by: 1, on: [0, 1, 2, 3, 4] });
  assert.deepEqual(cluster.network.linksOf(4), [0, 1, 2, 3]);
  assert.equal(standing(cluster, 4), "voting");
  await cluster.stop(0);
  // Four of five decide: nothing without the new one.
  await commit(cluster, { one: await transaction(cluster), by: 4, on: [1, 2, 3, 4] });
  assert.deepEqual(warnings(cluster), []);
});

Deno.test("a new member that comes first moves the indexes of all others, and the chain goes on", async () => {
  await using cluster = await start({ n: 4, nodes: 5, run: [0, 1, 2, 3, 4] });
  await using _ = follow(cluster, 4);
  const before = [0, 1, 2, 3].map((index) => cluster.network.linksOf(index).filter((other) => other < 4));
  await change(cluster, { members: [4, 3, 2, 1, 0], by: 0, on: [0, 1, 2, 3, 4] });
  const after = [0, 1, 2, 3].map((index) => cluster.network.linksOf(index).filter((other) => other < 4));
  assert.deepEqual(after, before);
  const all = await transactions(cluster, 10);
  for (const [i, one] of all.entries()) await cluster.submit(i % 5, [one]);
  await cluster.until("all are on all chains", async () => {
    for (const index of [0, 1, 2, 3, 4]) {
      const ids = await cluster.ids(index);
      if (!all.every(({ id }) => ids.includes(toHex(id)))) return false;
    }
    return true;
  });
  assert.deepEqual(warnings(cluster), []);
});

Deno.test("a removed leader stops voting, loses its links, and follows on", async () => {
  await using cluster = await start({ n: 4, nodes: 4, run: [0, 1, 2, 3] });
  await using _ = follow(cluster, 0);
  await change(cluster, { members: [1, 2, 3], by: 2, on: [1, 2, 3] });
  await cluster.until("it is no member any more", () => standing(cluster, 0) === "observing");
  await cluster.until("its links are gone", () => cluster.network.linksOf(0).length === 0);
  const one = await transaction(cluster);
  await commit(cluster, { one, by: 1, on: [0, 1, 2, 3] });
  assert.deepEqual(warnings(cluster), []);
});

Deno.test("all members are replaced by others, who go on with the chain", async () => {
  await using cluster = await start({ n: 4, nodes: 8, run: [0, 1, 2, 3, 4, 5, 6, 7] });
  await using stack = new AsyncDisposableStack();
  for (let index = 0; index < 8; index++) stack.use(follow(cluster, index));
  await change(cluster, { members: [4, 5, 6, 7], by: 0, on: [4, 5, 6, 7] });
  await cluster.until(
    "the old ones are observers",
    () => [0, 1, 2, 3].every((index) => standing(cluster, index) === "observing"),
  );
  await commit(cluster, { one: await transaction(cluster), by: 5, on: [0, 1, 2, 3, 4, 5, 6, 7] });
});

Deno.test("one member becomes two, and two become one", async () => {
  await using cluster = await start({ n: 1, nodes: 2, run: [0, 1] });
  await using stack = new AsyncDisposableStack();
  for (const index of [0, 1]) stack.use(follow(cluster, index));
  await change(cluster, { members: [0, 1], by: 0, on: [0, 1] });
  await commit(cluster, { one: await transaction(cluster), by: 1, on: [0, 1] });
  await change(cluster, { members: [1], by: 1, on: [1] });
  await commit(cluster, { one: await transaction(cluster), by: 1, on: [0, 1] });
});

Deno.test("members come and go while frames are lost and rounds change", async () => {
  await using cluster = await start({ n: 4, nodes: 6, run: [0, 1, 2, 3, 4, 5] });
  await using stack = new AsyncDisposableStack();
  for (let index = 0; index < 6; index++) stack.use(follow(cluster, index));
  // The whole frame of a vote or a proposal: the pool's and the chain's questions come again by themselves.
  cluster.network.weather = { loss: 0.05, doubling: 0.05, delayMs: 5 };
  const plans = [[0, 1, 2, 3, 4], [4, 1, 2, 3], [5, 4, 3, 2, 1, 0], [0, 5, 3, 4]];
  for (const members of plans) {
    const by = members.find((index) => cluster.at(index).member.status().standing !== "observing");
    assert(by !== undefined, "somebody stays");
    await change(cluster, { members, by, on: members });
  }
  cluster.network.weather = { loss: 0, doubling: 0, delayMs: 0 };
  await commit(cluster, { one: await transaction(cluster), by: 5, on: [0, 1, 2, 3, 4, 5] });
});

Deno.test("a member that slept through a change is shown the way by those that stay", async () => {
  await using cluster = await start({ n: 4, nodes: 5, run: [0, 1, 2, 3, 4] });
  await using _ = follow(cluster, 4);
  await cluster.stop(3);
  await change(cluster, { members: [4, 3, 1, 2], by: 1, on: [1, 2, 4] });
  await cluster.start(3);
  await cluster.until(
    "it votes again",
    () => standing(cluster, 3) === "voting" && isInForce(cluster.at(3).chain.tip(), [4, 3, 1, 2]),
  );
  await cluster.stop(4);
  await commit(cluster, { one: await transaction(cluster), by: 3, on: [1, 2, 3] });
});

Deno.test("a member that was removed while it did not run is let in by nobody, follows, and learns of it", async () => {
  await using cluster = await start({ n: 4, nodes: 4, run: [0, 1, 2, 3] });
  await cluster.stop(0);
  await change(cluster, { members: [1, 2, 3], by: 2, on: [1, 2, 3] });
  await cluster.start(0);
  assert.deepEqual([cluster.network.linksOf(0), standing(cluster, 0)], [[], "waiting"]);
  await using _ = follow(cluster, 0);
  await cluster.until("it knows", () => standing(cluster, 0) === "observing");
});

Deno.test("those who stay get the last block of the old federation from a removed member that alone has decided it", async () => {
  await using cluster = await start({ n: 4, nodes: 4, run: [0, 1, 2] });
  cluster.network.filter = ({ from, to, bytes }) => {
    const vote = voteIn({ from, bytes });
    const next = cluster.at(from).chain.federationTerms()[1];
    return to === 0 || vote?.kind !== "commit" || vote.height !== (next?.fromHeight ?? Infinity) - 1;
  };
  await change(cluster, { members: [1, 2, 3], by: 1, on: [1, 2] });
  assert.equal(standing(cluster, 1), "voting");
});

Deno.test("of two changes that follow the same document one is decided, and the other leaves all pools", async () => {
  await using cluster = await start({ n: 4, nodes: 6, run: [0, 1, 2, 3] });
  const rivals = [
    changeOf(cluster, { members: [0, 1, 2], at: 0 }),
    changeOf(cluster, { members: [0, 1, 3], at: 0 }),
  ];
  // Both at once, and to different members.
  await Promise.all(rivals.map((one, i) => cluster.submit(i + 1, [one])));
  const [first, second] = rivals as [Transaction, Transaction];
  await cluster.until(
    "one is in force, the other is gone",
    () =>
      cluster.at(0).chain.federationTerms().length === 2 &&
      [0, 1].every((index) => cluster.at(index).member.pool.size().transactions === 0),
  );
  const codes = [first, second].map(({ id }) => cluster.at(0).member.pool.outcome(id));
  assert.deepEqual(codes.toSorted(), ["federation-order", undefined]);
});

Deno.test("a change that follows one under way waits without being work, and comes after it", async () => {
  await using cluster = await start({ n: 4, nodes: 5, run: [0, 1, 2, 3] });
  const first = changeOf(cluster, { members: [0, 1, 2, 3], at: 0 });
  await commit(cluster, { one: first, by: 0, on: [0] });
  const second = changeOf(cluster, { members: [3, 2, 1, 0], at: 0 });
  await commit(cluster, { one: second, by: 0, on: [0, 1, 2, 3] });
  await cluster.until("both were in force", () => cluster.at(0).chain.federationTerms().length === 3);
  await cluster.until("the second is in force", () => isInForce(cluster.at(0).chain.tip(), [3, 2, 1, 0]));
});
