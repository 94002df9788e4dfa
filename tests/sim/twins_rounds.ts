/** Rounds of one twin, each run once: copies that are alike have one number, and a part's round is remembered. */
import { equal, toHex } from "../../core/bytes.ts";
import type { TwinViolation } from "./twins_checks.ts";
import {
  EVERYBODY,
  type Part,
  PROCESSES,
  processesOf,
  type Reach,
  reachWithin,
  WHOLE_ROUND,
} from "./twins_choices.ts";
import { forget, likenessOf } from "./twins_likeness.ts";
import { type Happening, runRound } from "./twins_round.ts";
import type { Copy, TwinWorld } from "./twins_world.ts";

/** All processes between two rounds: the numbers of their copies, in order. */
export type Standing = readonly number[];

/** What a part's round led to. */
export interface PartResult {
  /** The numbers of the part's copies, in order of process. */
  readonly after: readonly number[];
  readonly violation: TwinViolation | null;
}

/** Rounds of one twin. */
export interface Rounds {
  /** Before the first round. */
  readonly first: Standing;
  readonly copyOf: (number: number) => Copy;
  readonly run: (standing: Standing, round: { readonly part: Part; readonly reach: Reach }) => PartResult;
  /** Two blocks of one height that a quorum has signed, whoever shows them. */
  readonly disagreement: (standing: Standing) => TwinViolation | null;
  /** After a round nothing is lost any more: whether every correct member decides in time. */
  readonly heal: (standing: Standing) => TwinViolation | null;
  readonly counts: () => RoundCounts;
}

/** What was run so far. */
export interface RoundCounts {
  /** Copies that differ. */
  readonly copies: number;
  /** Rounds of a part that differ. */
  readonly rounds: number;
  /** In how many of them each was met. */
  readonly met: Readonly<Partial<Record<Happening, number>>>;
  /** Rounds that the slowest needed after the network healed. */
  readonly healRounds: number;
}

/** The running timer, and then f + 2 more, each as long as the cap: the bound on the next commit. */
export const HEAL_ROUNDS = 1 + (1 + 2);

/** Starts with nothing run. */
export function makeRounds(world: TwinWorld): Rounds {
  const numbers = new Map<string, number>();
  const copies: Copy[] = [];
  const results = new Map<string, PartResult>();
  const healed = new Map<string, TwinViolation | null>();
  const met: Partial<Record<Happening, number>> = {};
  let healRounds = 0;

  function numberOf(whole: Copy): number {
    const copy = forget(whole);
    const likeness = likenessOf(copy);
    const found = numbers.get(likeness) ?? copies.length;
    if (found === copies.length) {
      numbers.set(likeness, found);
      copies.push(copy);
    }
    return found;
  }

  function copyOf(number: number): Copy {
    return copies[number] as Copy;
  }

  function run(
    standing: Standing,
    { part, reach }: { readonly part: Part; readonly reach: Reach },
  ): PartResult {
    const processes = processesOf(part);
    const within = reachWithin(part, reach);
    const only = within.last === "proposal" ? "" : `${within.only}`;
    const name = `${part} ${within.last} ${only} ${processes.map((process) => standing[process]).join()}`;
    const known = results.get(name);
    if (known !== undefined) return known;
    const before = new Map(processes.map((process) => [process, copyOf(standing[process] as number)]));
    const result = runRound({ world, copies: before, reach: within });
    for (const each of result.met) met[each] = (met[each] ?? 0) + 1;
    const after = processes.map((process) => numberOf(result.copies.get(process) as Copy));
    const found = { after, violation: result.violation };
    results.set(name, found);
    return found;
  }

  function disagreement(standing: Standing): TwinViolation | null {
    const decided = standing.map((number) => copyOf(number).decided).filter((each) => each !== null);
    const [first] = decided;
    const other = decided.find(({ hash }) => first !== undefined && !equal(hash, first.hash));
    if (first === undefined || other === undefined) return null;
    const blocks = [first, other].map(({ hash }) => toHex(hash).slice(0, 6));
    return { invariant: 1, detail: `${blocks.join(" and ")} are both decided` };
  }

  function isDecided(standing: Standing): boolean {
    return standing.every((number, process) =>
      world.memberOf(process) === world.twin || copyOf(number).decided !== null
    );
  }

  function heal(standing: Standing): TwinViolation | null {
    const name = standing.join();
    const known = healed.get(name);
    if (known !== undefined) return known;
    const found = healOnce(standing);
    healed.set(name, found);
    return found;
  }

  function healOnce(standing: Standing): TwinViolation | null {
    let now = standing;
    let rounds = 0;
    for (; !isDecided(now); rounds++) {
      if (rounds === HEAL_ROUNDS) {
        return {
          invariant: "liveness",
          detail: `not all have decided ${rounds} rounds after the network healed`,
        };
      }
      const { after, violation } = run(now, { part: EVERYBODY, reach: WHOLE_ROUND });
      const wrong = violation ?? disagreement(after);
      if (wrong !== null) return wrong;
      now = after;
    }
    healRounds = Math.max(healRounds, rounds);
    return null;
  }

  const first = Array.from({ length: PROCESSES }, (_, process) => numberOf(world.begin(process)));
  return {
    first,
    copyOf,
    run,
    disagreement,
    heal,
    counts: () => ({ copies: copies.length, rounds: results.size, met: { ...met }, healRounds }),
  };
}
