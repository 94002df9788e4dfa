/**
 * `deno task sim`: runs schedules of many seeds on all cores and says what came of them. Exits with 1 when a promise
 * was broken, or when a campaign of 500 seeds or more has left a part of the protocol untried.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { runCampaign, type Tally } from "./campaign.ts";
import { missingCoverage } from "./coverage.ts";
import { MEMBERS, runCurve } from "./curve/run.ts";
import type { Bias } from "./draw.ts";
import { explain, planOf, replay, scenarioText, violationText } from "./failures.ts";
import { runMutants } from "./mutants/campaign.ts";
import { addRun, readRecord, writeRecord } from "./resume.ts";
import { runTwins, type TwinOptions } from "./twins_campaign.ts";

const USAGE =
  `usage: deno task sim --seeds N [--from S] [--minutes M] [--resume FILE] [--workers W] [--json] [--save]
         [--only federation]: every plan changes the federation
       deno task sim --replay SEED|FILE [--only federation]
       deno task sim --mutants [--json]
       deno task sim --twins [--rounds R] [--seeds N] [--from S] [--workers W] [--json]
       deno task sim --curve [--members N,N,…] [--json]`;
/** Below this a counter may stay at zero by chance. */
const COVERAGE_SEEDS = 500;
/** Schedules with a twin that are drawn where there are too many to try. */
const TWIN_SEEDS = 20_000;
/** Failing seeds that are shrunk and shown. */
const EXPLAINED = 3;
const PROGRESS_MS = 2_000;

interface Options {
  readonly from: number | null;
  readonly seeds: number;
  readonly minutes: number | null;
  readonly resume: string | null;
  readonly workers: number;
  readonly isJson: boolean;
  readonly isSaved: boolean;
  readonly bias: Bias | undefined;
}

type Wanted =
  | Options
  | { readonly replay: string; readonly bias: Bias | undefined }
  | { readonly mutants: true; readonly isJson: boolean }
  | { readonly curve: readonly number[]; readonly isJson: boolean }
  | { readonly twins: TwinOptions };

function readOptions(): Wanted {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string" },
      from: { type: "string" },
      minutes: { type: "string" },
      resume: { type: "string" },
      workers: { type: "string" },
      replay: { type: "string" },
      json: { type: "boolean", default: false },
      save: { type: "boolean", default: false },
      only: { type: "string" },
      mutants: { type: "boolean", default: false },
      curve: { type: "boolean", default: false },
      members: { type: "string", default: MEMBERS.join() },
      twins: { type: "boolean", default: false },
      rounds: { type: "string", default: "3" },
    },
  });
  if (values.curve) {
    return {
      curve: values.members.split(",").map((text) => count("--members", text)),
      isJson: values.json,
    };
  }
  if (values.mutants) return { mutants: true, isJson: values.json };
  const bias = biasOf(values.only);
  if (values.replay !== undefined) return { replay: values.replay, bias };
  const workers = values.workers === undefined
    ? navigator.hardwareConcurrency
    : count("--workers", values.workers);
  if (values.twins) return { twins: twinOptions({ ...values, workers }) };
  if (values.seeds === undefined && values.minutes === undefined) {
    throw new Error("neither --seeds nor --minutes");
  }
  return {
    from: values.from === undefined ? null : count("--from", values.from),
    seeds: values.seeds === undefined ? Number.MAX_SAFE_INTEGER : count("--seeds", values.seeds),
    minutes: values.minutes === undefined ? null : Number(values.minutes),
    resume: values.resume ?? null,
    workers,
    isJson: values.json,
    isSaved: values.save,
    bias,
  };
}

function twinOptions(
  { rounds, seeds, from, workers, json }: {
    readonly rounds: string;
    readonly seeds?: string;
    readonly from?: string;
    readonly workers: number;
    readonly json: boolean;
  },
): TwinOptions {
  const length = count("--rounds", rounds);
  if (length < 2) throw new Error(`--rounds is ${length}, wanted at least 2`);
  // All schedules of four rounds are too many for anybody.
  const drawn = length > 3 ? TWIN_SEEDS : null;
  return {
    rounds: length,
    seeds: seeds === undefined ? drawn : count("--seeds", seeds),
    from: from === undefined ? 0 : count("--from", from),
    workers,
    isJson: json,
  };
}

function biasOf(only: string | undefined): Bias | undefined {
  if (only === undefined || only === "federation") return only;
  throw new Error(`--only is ${only}, wanted federation`);
}

function count(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${name} is ${text}, wanted a count`);
  return value;
}

/** The revision that is run, with a plus sign when it was changed since. */
async function revisionOf(): Promise<string> {
  const git = async (...args: string[]) => {
    const { success, stdout } = await new Deno.Command("git", { args, stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : null;
  };
  try {
    const head = await git("rev-parse", "--short", "HEAD");
    return head === null ? "unknown" : head + (await git("status", "--porcelain") === "" ? "" : "+");
  } catch {
    return "unknown";
  }
}

async function campaign(options: Options): Promise<number> {
  const revision = await revisionOf();
  const record = options.resume === null ? null : await readRecord(options.resume);
  const from = options.from ?? record?.next ?? 0;
  const startMs = performance.now();
  const seconds = () => (performance.now() - startMs) / 1000;
  let shownMs = startMs;
  const tally = await runCampaign({
    from,
    seeds: options.seeds,
    bias: options.bias,
    untilMs: options.minutes === null ? Infinity : startMs + options.minutes * 60_000,
    workers: options.workers,
    onProgress: (so) => {
      if (options.isJson || performance.now() < shownMs + PROGRESS_MS) return;
      shownMs = performance.now();
      console.error(progressText(so, seconds()));
    },
  });
  const tookSeconds = seconds();
  if (record !== null && options.resume !== null) {
    const violations = tally.failures.length;
    const run = { revision, from, seeds: tally.seeds, violations, seconds: tookSeconds };
    await writeRecord(options.resume, addRun(record, { run, tally }));
  }
  const missing = tally.seeds >= COVERAGE_SEEDS ? missingCoverage(tally.coverage) : [];
  report(tally, { seconds: tookSeconds, isJson: options.isJson, missing });
  for (const failure of tally.failures.slice(0, EXPLAINED)) {
    const { shown, whole } = explain(failure, { revision, bias: options.bias });
    console.error(shown);
    if (options.isSaved) await save(failure.seed, whole);
  }
  return tally.failures.length + missing.length > 0 ? 1 : 0;
}

async function save(seed: number, text: string): Promise<void> {
  const folder = new URL("failures/", import.meta.url);
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(new URL(`seed_${seed}.txt`, folder), text);
}

function progressText({ seeds, events, commits, failures }: Tally, seconds: number): string {
  const rate = (seeds / seconds).toFixed(1);
  return `${seeds} schedules (${rate}/s), ${events} events, ${commits} commits, ${failures.length} violations`;
}

function report(
  tally: Tally,
  { seconds, isJson, missing }: { seconds: number; isJson: boolean; missing: readonly string[] },
): void {
  const { seeds, events, commits, failures, coverage } = tally;
  if (isJson) {
    const violations = failures.length;
    console.log(JSON.stringify({ seeds, violations, events, commits, seconds, coverage, failures }));
    return;
  }
  for (const [name, times] of Object.entries(coverage)) console.log(`${String(times).padStart(10)}  ${name}`);
  for (const { seed, violation } of failures) console.log(`seed ${seed}: ${violationText(violation)}`);
  for (const name of missing) console.log(`never met: ${name}`);
  console.log(`${progressText(tally, seconds)}, ${seconds.toFixed(1)} s`);
}

async function main(): Promise<number> {
  let options;
  try {
    options = readOptions();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${USAGE}`);
    return 2;
  }
  if ("curve" in options) return runCurve({ members: options.curve, isJson: options.isJson });
  if ("mutants" in options) {
    return await runMutants({ isJson: options.isJson });
  }
  if ("twins" in options) return await runTwins(options.twins);
  if (!("replay" in options)) return await campaign(options);
  const plan = await planOf(options.replay, options.bias);
  const result = replay(plan);
  console.log(scenarioText(result, { plan, revision: await revisionOf() }));
  return result.violation === null ? 0 : 1;
}

process.exitCode = await main();
