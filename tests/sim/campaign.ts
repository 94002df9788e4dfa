/** A campaign: schedules of many seeds on all cores, and what came of them together. */
import type { Bias } from "./draw.ts";
import { addCoverage, type Coverage, emptyCoverage } from "./coverage.ts";
import type { Violation } from "./types.ts";

/** Seeds that a worker is given at a time. */
const BATCH = 8;

/** A seed that broke a promise. */
export interface Failure {
  readonly seed: number;
  readonly violation: Violation;
}

/** What came of some seeds. */
export interface Tally {
  seeds: number;
  events: number;
  commits: number;
  readonly failures: Failure[];
  readonly coverage: Coverage;
}

/** Nothing yet. */
export function emptyTally(): Tally {
  return { seeds: 0, events: 0, commits: 0, failures: [], coverage: emptyCoverage() };
}

/** Adds one tally to another. */
export function addTally(to: Tally, from: Tally): void {
  to.seeds += from.seeds;
  to.events += from.events;
  to.commits += from.commits;
  to.failures.push(...from.failures);
  addCoverage(to.coverage, from.coverage);
}

/** Seeds for a worker. */
export interface Batch {
  readonly from: number;
  readonly count: number;
  readonly bias: Bias | undefined;
}

/** How a campaign is run. */
export interface CampaignOptions {
  readonly from: number;
  /** At most so many seeds. */
  readonly seeds: number;
  readonly bias?: Bias | undefined;
  /** No seed is begun after this moment, by `performance.now()`. */
  readonly untilMs: number;
  readonly workers: number;
  readonly onProgress: (tally: Tally) => void;
}

/** Runs a campaign; all seeds below the last one that was run have been run. */
export async function runCampaign(options: CampaignOptions): Promise<Tally> {
  const tally = emptyTally();
  const end = options.from + options.seeds;
  let next = options.from;

  function take(): Batch | null {
    if (next >= end || performance.now() >= options.untilMs) return null;
    const batch = { from: next, count: Math.min(BATCH, end - next), bias: options.bias };
    next += batch.count;
    return batch;
  }

  async function work(): Promise<void> {
    using worker = startWorker();
    for (let batch = take(); batch !== null; batch = take()) {
      addTally(tally, await worker.run(batch));
      options.onProgress(tally);
    }
  }

  await Promise.all(Array.from({ length: options.workers }, work));
  tally.failures.sort((a, b) => a.seed - b.seed);
  return tally;
}

/** A worker that runs one batch at a time; disposing ends it. */
interface Runner extends Disposable {
  readonly run: (batch: Batch) => Promise<Tally>;
}

function startWorker(): Runner {
  const worker = new Worker(new URL("worker.ts", import.meta.url), { type: "module" });
  return {
    run: (batch) =>
      new Promise((resolve, reject) => {
        worker.onmessage = ({ data }: MessageEvent<Tally>) => resolve(data);
        worker.onerror = (event) => {
          event.preventDefault();
          reject(new Error(`a worker failed at seeds ${batch.from} and on: ${event.message}`));
        };
        worker.postMessage(batch);
      }),
    [Symbol.dispose]: () => worker.terminate(),
  };
}
