/**
 * Searches schedules with one twin: all of them, round after round, or some drawn from seeds. Where two schedules have led
 * to the same, they go on as one, and count as two.
 */
import { makeRandom } from "./random.ts";
import type { TwinViolation } from "./twins_checks.ts";
import {
  type Choice,
  COMMIT_REACHES,
  type Part,
  PARTITIONS,
  processesOf,
  type Reach,
  REACHES,
  WHOLE_ROUND,
} from "./twins_choices.ts";
import { makeRounds, type PartResult, type RoundCounts, type Rounds, type Standing } from "./twins_rounds.ts";
import type { TwinWorld } from "./twins_world.ts";

/** A schedule that broke a promise. */
export interface TwinFailure {
  readonly twin: number;
  /** Null in a complete search. */
  readonly seed: number | null;
  readonly choices: readonly Choice[];
  readonly violation: TwinViolation;
}

/** What came of a search. */
export interface TwinTally extends RoundCounts {
  /** Schedules, each of as many choices as there are rounds, and then healed. */
  readonly schedules: number;
  /** Ends that differ, of which each was healed. */
  readonly ends: number;
  readonly failures: readonly TwinFailure[];
}

/** After so many failures a search ends. */
const FAILURES = 3;

/** Ways to reach a standing. */
interface Node {
  readonly standing: Standing;
  schedules: number;
  readonly from: Node | null;
  readonly choice: Choice | null;
}

/**
 * The reaches of each round in a complete search: up to two rounds, all of them. With three there are too many to try, so
 * only COMMITs are lost within a part, and in the last round nothing is: it finds out whom the others have left apart.
 */
export function reachesOf(rounds: number): readonly (readonly Reach[])[] {
  const early = rounds > 2 ? COMMIT_REACHES : REACHES;
  return Array.from({ length: rounds }, (_, round) => round < 2 ? early : [WHOLE_ROUND]);
}

/** Every partition in every round, with every reach that the round may have. */
export function searchAll(world: TwinWorld, reaches: readonly (readonly Reach[])[]): TwinTally {
  const { twin } = world;
  const rounds = makeRounds(world);
  const failures: TwinFailure[] = [];
  let nodes: readonly Node[] = [{ standing: rounds.first, schedules: 1, from: null, choice: null }];

  function fail(choices: readonly Choice[], violation: TwinViolation): void {
    if (failures.length < FAILURES) failures.push({ twin, seed: null, choices, violation });
  }

  function expand(allowed: readonly Reach[]): readonly Node[] {
    const next = new Map<string, Node>();
    for (const from of nodes) {
      if (failures.length === FAILURES) break;
      for (
        const { standing, choice, violation } of successors(rounds, { standing: from.standing, allowed })
      ) {
        if (violation !== null) {
          fail([...choicesTo(from), choice], violation);
          continue;
        }
        const name = standing.join();
        const found = next.get(name);
        if (found === undefined) next.set(name, { standing, schedules: from.schedules, from, choice });
        else found.schedules += from.schedules;
      }
    }
    return [...next.values()];
  }

  for (const allowed of reaches) nodes = expand(allowed);
  for (const node of nodes) {
    if (failures.length === FAILURES) break;
    const violation = rounds.heal(node.standing);
    if (violation !== null) fail(choicesTo(node), violation);
  }
  const schedules = nodes.reduce((sum, node) => sum + node.schedules, 0);
  return { ...rounds.counts(), schedules, ends: nodes.length, failures };
}

function choicesTo({ from, choice }: Node): readonly Choice[] {
  return from === null || choice === null ? [] : [...choicesTo(from), choice];
}

interface Successor {
  readonly standing: Standing;
  readonly choice: Choice;
  readonly violation: TwinViolation | null;
}

function* successors(
  rounds: Rounds,
  { standing, allowed }: { readonly standing: Standing; readonly allowed: readonly Reach[] },
): Generator<Successor> {
  for (const reach of allowed) {
    const parts = new Map<Part, PartResult>();
    const run = (part: Part) => {
      const found = parts.get(part) ?? rounds.run(standing, { part, reach });
      parts.set(part, found);
      return found;
    };
    for (const partition of PARTITIONS) yield together(rounds, { choice: { partition, reach }, run });
  }
}

/** Puts the parts of a round together. */
function together(
  rounds: Rounds,
  { choice, run }: { readonly choice: Choice; readonly run: (part: Part) => PartResult },
): Successor {
  const standing: number[] = [];
  let violation: TwinViolation | null = null;
  for (const part of choice.partition) {
    const result = run(part);
    violation ??= result.violation;
    for (const [i, process] of processesOf(part).entries()) standing[process] = result.after[i] as number;
  }
  return { standing, choice, violation: violation ?? rounds.disagreement(standing) };
}

/** The choices of a seed: any partition and any reach in each round. */
export function drawChoices(seed: number, rounds: number): readonly Choice[] {
  const random = makeRandom(`twins ${seed}`);
  return Array.from({ length: rounds }, () => ({
    partition: random.pick(PARTITIONS),
    reach: random.pick(REACHES),
  }));
}

/** The schedules of some seeds. */
export function searchSome(
  world: TwinWorld,
  { rounds: length, seeds }: { readonly rounds: number; readonly seeds: readonly number[] },
): TwinTally {
  const rounds = makeRounds(world);
  const ends = new Set<string>();
  const failures: TwinFailure[] = [];
  let schedules = 0;
  for (const seed of seeds) {
    if (failures.length === FAILURES) break;
    const choices = drawChoices(seed, length);
    const { standing, violation } = follow(rounds, choices);
    schedules++;
    ends.add(standing.join());
    if (violation !== null) failures.push({ twin: world.twin, seed, choices, violation });
  }
  return { ...rounds.counts(), schedules, ends: ends.size, failures };
}

function follow(
  rounds: Rounds,
  choices: readonly Choice[],
): { readonly standing: Standing; readonly violation: TwinViolation | null } {
  let standing = rounds.first;
  for (const choice of choices) {
    const before = standing;
    const run = (part: Part) => rounds.run(before, { part, reach: choice.reach });
    const next = together(rounds, { choice, run });
    standing = next.standing;
    if (next.violation !== null) return next;
  }
  return { standing, violation: rounds.heal(standing) };
}
