/**
 * Makes a failing schedule smaller while it still breaks the same promise: first without faults, then with fewer
 * members and heights, then with less loss, delay and skew. Random streams are split, so that what is taken away
 * leaves the rest much as it was.
 */
import { membersOf } from "./federations.ts";
import { runSchedule } from "./schedule.ts";
import type { Plan } from "./plan.ts";
import type { RunOptions, Violation } from "./types.ts";

/** Schedules that one shrinking may run. */
const MOST_RUNS = 300;

/** A smaller plan that fails alike; the plan itself when there is none. */
export function shrink(options: Omit<RunOptions, "trace">, violation: Violation): Plan {
  let best = options.plan;
  let runs = 0;

  function attempt(plan: Plan): boolean {
    if (runs++ >= MOST_RUNS || !isSound(plan)) return false;
    const found = runSchedule({ ...options, plan }).violation;
    if (found?.invariant !== violation.invariant) return false;
    best = plan;
    return true;
  }

  attempt({ ...best, untilMs: violation.atMs + 1 });
  dropFaults();
  for (const node of best.byzantine) {
    attempt({ ...best, byzantine: best.byzantine.filter((each) => each !== node) });
  }
  for (const n of [1, 4, 5, 6, 7]) if (n < best.n && attempt({ ...best, n })) break;
  for (const transactions of [0, 1, 2, 5]) {
    if (transactions < best.transactions && attempt({ ...best, transactions })) break;
  }
  attempt({ ...best, healAtMs: Math.min(best.healAtMs, violation.atMs) });
  for (const calm of CALM) attempt({ ...best, ...calm(best) });
  return best;

  /** Halves first, then one by one. */
  function dropFaults(): void {
    for (let size = Math.ceil(best.faults.length / 2); size >= 1; size = size > 1 ? Math.ceil(size / 2) : 0) {
      for (let at = 0; at < best.faults.length;) {
        const faults = best.faults.filter((_, i) => i < at || i >= at + size);
        if (!attempt({ ...best, faults })) at += size;
      }
    }
  }
}

const CALM: readonly ((plan: Plan) => Partial<Plan>)[] = [
  () => ({ loss: 0 }),
  () => ({ duplication: 0 }),
  ({ skewMs }) => ({ skewMs: skewMs.map(() => 0) }),
  () => ({ delayMs: [1, 1.001] }),
  () => ({ writeMs: [0.1, 0.1001] }),
];

/** Whether all that the plan names is there, in every federation. */
function isSound({ n, reserves, byzantine, faults }: Plan): boolean {
  const size = n + reserves;
  const nodes = faults.flatMap((fault) => {
    switch (fault.kind) {
      case "cut":
        return [fault.from, fault.to];
      case "partition":
        return fault.side;
      case "federation":
        return [fault.leaves ?? 0, fault.joins ?? 0];
      default:
        return [fault.node];
    }
  });
  return [...nodes, ...byzantine].every((node) => node < size) &&
    membersOf({ n, faults }).every((members) => members.length > 0);
}
