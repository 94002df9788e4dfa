/** Runs one schedule from its plan to its end, or to its first violation. */
import { type Coverage, emptyCoverage } from "./coverage.ts";
import { scheduleFaults } from "./faults.ts";
import { planHealing } from "./healing.ts";
import { REAL } from "./real_side.ts";
import type { RunOptions, RunResult } from "./types.ts";
import { makeWorld, type World } from "./world.ts";

/** Runs a schedule; the same plan gives the same result, to the last byte of its trace. */
export function runSchedule(options: RunOptions): RunResult {
  const coverage: Coverage = emptyCoverage();
  const count = (name: string) => void (coverage[name] = (coverage[name] ?? 0) + 1);
  const world = makeWorld(options, count);
  const { plan, clock, checker, trace } = world;
  for (const id of world.ids.slice(0, plan.n)) {
    const node = world.nodes.all.get(id);
    if (node !== undefined) world.nodes.start(node);
    else world.network.dial(id);
  }
  scheduleFaults(world);
  const healing = planHealing(world);
  while (checker.violation() === null && clock.events() < plan.maxEvents && clock.next(plan.untilMs)) {
    if (healing.isOver()) break;
  }
  if (clock.events() >= plan.maxEvents) count("ended by its event budget");
  if (plan.isReal) {
    count("real signatures");
    if (checker.violation() === null) audit(world);
  }
  return {
    seed: plan.seed,
    hash: trace.hash(),
    events: clock.events(),
    commits: checker.chain().length,
    violation: checker.violation(),
    coverage,
    trace: trace.lines(),
  };
}

/** Replays every correct node's chain from genesis with the code of `audit`. */
function audit({ nodes, checker, ledger, count }: World): void {
  for (const { id, disk } of nodes.all.values()) {
    const problem = REAL.audit?.(ledger.genesis.federation, disk.openStore().blocks) ?? null;
    if (problem !== null) checker.fail(2, `the audit of node ${id}'s chain: ${problem}`);
  }
  count("whole chain audited");
}
