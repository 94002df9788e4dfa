/**
 * `deno task bench [NAME…] [--scale N] [--json FILE]`: measures, each figure beside its ceiling or beside what the same
 * machine does without us in the same run. Without names all benchmarks run. `--scale 0.01` makes them small, to see
 * that they work.
 *
 * @module
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { polls } from "./polls.ts";
import type { Benchmark, Figure } from "./figure.ts";

const BENCHMARKS: Readonly<Record<string, Benchmark>> = { polls };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "string" }, scale: { type: "string", default: "1" } },
});
const scale = Number(values.scale);
const names = positionals.length === 0 ? Object.keys(BENCHMARKS) : positionals;
const unknown = names.filter((name) => !Object.hasOwn(BENCHMARKS, name));
if (unknown.length > 0 || !(scale > 0)) {
  console.error(
    `bench: error: ${unknown.join(" ")} --scale ${values.scale}\nhint: names are ${
      Object.keys(BENCHMARKS).join(", ")
    }; the scale is a number above 0`,
  );
  process.exit(2);
}

const figures: Figure[] = [];
const print = ({ name, value, unit, ceiling, ratio }: Figure): void => {
  const of = ceiling === undefined ? "" : `  of ${rounded(ceiling)}`;
  const part = ratio === undefined ? "" : `  ratio ${ratio.toFixed(3)}`;
  console.error(`${name}: ${rounded(value)} ${unit}${of}${part}`);
};
for (const name of names) {
  await (BENCHMARKS[name] as Benchmark)({
    scale,
    report: (figure) => {
      figures.push(figure);
      print(figure);
    },
  });
}
if (values.json !== undefined) {
  await Deno.writeTextFile(values.json, JSON.stringify(figures, null, 2) + "\n");
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
