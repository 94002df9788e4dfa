import assert from "node:assert/strict";
import type { Bytes } from "../../../core/bytes.ts";
import { randomBytes } from "../../../core/platform/crypto.ts";
import { decodeFrame } from "../../../consensus/driver/frames.ts";
import { voteIn } from "../../support/frame_votes.ts";
import { startCluster } from "../../support/member_cluster.ts";
import { transactions } from "./transactions.ts";

const ALL = [0, 1, 2, 3];
/** No round ends by itself, and no empty block comes between. */
const PATIENT = { heartbeatMs: 600_000, roundTimeoutMs: 60_000, roundTimeoutMaxMs: 60_000 };
/** The same, but for the first block, which does not wait for a heartbeat. */
async function settledCluster() {
  const cluster = await startCluster({ n: 4, parameters: { ...PATIENT, heartbeatMs: 1_000 } });
  const [one] = await transactions(cluster, 1);
  assert(one !== undefined);
  await cluster.submit(0, [one]);
  await cluster.settled([one]);
  return { cluster, one };
}

Deno.test("members that see everything in time send each vote in compact form alone, and ask nobody", async () => {
  await using cluster = await startCluster({ n: 4, parameters: PATIENT });
  const seen = new Map<string, number>();
  cluster.network.filter = ({ from, bytes }) => {
    const name = nameOf(from, bytes);
    seen.set(name, (seen.get(name) ?? 0) + 1);
    return true;
  };
  const all = await transactions(cluster, 6);
  for (const one of all) {
    await cluster.submit(0, [one]);
    await cluster.until("it is decided", () => cluster.at(3).member.pool.size().transactions === 0);
  }
  await cluster.settled(all);
  assert.equal([...seen.keys()].filter((name) => name.startsWith("full")).join(), "");
  assert((seen.get("compact pre-prepare") ?? 0) >= 3);
  assert((seen.get("compact commit") ?? 0) > (seen.get("compact pre-prepare") ?? 0));
});

Deno.test("votes that come before their proposal count once it is there", async () => {
  const { cluster, one } = await settledCluster();
  await using _ = cluster;
  const kept: { to: number; bytes: Bytes }[] = [];
  let passing = false;
  cluster.network.filter = ({ from, to, bytes }) => {
    // The proposal's way to member 3 is long; whoever is asked for it is silent.
    if (to === 3 && nameOf(from, bytes) === "compact pre-prepare" && !passing) {
      kept.push({ to, bytes });
      return false;
    }
    return nameOf(from, bytes) !== "wantVotes" && !nameOf(from, bytes).startsWith("full");
  };
  // Without member 2 the votes of member 3 are needed.
  await cluster.stop(2);
  const more = await transactions(cluster, 3);
  await cluster.submit(0, more);
  await cluster.until("the proposal is under way", () => kept.length > 0);
  await cluster.until("member 3 lacks it", () => cluster.at(3).member.pool.size().transactions === 3);
  passing = true;
  for (const { to, bytes } of kept) cluster.network.portOf(0).send(to, bytes);
  await cluster.settled([one, ...more]);
});

Deno.test("a member that never gets the proposal learns the block from the others' votes in full", async () => {
  const { cluster, one } = await settledCluster();
  await using _ = cluster;
  const names = new Set<string>();
  cluster.network.filter = ({ from, to, bytes }) => {
    const name = nameOf(from, bytes);
    names.add(`${from}>${to} ${name}`);
    // Nor does anybody tell it of heights: the votes are all that it has.
    return to !== 3 || name !== "height" && !name.endsWith("pre-prepare");
  };
  const more = await transactions(cluster, 3);
  await cluster.submit(0, more);
  await cluster.settled([one, ...more]);
  const asked = [0, 1, 2].filter((to) => names.has(`3>${to} wantVotes`));
  assert(asked.length > 0, "nobody was asked");
  for (const to of asked) assert(names.has(`${to}>3 full prepare`), `member ${to} did not answer`);
});

Deno.test("a proposal whose certificate cannot be put together comes in full", async () => {
  const { cluster, one } = await settledCluster();
  await using _ = cluster;
  const names: string[] = [];
  const more = await transactions(cluster, 2);
  cluster.network.filter = ({ from, to, bytes }) => {
    const name = nameOf(from, bytes);
    names.push(`${from}>${to} ${name}`);
    // The leader's certificate is by 0, 1 and 2; member 3 has the COMMITs of 0, 2 and itself.
    return !name.endsWith("commit") || !(from === 3 && to === 0 || from === 1 && to === 3);
  };
  await cluster.submit(0, more.slice(0, 1));
  await cluster.until(
    "all have it",
    () => ALL.every((i) => cluster.at(i).member.pool.size().transactions === 0),
  );
  // Without member 2 member 3 is needed, and the proposal alone tells it what to vote for.
  await cluster.stop(2);
  cluster.network.filter = ({ from, to, bytes }) => {
    names.push(`${from}>${to} ${nameOf(from, bytes)}`);
    return true;
  };
  names.length = 0;
  await cluster.submit(0, more.slice(1));
  await cluster.settled([one, ...more]);
  assert(names.includes("0>3 full pre-prepare"), names.join("\n"));
});

Deno.test("compact nonsense from a member neither stops the others nor costs it its votes", async () => {
  const { cluster, one } = await settledCluster();
  await using _ = cluster;
  const port = cluster.network.portOf(3);
  for (const kind of [8, 9, 10, 11]) {
    for (let i = 0; i < 30; i++) {
      port.send(0, new Uint8Array([kind, ...randomBytes(i * 5)]));
      port.send(0, new Uint8Array([kind, 0x82, i, 0x58, 68, ...randomBytes(68)]));
      port.send(0, new Uint8Array([kind, i]));
    }
  }
  // Without member 2 those of member 3 are needed.
  await cluster.stop(2);
  const more = await transactions(cluster, 4);
  await cluster.submit(0, more);
  await cluster.settled([one, ...more]);
  assert.deepEqual(ALL.filter((i) => cluster.network.linksOf(0).includes(i)), [1, 3]);
});

/** What a frame is, votes by their form. */
function nameOf(from: number, bytes: Bytes): string {
  const vote = voteIn({ from, bytes });
  if (vote !== undefined) return `${vote.isCompact ? "compact" : "full"} ${vote.kind}`;
  const frame = decodeFrame(bytes);
  return frame.ok ? frame.value.kind : "nonsense";
}
