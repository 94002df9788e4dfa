/** The simulation in short: it is deterministic, it holds, and it notices when the code under test does not. */
import assert from "node:assert/strict";
import { makeAdversary } from "./adversary/adversary.ts";
import { drawPlan } from "./draw.ts";
import { replay, scenarioText, violationText } from "./failures.ts";
import { runSchedule } from "./schedule.ts";
import { shrink } from "./shrink.ts";
import type { Plan } from "./plan.ts";
import type { Protocol, RunResult } from "./types.ts";

const DETERMINISM_SEEDS = 50;
const SEEDS = 100;

function runSeed(seed: number): RunResult {
  return runSchedule({ plan: drawPlan(seed), adversary: makeAdversary });
}

/** A plan in which nothing goes wrong. */
function calmPlan(change: Partial<Plan> = {}): Plan {
  return {
    ...drawPlan(0),
    n: 4,
    reserves: 0,
    byzantine: [],
    loss: 0,
    duplication: 0,
    delayMs: [1, 5],
    writeMs: [0.1, 1],
    roundTimeoutMs: 400,
    roundTimeoutMaxMs: 1_600,
    skewMs: [0, 0, 0, 0],
    faults: [],
    healAtMs: 3_000,
    ...change,
  };
}

/** Runs a plan with a broken protocol. */
function runBroken(plan: Plan, protocol: (genuine: Protocol) => Protocol): RunResult {
  return runSchedule({ plan, adversary: makeAdversary, mutant: { name: "broken", protocol } });
}

Deno.test(`runSchedule() gives the same trace twice, ${DETERMINISM_SEEDS} seeds`, () => {
  for (let seed = 0; seed < DETERMINISM_SEEDS; seed++) {
    const first = runSeed(seed);
    const second = runSeed(seed);
    assert.equal(first.hash, second.hash, `seed ${seed}`);
    assert.deepEqual(first, second, `seed ${seed}`);
  }
});

Deno.test("runSchedule() gives different traces for different seeds", () => {
  const hashes = new Set(Array.from({ length: 10 }, (_, seed) => runSeed(seed).hash));
  assert.equal(hashes.size, 10);
});

Deno.test(`no promise is broken in ${SEEDS} seeds, a real one among them`, () => {
  let real = 0;
  for (let seed = 0; seed < SEEDS; seed++) {
    const { violation, coverage } = runSeed(seed);
    assert(violation === null, violation === null ? "" : `seed ${seed}: ${violationText(violation)}`);
    real += coverage["whole chain audited"] ?? 0;
  }
  assert(real > 0);
});

Deno.test("a calm schedule decides in round 0, but for the block at which the healed find their leader dead", () => {
  const { violation, commits, coverage } = runSchedule({ plan: calmPlan(), adversary: makeAdversary });
  assert.equal(violation, null);
  assert(commits > 1);
  assert((coverage["decided above round 0"] ?? 0) <= 1);
});

Deno.test("a protocol that proposes nothing is found by liveness", () => {
  const deaf = (genuine: Protocol): Protocol => ({
    ...genuine,
    step: (state, event) =>
      event.kind === "work" || event.kind === "heartbeat"
        ? { state, actions: [] }
        : genuine.step(state, event),
  });
  const plan = calmPlan({ transactions: 0 });
  assert.equal(runBroken(plan, deaf).violation?.invariant, "liveness");
});

Deno.test("an assertion that is hit is a violation", () => {
  const broken = (genuine: Protocol): Protocol => ({
    ...genuine,
    step: (state, event) => {
      assert(event.kind !== "built", "broken on purpose");
      return genuine.step(state, event);
    },
  });
  const { violation } = runBroken(calmPlan(), broken);
  assert.equal(violation?.invariant, "crash");
  assert.match(violation.detail, /broken on purpose/);
});

Deno.test("a replay gives the trace as text, and the same hash as without one", () => {
  const plan = calmPlan();
  const result = replay(plan);
  assert.equal(result.hash, runSchedule({ plan, adversary: makeAdversary }).hash);
  const text = scenarioText(result, { plan, revision: "abc" });
  assert.match(text, /^# seed 0, revision abc\n# holds\nplan: \{/);
  assert.match(text, /n0 has block 1/);
});

Deno.test("shrink() takes away what a failure does not need", () => {
  const mutant = { name: "no journal", rules: { reloadJournal: false } };
  const crashes = [1_000, 1_100, 1_200].map((atMs, node) =>
    ({ kind: "crash", node, atMs, atAction: 0, downMs: 10, disk: "intact", lost: 0 }) as const
  );
  const pause = { kind: "pause", node: 3, atMs: 500, forMs: 10 } as const;
  const plan = calmPlan({ loss: 0.01, faults: [pause, ...crashes], transactions: 20 });
  const options = { plan, adversary: makeAdversary, mutant };
  const { violation } = runSchedule(options);
  assert(violation !== null);
  const small = shrink(options, violation);
  assert.equal(runSchedule({ ...options, plan: small }).violation?.invariant, violation.invariant);
  assert.equal(small.faults.length, 1);
  assert.equal(small.loss, 0);
});
