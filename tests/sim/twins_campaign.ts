/** `deno task sim --twins`: every member in turn runs as two copies; the searches run on all cores. */
import { GENUINE } from "./protocol.ts";
import { type Happening, HAPPENINGS } from "./twins_round.ts";
import type { TwinTally } from "./twins_search.ts";
import { failureText } from "./twins_trace.ts";
import type { TwinRequest } from "./twins_worker.ts";
import { makeTwinWorld } from "./twins_world.ts";

/** How twins are searched. */
export interface TwinOptions {
  readonly rounds: number;
  /** Schedules to draw; null for all there are. */
  readonly seeds: number | null;
  /** The first seed. */
  readonly from: number;
  readonly workers: number;
  readonly isJson: boolean;
}

/** Members; the leader's turn comes to each, so a twin at each index is a twin at each distance from the leader. */
const TWINS = [0, 1, 2, 3] as const;

/** Searches and prints what came of it; gives the exit code, 1 for a violation or when something was never met. */
export async function runTwins(options: TwinOptions): Promise<number> {
  const startMs = performance.now();
  const { tallies, coverage } = await searchTwins(options);
  const seconds = (performance.now() - startMs) / 1000;
  const sum = (of: (tally: TwinTally) => number) => tallies.reduce((total, tally) => total + of(tally), 0);
  const failures = tallies.flatMap((tally) => tally.failures);
  const report = {
    rounds: options.rounds,
    complete: options.seeds === null,
    schedules: sum(({ schedules }) => schedules),
    violations: failures.length,
    ends: sum(({ ends }) => ends),
    roundsRun: sum(({ rounds }) => rounds),
    healRounds: Math.max(...tallies.map(({ healRounds }) => healRounds)),
    seconds,
    coverage,
  };
  const missing = options.seeds === null ? HAPPENINGS.filter((each) => coverage[each] === 0) : [];
  if (options.isJson) console.log(JSON.stringify({ ...report, failures }));
  else print(report, missing);
  for (const failure of failures) console.error(failureText(makeTwinWorld(failure.twin, GENUINE), failure));
  return failures.length + missing.length > 0 ? 1 : 0;
}

function print(
  report: {
    readonly rounds: number;
    readonly schedules: number;
    readonly violations: number;
    readonly ends: number;
    readonly roundsRun: number;
    readonly healRounds: number;
    readonly seconds: number;
    readonly coverage: Readonly<Record<Happening, number>>;
  },
  missing: readonly Happening[],
): void {
  const { rounds, schedules, violations, ends, roundsRun, healRounds, seconds, coverage } = report;
  for (const name of HAPPENINGS) console.log(`${String(coverage[name]).padStart(10)}  ${name}`);
  for (const name of missing) console.log(`never met: ${name}`);
  console.log(
    `${schedules} schedules of ${rounds} rounds, ${ends} different ends, ${roundsRun} different rounds run, ` +
      `decided ${healRounds} rounds after healing at the latest, ${violations} violations, ${
        seconds.toFixed(1)
      } s`,
  );
}

async function searchTwins(
  { rounds, seeds, from, workers }: TwinOptions,
): Promise<
  { readonly tallies: readonly TwinTally[]; readonly coverage: Readonly<Record<Happening, number>> }
> {
  const drawn = seeds === null ? null : Array.from({ length: seeds }, (_, i) => from + i);
  const queue = TWINS.map((twin): TwinRequest => ({
    twin,
    rounds,
    seeds: drawn === null ? null : drawn.filter((seed) => seed % TWINS.length === twin),
  }));
  const tallies: TwinTally[] = [];
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) tallies.push(await search(next));
  };
  await Promise.all(Array.from({ length: Math.min(workers, TWINS.length) }, work));
  const coverage = Object.fromEntries(
    HAPPENINGS.map((each) => [each, tallies.reduce((sum, { met }) => sum + (met[each] ?? 0), 0)]),
  ) as Record<Happening, number>;
  return { tallies, coverage };
}

/** A worker a search: what it remembers is of one twin alone, and is much. */
async function search(request: TwinRequest): Promise<TwinTally> {
  const worker = new Worker(new URL("twins_worker.ts", import.meta.url), { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<TwinTally>) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`the search of twin ${request.twin} failed: ${event.message}`));
      };
      worker.postMessage(request);
    });
  } finally {
    worker.terminate();
  }
}
