import { equal } from "node:assert/strict";
import { parseDuration } from "../../../cmd/common/duration.ts";

Deno.test("parseDuration() reads numbers with a unit", () => {
  const durations: readonly (readonly [string, number])[] = [
    ["1ms", 1],
    ["1.5s", 1500],
    ["2m", 120_000],
    ["1h", 3_600_000],
    ["7d", 604_800_000],
  ];
  for (const [text, ms] of durations) equal(parseDuration(text), ms, text);
});

Deno.test("parseDuration() refuses whatever else", () => {
  for (const text of ["", "10", "s", "-1s", "0s", "0.1ms", "1 s", "1S", "1e3s", "1s1s", "9999999999s"]) {
    equal(parseDuration(text), undefined, text);
  }
});
