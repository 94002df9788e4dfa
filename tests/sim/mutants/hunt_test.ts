/** The hunt finds broken rules of each kind, and lets sound code live. */
import assert from "node:assert/strict";
import { type MutantCase, MUTANTS } from "./catalogue.ts";
import { hunt } from "./hunt.ts";

/** One that changes sources, one that changes the federation, one that changes the driver. */
const FOUND = [
  "prepared value dropped at a round change",
  "quorum 2f+1",
  "PREPARE before the bodies are durable",
];

for (const name of FOUND) {
  Deno.test(`hunt() finds: ${name}`, async () => {
    const mutant = MUTANTS.find((each) => each.name === name) as MutantCase;
    const found = await hunt(mutant, { first: 0, schedules: 50 });
    assert.equal(found.killed, true);
    assert(found.violation !== null && found.seed !== null && found.schedules === found.seed + 1);
  });
}

Deno.test("hunt() lets sound code live, as a copy too", async () => {
  const file = "consensus/step.ts";
  const find = "export function step(state: State, event: Event): Transition {";
  const same: MutantCase = { name: "sound", patches: [{ file, find, replace: find }] };
  assert.deepEqual(await hunt(same, { first: 0, schedules: 8 }), {
    name: "sound",
    killed: false,
    schedules: 8,
    seed: null,
    violation: null,
  });
});
