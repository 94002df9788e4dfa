/** A campaign that adds up over runs and revisions: what was run is kept in a file, and the next run goes on there. */
import { addTally, emptyTally, type Tally } from "./campaign.ts";

/** One run of a campaign. */
export interface CampaignRun {
  readonly revision: string;
  readonly from: number;
  readonly seeds: number;
  readonly violations: number;
  readonly seconds: number;
}

/** A campaign as its file has it. */
export interface Record {
  readonly version: 1;
  /** The first seed that was not run. */
  readonly next: number;
  readonly seconds: number;
  readonly tally: Tally;
  readonly runs: readonly CampaignRun[];
}

/** Reads a campaign's file; a new campaign where there is none. */
export async function readRecord(path: string): Promise<Record> {
  try {
    return JSON.parse(await Deno.readTextFile(path)) as Record;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { version: 1, next: 0, seconds: 0, tally: emptyTally(), runs: [] };
  }
}

/** The campaign with one more run. */
export function addRun(record: Record, { run, tally }: { run: CampaignRun; tally: Tally }): Record {
  const total = emptyTally();
  addTally(total, record.tally);
  addTally(total, tally);
  return {
    version: 1,
    next: run.from + run.seeds,
    seconds: record.seconds + run.seconds,
    tally: total,
    runs: [...record.runs, run],
  };
}

/** Writes a campaign's file, all or nothing. */
export async function writeRecord(path: string, record: Record): Promise<void> {
  await Deno.writeTextFile(`${path}.new`, JSON.stringify(record, null, 2) + "\n");
  await Deno.rename(`${path}.new`, path);
}
