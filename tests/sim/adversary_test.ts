/** Each behaviour of the adversary's is really exercised in a short run, and leaves every promise intact. */
import assert from "node:assert/strict";
import { openAdversary } from "./adversary/adversary.ts";
import { type BehaviourName, BEHAVIOURS, THEMES } from "./adversary/behaviours.ts";
import { drawPlan } from "./draw.ts";
import type { Fault, Plan } from "./plan.ts";
import { runSchedule } from "./schedule.ts";
import type { AdversaryFactory, RunResult } from "./types.ts";

/** Schedules that a behaviour has to show itself in. */
const SEEDS = 8;

/** Somebody joins, and the operators approve more than they should. */
const CHANGES: readonly Fault[] = [1_000, 4_000].map((atMs) => ({
  kind: "federation",
  atMs,
  leaves: null,
  joins: null,
  isRotation: false,
  isCopied: true,
  beside: ["rival", "follower", "follower of the rival", "again"],
}));

/** A drawn schedule whose Byzantine members are these; the others at worst crash. One node joins. */
function planWith(seed: number, byzantine: readonly number[]): Plan {
  const n = seed % 2 === 0 ? 4 : 7;
  const drawn = drawPlan(seed);
  const isFit = (fault: Fault) => {
    if (fault.kind === "federation" || fault.kind === "partition") return false;
    if (fault.kind === "crash" && fault.disk !== "intact" && fault.disk !== "torn") return false;
    return (fault.kind === "cut" ? [fault.from, fault.to] : [fault.node]).every((node) => node < n);
  };
  const skewMs = Array.from({ length: n + 1 }, (_, node) => drawn.skewMs[node] ?? 0);
  const joining = CHANGES.map((change) => ({ ...change, joins: n }));
  const faults = [...drawn.faults.filter(isFit), ...joining];
  return { ...drawn, seed, n, isReal: false, reserves: 1, byzantine, tenureBlocks: 2, skewMs, faults };
}

function run(seed: number, behaviours: readonly BehaviourName[]): RunResult {
  // The first leader is one of them.
  const byzantine = seed % 2 === 0 ? [0] : [0, 3];
  const adversary: AdversaryFactory = (port) => openAdversary(port, { behaviours });
  return runSchedule({ plan: planWith(seed, byzantine), adversary });
}

for (const name of Object.keys(BEHAVIOURS) as BehaviourName[]) {
  Deno.test(`the adversary's ${name} is exercised and breaks no promise`, () => {
    let times = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { violation, coverage } = run(seed, [name]);
      assert.equal(violation, null, `seed ${seed}: ${violation?.invariant} ${violation?.detail}`);
      times += coverage[`byzantine: ${name}`] ?? 0;
    }
    assert(times > 0, `${name} was never exercised`);
  });
}

Deno.test("behaviours that help each other break no promise", () => {
  for (const [i, theme] of THEMES.entries()) {
    for (let seed = 20 + i; seed < 80; seed += THEMES.length) {
      const { violation } = run(seed, theme);
      assert.equal(violation, null, `seed ${seed}, ${theme}: ${violation?.invariant} ${violation?.detail}`);
    }
  }
});

Deno.test("the adversary does not sign with a correct member's key", () => {
  const adversary: AdversaryFactory = (port) => {
    assert.throws(() => port.sign(1, new Uint8Array(1)), /does not have the key of node 1/);
    assert.equal(port.sign(0, new Uint8Array(1)).length, 64);
    return openAdversary(port, { behaviours: ["silent"] });
  };
  assert.equal(runSchedule({ plan: planWith(2, [0]), adversary }).violation, null);
});
