/** Twins in short: complete for two rounds, some of three; and that they find what is broken. */
import assert from "node:assert/strict";
import { type MutantCase, MUTANTS } from "./mutants/catalogue.ts";
import { loadPatched } from "./mutants/patched.ts";
import { GENUINE } from "./protocol.ts";
import {
  COMMIT_REACHES,
  EVERYBODY,
  PARTITIONS,
  processesOf,
  REACHES,
  reachWithin,
  WHOLE_ROUND,
} from "./twins_choices.ts";
import { forget, likenessOf } from "./twins_likeness.ts";
import { makeRounds } from "./twins_rounds.ts";
import { drawChoices, reachesOf, searchAll, searchSome, type TwinFailure } from "./twins_search.ts";
import { failureText, runChoices } from "./twins_trace.ts";
import { makeTwinWorld } from "./twins_world.ts";

const TWINS = [0, 1, 2, 3];
const SEEDS = 250;

function assertNone(failures: readonly TwinFailure[]): void {
  const [first] = failures;
  assert(first === undefined, first && failureText(makeTwinWorld(first.twin, GENUINE), first));
}

Deno.test("PARTITIONS are the 52 ways to split five processes", () => {
  assert.equal(new Set(PARTITIONS.map((parts) => parts.toSorted().join())).size, 52);
  for (const parts of PARTITIONS) {
    assert.equal(parts.reduce((sum, part) => sum + part, 0), EVERYBODY);
    assert.equal(parts.flatMap(processesOf).length, 5);
  }
});

Deno.test("reachWithin() lets nothing through to a process outside the part", () => {
  assert.deepEqual(reachWithin(0b00011, { last: "commit", only: 4 }), { last: "prepare", only: null });
  assert.deepEqual(reachWithin(0b00011, { last: "prepare", only: 4 }), { last: "proposal" });
  assert.deepEqual(reachWithin(0b10011, { last: "prepare", only: 4 }), { last: "prepare", only: 4 });
});

for (const twin of TWINS) {
  Deno.test(`no schedule of two rounds with member ${twin} as a twin breaks a promise`, () => {
    const reaches = [COMMIT_REACHES, [WHOLE_ROUND]];
    const { schedules, failures, healRounds } = searchAll(makeTwinWorld(twin, GENUINE), reaches);
    assertNone(failures);
    assert.equal(schedules, 52 * COMMIT_REACHES.length * 52);
    assert(healRounds > 0);
  });
}

Deno.test(`no promise is broken in ${SEEDS} schedules of three rounds and any reach`, () => {
  for (const twin of TWINS) {
    const seeds = Array.from({ length: SEEDS / TWINS.length }, (_, i) => i * TWINS.length + twin);
    assertNone(searchSome(makeTwinWorld(twin, GENUINE), { rounds: 3, seeds }).failures);
  }
});

Deno.test("a remembered round leads where the round itself does", () => {
  for (let seed = 0; seed < 60; seed++) {
    const world = makeTwinWorld(seed % TWINS.length, GENUINE);
    const rounds = makeRounds(world);
    const choices = drawChoices(seed, 4);
    const states = runChoices(world, { choices });
    let standing = rounds.first;
    for (const [round, { partition, reach }] of choices.entries()) {
      const next = [...standing];
      for (const part of partition) {
        const { after } = rounds.run(standing, { part, reach });
        for (const [i, process] of processesOf(part).entries()) next[process] = after[i] as number;
      }
      standing = next;
      for (const [process, copy] of states[round + 1] ?? []) {
        const remembered = rounds.copyOf(standing[process] as number);
        assert.equal(likenessOf(remembered), likenessOf(forget(copy)), `seed ${seed}, round ${round}`);
      }
    }
  }
});

Deno.test("reachesOf() has all in two rounds, and partitions alone in the last of three", () => {
  assert.deepEqual(reachesOf(2), [REACHES, REACHES]);
  assert.deepEqual(reachesOf(3), [COMMIT_REACHES, COMMIT_REACHES, [WHOLE_ROUND]]);
});

/** A mutant of the list. */
function listed(name: string): MutantCase {
  const found = MUTANTS.find((each) => each.name === name);
  assert(found !== undefined, name);
  return found;
}

const IGNORED = listed("prepared value ignored by the new leader");
const UNCHECKED = listed("no justification check above round 0");

/** What twins find, and by which promise. Copies run the code that is under test, so they lie as much as it does. */
const FOUND: readonly (MutantCase & { readonly invariant: number | string })[] = [
  { ...listed("COMMITs mixed across rounds"), invariant: 2 },
  { ...listed("prepared value dropped at a round change"), invariant: 8 },
  { ...IGNORED, invariant: "liveness" },
  {
    name: "prepared value ignored, and no justification check",
    patches: [...IGNORED.patches ?? [], ...UNCHECKED.patches ?? []],
    invariant: 1,
  },
  {
    name: "quorum of two",
    patches: [
      {
        file: "consensus/commit.ts",
        find: "signatures.size < tip.federation.quorum",
        replace: "signatures.size < tip.federation.quorum - 1",
      },
      {
        file: "consensus/commit.ts",
        find: "count >= tip.federation.quorum",
        replace: "count >= tip.federation.quorum - 1",
      },
    ],
    invariant: 2,
  },
];

for (const { invariant, ...mutant } of FOUND) {
  Deno.test(`searchAll() finds: ${mutant.name}`, async () => {
    using sources = await loadPatched(mutant.patches ?? []);
    const world = makeTwinWorld(1, sources.protocol);
    const { failures } = searchAll(world, [REACHES, [WHOLE_ROUND]]);
    const [first] = failures;
    assert(first !== undefined, "nothing is found");
    assert.equal(first.violation.invariant, invariant, first.violation.detail);
    assert.match(
      failureText(world, first),
      /^# .*\n# twin is the second copy of m1\n(.*\n)*-- round 0: \{m0/,
    );
  });
}

Deno.test("searchAll() lets sound code live, as a copy too", async () => {
  using sources = await loadPatched([]);
  const world = makeTwinWorld(1, sources.protocol);
  assertNone(searchAll(world, [COMMIT_REACHES]).failures);
});
