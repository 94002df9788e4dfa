/** How a failing schedule is shown, kept as text, and run again from what was kept. */
import { makeAdversary } from "./adversary/adversary.ts";
import { type Bias, drawPlan } from "./draw.ts";
import { runSchedule } from "./schedule.ts";
import { shrink } from "./shrink.ts";
import type { Plan } from "./plan.ts";
import type { RunResult, Violation } from "./types.ts";

const PLAN = "plan: ";
/** Lines of a trace that are shown; a file has them all. */
const SHOWN_LINES = 60;

/** A violation in one line. */
export function violationText({ invariant, detail, atMs }: Violation): string {
  return `${typeof invariant === "number" ? `invariant ${invariant}` : invariant} at ${
    atMs.toFixed(3)
  } ms: ${detail}`;
}

/** Runs a plan and keeps its trace. */
export function replay(plan: Plan): RunResult {
  return runSchedule({ plan, adversary: makeAdversary, trace: true });
}

/** A failing schedule as text: what failed, the plan that makes it fail again, and what happened. */
export function scenarioText(
  result: RunResult,
  { plan, revision }: { plan: Plan; revision: string },
): string {
  return [
    `# seed ${plan.seed}, revision ${revision}`,
    `# ${result.violation === null ? "holds" : violationText(result.violation)}`,
    PLAN + JSON.stringify(plan),
    ...result.trace,
    "",
  ].join("\n");
}

/** The plan of a seed, or of a scenario's file. */
export async function planOf(seedOrFile: string, bias?: Bias): Promise<Plan> {
  if (/^\d+$/.test(seedOrFile)) return drawPlan(Number(seedOrFile), bias);
  const lines = (await Deno.readTextFile(seedOrFile)).split("\n");
  const line = lines.find((each) => each.startsWith(PLAN));
  if (line === undefined) {
    throw new Error(`cannot replay ${seedOrFile}: it has no line that begins with "${PLAN}"`);
  }
  return JSON.parse(line.slice(PLAN.length)) as Plan;
}

/** Shrinks a failing seed and gives the result as text: what is to be shown, and the whole. */
export function explain(
  { seed, violation }: { readonly seed: number; readonly violation: Violation },
  { revision, bias }: { readonly revision: string; readonly bias?: Bias | undefined },
): { readonly shown: string; readonly whole: string } {
  const plan = shrink({ plan: drawPlan(seed, bias), adversary: makeAdversary }, violation);
  const result = replay(plan);
  const whole = scenarioText(result, { plan, revision });
  const lines = whole.split("\n");
  const shown = [...lines.slice(0, 3), "…", ...lines.slice(3).slice(-SHOWN_LINES)].join("\n");
  return { shown, whole };
}
