/** Runs schedules with one mutant until one of them finds it. */
import { makeAdversary } from "../adversary/adversary.ts";
import { type Bias, drawPlan } from "../draw.ts";
import type { Mutant, RunResult } from "../types.ts";
import { runSchedule } from "../schedule.ts";
import type { MutantCase } from "./catalogue.ts";
import { loadPatched } from "./patched.ts";
import { withSmallQuorum } from "./small_quorum.ts";

/** What came of it. */
export interface Hunt {
  readonly name: string;
  readonly killed: boolean;
  /** Schedules that were run. */
  readonly schedules: number;
  /** The schedule that found it, and the promise that it broke. */
  readonly seed: number | null;
  readonly violation: string | null;
}

/** Runs the schedules of seeds `first` to `first + schedules − 1`, up to the first that finds the mutant. */
export async function hunt(
  mutantCase: MutantCase,
  { first, schedules }: { first: number; schedules: number },
): Promise<Hunt> {
  const { name, patches = [], bias } = mutantCase;
  using sources = await loadPatched(patches);
  const mutant = mutantOf(mutantCase, sources.protocol);
  for (let i = 0; i < schedules; i++) {
    const seed = first + i;
    const { violation } = run(seed, { bias, mutant });
    // The same schedule must be a good one without the mutant, else it says nothing.
    if (violation === null || run(seed, { bias }).violation !== null) continue;
    const { invariant, detail, atMs } = violation;
    const text = `${invariant} at ${Math.round(atMs)} ms: ${detail}`;
    return { name, killed: true, schedules: i + 1, seed, violation: text };
  }
  return { name, killed: false, schedules, seed: null, violation: null };
}

function mutantOf(
  { name, patches, rules = {}, isSmallQuorum }: MutantCase,
  patched: NonNullable<Parameters<NonNullable<Mutant["protocol"]>>[0]>,
): Mutant {
  return {
    name,
    rules,
    protocol: (original) => {
      const protocol = patches === undefined ? original : patched;
      return isSmallQuorum ? withSmallQuorum(protocol) : protocol;
    },
  };
}

function run(
  seed: number,
  { bias, mutant }: { readonly bias: Bias | undefined; readonly mutant?: Mutant },
): RunResult {
  const plan = drawPlan(seed, bias);
  return runSchedule({ plan, adversary: makeAdversary, ...(mutant === undefined ? {} : { mutant }) });
}
