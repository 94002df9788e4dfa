/** Compact forms in any order in which links may deliver them, with a leader that leaves members out. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { blockHash } from "../../../core/block.ts";
import { type Bytes, toHex } from "../../../core/bytes.ts";
import type { Transaction } from "../../../core/transaction.ts";
import { decodeFrame, encodeFrame } from "../../../consensus/driver/frames.ts";
import { makeFederation, makeTransactions, tipAt } from "../../sim/curve/load.ts";
import { type Decided, makeMember, type Member } from "../../sim/curve/member.ts";
import { makeHeap } from "../../sim/heap.ts";
import { quickHash } from "../../sim/quick_crypto.ts";
import { voteIn } from "../../support/frame_votes.ts";

const BLOCKS = 3;
const LEADER = 0;
/** No tenure ends soon after. */
const HEIGHT = 100;

interface World {
  readonly n: number;
  /** Members that the leader sends no proposal. */
  readonly leftOut: ReadonlySet<number>;
  /** Of the next frame. */
  readonly latencyMs: () => number;
}

/** Runs until all members have the blocks: their hashes by member, questions for full forms, rounds given up. */
function run({ n, leftOut, latencyMs }: World): { chains: string[]; asked: number; roundChanges: number } {
  const federation = makeFederation(n);
  const tip = tipAt(federation, HEIGHT);
  const heap = makeHeap();
  const arrival = new Map<string, number>();
  const decided = new Map<number, Decided>();
  const chains = Array.from({ length: n }, () => "");
  const made = new Map<Bytes, Transaction>();
  const members: Member[] = [];
  let [nowMs, sequence, asked, roundChanges] = [0, 0, 0, 0];
  const after = (ms: number, what: () => void) =>
    heap.push({ atMs: nowMs + ms, sequence: sequence++, run: what });

  function send(from: number, to: number, bytes: Bytes): void {
    const vote = voteIn({ from, bytes });
    if (vote?.kind === "round-change") roundChanges++;
    if (from === LEADER && leftOut.has(to) && vote?.kind === "pre-prepare") return;
    const frame = decodeFrame(bytes);
    assert(frame.ok);
    if (frame.value.kind === "wantVotes") asked++;
    // A link keeps its order.
    const atMs = Math.max(nowMs + latencyMs(), arrival.get(`${from}>${to}`) ?? 0);
    arrival.set(`${from}>${to}`, atMs);
    after(atMs - nowMs, () => members[to]?.onFrame(from, frame.value));
  }

  for (let self = 0; self < n; self++) {
    members.push(makeMember({
      self,
      tip,
      idOf: (bytes) => (made.get(bytes) as Transaction).id,
      nowMs: () => nowMs,
      after,
      send: (to, frame) => {
        if (to !== "all") return send(self, to, frame);
        for (let each = 0; each < n; each++) if (each !== self) send(self, each, frame);
      },
      onPersist: () => {},
      onStored: (height, block) => {
        decided.set(height, block);
        chains[self] += `${toHex(blockHash(quickHash, block.proposal.header)).slice(0, 8)} `;
      },
      fetch: (height) => decided.get(height),
    }));
  }
  for (const member of members) member.meet();
  for (let block = 0; block < BLOCKS; block++) {
    const all = makeTransactions(federation, { count: 2, bytes: 400, what: `${block}` });
    for (const one of all) made.set(one.bytes, one);
    const frame = encodeFrame({ kind: "transactions", transactions: all.map(({ bytes }) => bytes) });
    const decoded = decodeFrame(frame);
    assert(decoded.ok && decoded.value.kind === "transactions");
    decoded.value.transactions.forEach((bytes, i) => made.set(bytes, all[i] as Transaction));
    for (const [to, member] of members.entries()) {
      after(latencyMs(), () => member.onFrame((to + 1) % n, decoded.value));
    }
    const isDone = () => chains.every((chain) => chain.split(" ").length > block + 1);
    while (!isDone()) {
      const next = heap.pop();
      assert(next !== undefined && next.atMs < 600_000, `block ${block} is never decided by all: ${chains}`);
      nowMs = next.atMs;
      next.run();
    }
  }
  return { chains, asked, roundChanges };
}

const shapes = fc.record({
  n: fc.integer({ min: 4, max: 7 }),
  left: fc.integer({ min: 0, max: 2 }),
  latencies: fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 200 }),
});

Deno.test("all members decide the same blocks, whoever is left out and whatever comes first", () => {
  let asked = 0;
  fc.assert(
    fc.property(shapes, ({ n, left, latencies }) => {
      const faults = Math.floor((n - 1) / 3);
      const leftOut = new Set(Array.from({ length: Math.min(left, faults) }, (_, i) => n - 1 - i));
      let at = 0;
      const latencyMs = () => latencies[at++ % latencies.length] as number;
      const result = run({ n, leftOut, latencyMs });
      asked += result.asked;
      // A proposal or a vote that is late by one latency, or has to be asked for, does not cost the round.
      if (leftOut.size === 0) assert.equal(result.roundChanges, 0);
      assert.deepEqual(
        new Set(result.chains.map((chain) => chain.split(" ").slice(0, BLOCKS).join())).size,
        1,
      );
    }),
    { numRuns: 60 },
  );
  assert(asked > 0, "nobody was left without a proposal");
});
