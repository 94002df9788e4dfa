import assert from "node:assert/strict";
import { toHex } from "../../../core/bytes.ts";
import { voteIn } from "../../support/frame_votes.ts";
import { startCluster } from "../../support/member_cluster.ts";
import { transactions } from "./transactions.ts";

Deno.test("one member alone commits what it takes", async () => {
  await using cluster = await startCluster({ n: 1 });
  const all = await transactions(cluster, 5);
  await cluster.submit(0, all);
  await cluster.settled(all);
});

Deno.test("four members commit what each of them takes", async () => {
  await using cluster = await startCluster({ n: 4 });
  const all = await transactions(cluster, 40);
  await Promise.all(all.map((one, i) => cluster.submit(i % 4, [one])));
  await cluster.settled(all);
});

Deno.test("a leader that is gone is replaced, and catches up when it is back", async () => {
  await using cluster = await startCluster({ n: 4 });
  const all = await transactions(cluster, 12);
  await cluster.submit(1, all.slice(0, 4));
  await cluster.settled(all.slice(0, 4));
  await cluster.stop(0);
  await cluster.submit(1, all.slice(4, 8));
  await cluster.settled(all.slice(0, 8));
  await cluster.start(0);
  await cluster.submit(0, all.slice(8));
  await cluster.settled(all);
});

Deno.test("a member whose chain was deleted catches up, and votes again from its journal on", async () => {
  await using cluster = await startCluster({ n: 4 });
  const all = await transactions(cluster, 9);
  for (const one of all.slice(0, 6)) {
    await cluster.submit(0, [one]);
    await cluster.until("it is committed", async () => (await cluster.ids(3)).includes(toHex(one.id)));
  }
  await cluster.stop(3);
  for await (const { name } of Deno.readDir(cluster.directory(3))) {
    if (name.startsWith("chain")) await Deno.remove(`${cluster.directory(3)}/${name}`);
  }
  await cluster.start(3);
  assert.equal(cluster.height(3), 0, "the chain was not deleted");
  await cluster.until("it has caught up", () => cluster.height(3) >= 6);
  // Without its vote nothing more is decided.
  await cluster.stop(1);
  await cluster.submit(3, all.slice(6));
  await cluster.settled(all);
});

Deno.test("a member set back to older copies of chain and journal votes only above what its peers saw", async () => {
  await using cluster = await startCluster({ n: 4, parameters: { heartbeatMs: 600_000 } });
  const all = await transactions(cluster, 8);
  await cluster.submit(0, all.slice(0, 2));
  await cluster.settled(all.slice(0, 2));
  await cluster.until(
    "all are as high",
    () => [0, 1, 2, 3].every((i) => cluster.height(i) === cluster.height(0)),
  );
  await cluster.stop(3);
  const copy = `${cluster.directory(3)}-copy`;
  await copyDirectory(cluster.directory(3), copy);
  await cluster.start(3);
  // It votes at the next height, which is not decided: no COMMIT arrives.
  const undecided = cluster.height(0) + 1;
  const prepared = new Set<number>();
  cluster.network.filter = ({ from, to, bytes }) => {
    const vote = voteIn({ from, bytes });
    if (vote?.kind === "prepare" && vote.sender === 3 && from === 3) prepared.add(to);
    return vote?.kind !== "commit";
  };
  await cluster.submit(0, all.slice(2, 6));
  await cluster.until("its PREPARE is out", () => prepared.size === 3);
  await cluster.until("its PREPARE was seen", () => {
    return [0, 1, 2].every((i) => cluster.at(i).member.status().round > 0);
  });
  await cluster.stop(3);
  await Deno.remove(cluster.directory(3), { recursive: true });
  await Deno.rename(copy, cluster.directory(3));
  const votes: number[] = [];
  cluster.network.filter = ({ from, bytes }) => {
    const vote = voteIn({ from, bytes });
    if (from === 3 && vote !== undefined) votes.push(vote.height);
    // The others may not decide before it had every occasion to vote with them.
    return vote?.kind !== "commit";
  };
  await cluster.start(3);
  const round = cluster.at(0).member.status().round;
  await cluster.until("two more rounds have passed", () => cluster.at(0).member.status().round > round + 1);
  assert.equal(cluster.at(3).member.status().standing, "following");
  cluster.network.filter = ({ from, bytes }) => {
    const vote = voteIn({ from, bytes });
    if (from === 3 && vote !== undefined) votes.push(vote.height);
    return true;
  };
  await cluster.settled(all.slice(0, 6));
  await cluster.until("it has caught up", () => cluster.height(3) >= undecided);
  // Without its votes nothing more is decided.
  await cluster.stop(2);
  await cluster.submit(3, all.slice(6));
  await cluster.settled(all);
  assert(
    votes.length > 0 && votes.every((height) => height > undecided),
    `it voted at ${votes}, ${undecided} seen`,
  );
});

Deno.test("halves without a quorum decide nothing, and go on as one when they meet again", async () => {
  await using cluster = await startCluster({ n: 4 });
  const all = await transactions(cluster, 6);
  await cluster.submit(0, all.slice(0, 2));
  await cluster.settled(all.slice(0, 2));
  cluster.network.split([0, 1], [2, 3]);
  const before = Math.max(...[0, 1, 2, 3].map(cluster.height));
  await cluster.submit(0, all.slice(2, 4));
  await cluster.submit(3, all.slice(4));
  await cluster.until("both halves have given up a round", () => {
    return [0, 3].every((index) => cluster.at(index).member.status().round > 0);
  });
  assert(Math.max(...[0, 1, 2, 3].map(cluster.height)) <= before + 1, "a half decided blocks");
  cluster.network.split();
  await cluster.settled(all);
});

Deno.test("a proposal is voted for although only its proposer has the bodies", async () => {
  await using cluster = await startCluster({ n: 4 });
  // The first frames with transactions, by which they spread, are lost; those that answer a question are not.
  const spread = new Set<number>();
  cluster.network.filter = ({ to, bytes }) => bytes[0] !== 2 || spread.size === spread.add(to).size;
  const all = await transactions(cluster, 3);
  await cluster.submit(0, all);
  await cluster.settled(all);
  assert(spread.size > 0, "nothing was spread");
});

Deno.test("members that meet again tell each other what waits in their pools", async () => {
  await using cluster = await startCluster({ n: 4 });
  const all = await transactions(cluster, 4);
  cluster.network.split([0], [1], [2], [3]);
  for (const [index, one] of all.entries()) await cluster.submit(index, [one]);
  cluster.network.split();
  await cluster.settled(all);
});

Deno.test("300 transactions end up on all chains once, although a fifth of all frames is lost", async () => {
  await using cluster = await startCluster({ n: 4, seed: 7 });
  cluster.network.weather = { loss: 0.2, doubling: 0.1, delayMs: 2 };
  const all = await transactions(cluster, 300);
  for (let i = 0; i < all.length; i += 10) await cluster.submit(i / 10 % 4, all.slice(i, i + 10));
  await cluster.settled(all);
});

Deno.test("all members stopped at once with full pools lose nothing that was acknowledged", async () => {
  await using cluster = await startCluster({ n: 4 });
  const all = await transactions(cluster, 20);
  cluster.network.split([0], [1], [2], [3]);
  for (const [i, one] of all.entries()) await cluster.submit(i % 4, [one]);
  await Promise.all([0, 1, 2, 3].map(cluster.stop));
  cluster.network.split();
  for (const index of [0, 1, 2, 3]) await cluster.start(index);
  await cluster.settled(all);
});

async function copyDirectory(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
}
