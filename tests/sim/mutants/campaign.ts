/** `deno task sim --mutants`: hunts every mutant on all cores; one that survives fails the command. */
import type { Hunt } from "./hunt.ts";
import { MUTANTS } from "./catalogue.ts";
import type { HuntRequest } from "./worker.ts";

/** How mutants are hunted. */
export interface MutantOptions {
  readonly isJson: boolean;
  /** First seed. */
  readonly first?: number;
  /** Schedules that a mutant may survive before it counts as not found. */
  readonly schedules?: number;
  /** Only mutants whose names contain this. */
  readonly only?: string;
}

/** Hunts the mutants and prints what came of it; gives the exit code, 1 when one survived. */
export async function runMutants(options: MutantOptions): Promise<number> {
  const { isJson, first = 0, schedules = 3_000, only = "" } = options;
  const wanted = MUTANTS.filter(({ name }) => name.includes(only));
  const results = new Map<string, Hunt>();
  const queue = wanted.map(({ name }): HuntRequest => ({ name, first, schedules }));
  const workers = Math.max(1, Math.min(navigator.hardwareConcurrency, queue.length));
  const report = (found: Hunt) => {
    results.set(found.name, found);
    if (!isJson) console.log(lineOf(found));
  };
  await Promise.all(Array.from({ length: workers }, () => work(queue, report)));
  const mutants = wanted.map(({ name }) => results.get(name) as Hunt);
  if (isJson) console.log(JSON.stringify({ mutants }));
  else sum(mutants);
  return mutants.every(({ killed }) => killed) ? 0 : 1;
}

function lineOf({ name, killed, schedules, seed, violation }: Hunt): string {
  return killed
    ? `killed   ${name}: ${schedules} schedules, seed ${seed}, ${violation}`
    : `SURVIVED ${name}: ${schedules} schedules`;
}

function sum(mutants: readonly Hunt[]): void {
  const killed = mutants.filter((each) => each.killed).length;
  console.log(`${killed} of ${mutants.length} mutants killed`);
}

/** One worker takes mutants until none is left. */
async function work(queue: HuntRequest[], report: (found: Hunt) => void): Promise<void> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  try {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) report(await ask(worker, next));
  } finally {
    worker.terminate();
  }
}

function ask(worker: Worker, request: HuntRequest): Promise<Hunt> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Hunt>) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`hunting ${request.name}: ${event.message}`));
    };
    worker.postMessage(request);
  });
}
