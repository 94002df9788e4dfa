/**
 * `deno task sim --curve`: measures federations of growing size, one after the other, and says what a block takes.
 *
 * @module
 */
import { equalPhases } from "./formulas.ts";
import { measure } from "./measure.ts";
import { crossings, notesOf, type Row, rowOf, tableOf } from "./report.ts";

/** The paper's batch, on a chain that is old: heights take five bytes. No tenure ends there. */
export const LOAD = { transactions: 100, transactionBytes: 400, height: 1_000_010 } as const;
/** 50 ms one way, 1 Gbit/s from each member. */
export const SPEED = { latencyMs: 50, bitsPerSecond: 1_000_000_000 } as const;
/** Sizes that are measured unless others are named. */
export const MEMBERS: readonly number[] = [4, 10, 40, 100, 188, 240, 250, 300];

/** Measures one federation: the second block, whose parent's certificate is made of COMMITs that travelled. */
export function measureRow(n: number): Row {
  const height = LOAD.height - 2;
  return rowOf(measure({ n, ...LOAD, height, warmUp: 1, speed: SPEED }), LOAD);
}

/** Runs the command; gives its exit code: 1 when a measurement is not what the formulas say. */
export function runCurve({ members, isJson }: { members: readonly number[]; isJson: boolean }): number {
  const rows = members.map((n) => {
    if (!isJson) console.error(`${n} members …`);
    return measureRow(n);
  });
  if (isJson) console.log(JSON.stringify({ ...LOAD, members: rows, crossings: crossings(LOAD) }));
  else console.log(`${tableOf(rows)}\n\n${notesOf(LOAD)}`);
  const wrong = rows.filter(({ measured, formula }) => !equalPhases(measured, formula));
  for (const { n } of wrong) console.error(`${n} members: the bytes are not what the formulas say`);
  return wrong.length > 0 ? 1 : 0;
}
