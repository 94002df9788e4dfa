import assert from "node:assert/strict";
import { read } from "../../house/sources.ts";
import { crossing, frameSizes, networkBytes } from "./formulas.ts";
import { crossings, tableOf } from "./report.ts";
import { LOAD, measureRow, MEMBERS, SPEED } from "./run.ts";

for (const n of [4, 10, 100]) {
  Deno.test(`${n} members send exactly the bytes that the formulas say, and ask for nothing in full`, () => {
    const { measured, formula, asked } = measureRow(n);
    assert.deepEqual(measured, formula);
    assert.equal(asked, 0);
  });
}

Deno.test("a replica sends each other member less than one percent of the data, at any size", () => {
  const { vote, height } = frameSizes({ ...LOAD, n: 400 });
  assert(2 * vote + height < 0.01 * LOAD.transactions * LOAD.transactionBytes);
  for (const n of [10, 40]) {
    const { perPeer, consensus } = measureRow(n);
    assert(perPeer.replica < 0.01);
    assert.equal(consensus.replicaMax, (n - 1) * (2 * vote + height));
  }
});

Deno.test("all bytes of consensus equal the data above 240 members only", () => {
  for (const height of [1, 60_000, LOAD.height, 2 ** 32 - 1]) {
    const { votes, votesAndHeights } = crossings({ ...LOAD, height });
    assert(votes !== undefined && votes > 240, `${votes} at height ${height}`);
    assert(votesAndHeights !== undefined && votesAndHeights > 240, `${votesAndHeights} at height ${height}`);
  }
});

Deno.test("the crossing is where the formulas' sums meet", () => {
  const n = crossing(LOAD, { withHeights: true, frameOverhead: 0 });
  const [below, above] = [n, n + 1].map((members) => {
    const { dissemination: _, ...consensus } = networkBytes({ ...LOAD, n: members });
    const bytes = Object.values(consensus).reduce((a, b) => a + b, 0);
    return bytes / ((members - 1) * LOAD.transactions * LOAD.transactionBytes);
  });
  assert(below !== undefined && above !== undefined && below <= 1 && above > 1, `${below}, ${above}`);
});

Deno.test("a block is stored three times the latency after the leader has it, and the time of its uplink", () => {
  const { storedMs } = measureRow(10);
  const uplinkMs = 9 * (LOAD.transactions * (LOAD.transactionBytes + 3) + 10_000) * 8_000 /
    SPEED.bitsPerSecond;
  assert(storedMs.leader >= 3 * SPEED.latencyMs && storedMs.last <= 3 * SPEED.latencyMs + uplinkMs);
});

Deno.test("the table has a line for each size", () => {
  const lines = tableOf([4, 7].map(measureRow)).split("\n");
  assert.equal(lines.length, 4);
  assert.equal(new Set(lines.map((line) => line.length)).size, 1);
});

Deno.test("MEASUREMENTS.md states what the formulas give", () => {
  const document = read("docs/MEASUREMENTS.md");
  const numbers = (line: string) =>
    line.split("|").slice(1, -1).map((cell) => Number(cell.replaceAll(",", "")));
  const rows = document.split("\n").map(numbers).filter(([n, ...rest]) => Number(n) > 3 && rest.length > 10);
  assert.deepEqual(rows.map(([n]) => n), MEMBERS);
  for (const [n, ...stated] of rows) {
    const wanted = networkBytes({ ...LOAD, n: n as number });
    assert.deepEqual(stated.slice(0, 5), Object.values(wanted), `${n} members`);
  }
  const heights = [1, 60_000, LOAD.height];
  const table = heights.map((height) => Object.values(crossings({ ...LOAD, height })));
  const crossed = document.split("\n").map(numbers).filter((cells) => cells.length === 4).map((cells) =>
    cells.slice(1)
  ).filter((cells) => cells.every((cell) => cell > 100));
  assert.deepEqual(crossed, [0, 1, 2, 3].map((line) => table.map((column) => column[line])));
});
