/** The simulator's parts, each alone. */
import assert from "node:assert/strict";
import { addRun, type Record } from "./resume.ts";
import { emptyTally } from "./campaign.ts";
import { missingCoverage, REQUIRED } from "./coverage.ts";
import { makeClockwork } from "./clockwork.ts";
import { makeDisk } from "./disk.ts";
import { drawPlan } from "./draw.ts";
import { membersOf } from "./federations.ts";
import { makeHeap } from "./heap.ts";
import { makeNetwork } from "./network.ts";
import { nodeKey, QUICK_SIGNERS } from "./quick_crypto.ts";
import { makeRandom } from "./random.ts";
import { makeMutex, runTask } from "./tasks.ts";
import type { Frame, Hello, NodeId } from "./types.ts";
import { faultsOf } from "../../core/federation.ts";
import type { Height } from "../../core/brands.ts";

Deno.test("makeRandom() gives the same numbers for the same name, and a split leaves its parent as it was", () => {
  const [a, b] = [makeRandom("x"), makeRandom("x")];
  b.split("y").next();
  assert.deepEqual([a.next(), a.below(10), a.chance(0.5)], [b.next(), b.below(10), b.chance(0.5)]);
  assert.notEqual(makeRandom("x").next(), makeRandom("y").next());
});

Deno.test("makeRandom() spreads its numbers evenly", () => {
  const random = makeRandom("even");
  const counts = Array.from({ length: 10 }, () => 0);
  for (let i = 0; i < 10_000; i++) counts[random.below(10)]!++;
  assert(counts.every((count) => count > 850 && count < 1_150), counts.join(" "));
});

Deno.test("makeHeap() gives what was planned by time, then in order of planning", () => {
  const heap = makeHeap();
  const random = makeRandom("heap");
  for (let sequence = 0; sequence < 500; sequence++) {
    heap.push({ atMs: random.below(20), sequence, run: () => {} });
  }
  let last = heap.pop();
  for (let next = heap.pop(); next !== undefined && last !== undefined; next = heap.pop()) {
    assert(next.atMs > last.atMs || (next.atMs === last.atMs && next.sequence > last.sequence));
    last = next;
  }
  assert.equal(heap.size(), 0);
});

Deno.test("the quick signature is of this key and message alone", () => {
  const { crypto, sign } = QUICK_SIGNERS;
  const message = new Uint8Array([1, 2, 3]);
  const signature = sign(nodeKey(0), message);
  assert(crypto.verify(nodeKey(0).publicKey, message, signature));
  assert(!crypto.verify(nodeKey(1).publicKey, message, signature));
  assert(!crypto.verify(nodeKey(0).publicKey, new Uint8Array([1, 2, 4]), signature));
});

Deno.test("makeMutex() lets one task in at a time, in order", () => {
  const mutex = makeMutex();
  const log: string[] = [];
  const resumes: (() => void)[] = [];
  for (const name of ["a", "b"]) {
    runTask(mutex.alone(function* () {
      log.push(`${name} in`);
      yield (resume) => void resumes.push(resume);
      log.push(`${name} out`);
    }));
  }
  assert.deepEqual(log, ["a in"]);
  resumes.shift()?.();
  resumes.shift()?.();
  assert.deepEqual(log, ["a in", "a out", "b in", "b out"]);
});

function testDisk() {
  const clock = makeClockwork();
  const disk = makeDisk({
    random: makeRandom("disk"),
    writeMs: [1, 1],
    after: clock.after,
    isFull: () => false,
  });
  return { clock, disk };
}

Deno.test("makeDisk() keeps what has resolved, and of what was in flight a prefix at most", () => {
  for (let i = 0; i < 20; i++) {
    const { clock, disk } = testDisk();
    runTask(disk.append(1, [new Uint8Array([1])]));
    while (clock.next(Infinity));
    runTask(disk.append(2, [new Uint8Array([2]), new Uint8Array([3])]));
    assert(disk.isWriting());
    disk.settle({ disk: i % 2 === 0 ? "torn" : "intact", lost: 0 });
    const left = disk.readJournal().map(([byte]) => byte as number);
    const isPrefix = [[1], [1, 2], [1, 2, 3], [2], [2, 3]].some((each) => each.join() === left.join());
    assert(isPrefix, left.join());
    if (i % 2 === 0) assert.deepEqual(left, [1]);
  }
});

Deno.test("makeDisk() goes back to a moment that it was in", () => {
  const { clock, disk } = testDisk();
  for (const height of [1, 2, 3]) {
    runTask(disk.append(height, [new Uint8Array([height])]));
    runTask(disk.write({ kind: "unpool", ids: [`${height}`] }));
    while (clock.next(Infinity));
  }
  disk.settle({ disk: "machine-back", lost: 0.5 });
  const votes = disk.readJournal().length;
  assert(votes < 3);
  assert(disk.storeLog().length < 3);
  disk.settle({ disk: "wiped", lost: 0 });
  assert.deepEqual([disk.readJournal().length, disk.storeLog().length], [0, 0]);
});

function testNetwork() {
  const clock = makeClockwork();
  const log: string[] = [];
  const hello: Hello = { height: 0 as Height, shown: null };
  const up = new Set<NodeId>([0, 1]);
  const network = makeNetwork({
    nodes: [0, 1],
    random: makeRandom("network"),
    nowMs: clock.nowMs,
    after: clock.after,
    weather: { loss: 0, duplication: 0, delayMs: [1, 50] },
    ends: {
      isUp: (node) => up.has(node),
      knows: () => true,
      hello: () => hello,
      onUp: (node, peer) => void log.push(`${node} up ${peer}`),
      onDown: (node, peer) => void log.push(`${node} down ${peer}`),
      onFrame: (node, _from, frame) =>
        void log.push(`${node} ${frame.kind === "height" ? frame.height : ""}`),
    },
  });
  const run = (untilMs: number) => {
    while (clock.next(untilMs));
  };
  return { clock, log, network, up, run };
}

const height = (at: number): Frame => ({ kind: "height", height: at as Height });

Deno.test("makeNetwork() greets first, then delivers in order", () => {
  const { log, network, run } = testNetwork();
  network.dial(0);
  run(5_000);
  assert.deepEqual(log.splice(0).sort(), ["0 up 1", "1 up 0"]);
  for (let i = 1; i <= 20; i++) assert(network.send(0, 1, height(i)));
  run(10_000);
  assert.deepEqual(log, Array.from({ length: 20 }, (_, i) => `1 ${i + 1}`));
});

Deno.test("makeNetwork() tells the other end when a process ends, and drops what was under way", () => {
  const { log, network, up, run } = testNetwork();
  network.dial(0);
  run(5_000);
  log.length = 0;
  network.send(0, 1, height(1));
  up.delete(0);
  network.hangUp(0);
  run(10_000);
  assert.deepEqual(log, ["1 down 0"]);
  assert.equal(network.send(1, 0, height(2)), false);
});

Deno.test("makeNetwork() ends a link that is cut for long, and not one that is cut for short", () => {
  const { clock, log, network, run } = testNetwork();
  network.dial(0);
  run(5_000);
  log.length = 0;
  const short = network.cut(0, 1);
  network.send(0, 1, height(1));
  network.send(1, 0, height(2));
  run(6_000);
  short.end();
  assert.deepEqual(log.splice(0), ["0 2"]);
  network.cut(0, 1);
  run(clock.nowMs() + 20_000);
  assert.deepEqual(log.sort(), ["0 down 1", "1 down 0"]);
});

Deno.test("drawPlan() gives the same plan twice, and never more faulty members than a federation bears", () => {
  for (let seed = 0; seed < 500; seed++) {
    const plan = drawPlan(seed);
    if (seed < 10) assert.deepEqual(plan, drawPlan(seed));
    const liars = plan.faults.flatMap((fault) =>
      fault.kind === "crash" && fault.disk !== "intact" && fault.disk !== "torn" ? [fault.node] : []
    );
    const faulty = new Set([...plan.byzantine, ...liars]);
    for (const members of membersOf(plan)) {
      const borne = faultsOf(members.length);
      assert(members.filter((node) => faulty.has(node)).length <= borne, `seed ${seed}`);
    }
  }
});

Deno.test("missingCoverage() names what stayed at zero", () => {
  const all = Object.fromEntries(REQUIRED.map((name) => [name, 1]));
  assert.deepEqual(missingCoverage(all), []);
  assert.deepEqual(missingCoverage({ ...all, "f+1 jump": 0 }), ["f+1 jump"]);
});

Deno.test("addRun() adds a run to a campaign, and says where the next begins", () => {
  const empty: Record = { version: 1, next: 0, seconds: 0, tally: emptyTally(), runs: [] };
  const run = { revision: "abc", from: 0, seeds: 8, violations: 0, seconds: 2 };
  const tally = { ...emptyTally(), seeds: 8, events: 100 };
  const twice = addRun(addRun(empty, { run, tally }), { run: { ...run, from: 8 }, tally });
  assert.deepEqual([twice.next, twice.seconds, twice.tally.seeds, twice.tally.events], [16, 4, 16, 200]);
  assert.equal(twice.runs.length, 2);
});
