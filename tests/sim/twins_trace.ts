/** A schedule with a twin as text: what was chosen for each round, what was said, and who has decided what. */
import { toHex } from "../../core/bytes.ts";
import {
  type Choice,
  choiceText,
  EVERYBODY,
  PROCESSES,
  processesOf,
  processText,
  reachWithin,
  SECOND_COPY,
  WHOLE_ROUND,
} from "./twins_choices.ts";
import { runRound } from "./twins_round.ts";
import { HEAL_ROUNDS } from "./twins_rounds.ts";
import type { TwinFailure } from "./twins_search.ts";
import type { Copy, TwinWorld } from "./twins_world.ts";

/** Copies by process after each round; nothing is forgotten between rounds. */
export function runChoices(
  world: TwinWorld,
  { choices, log }: { readonly choices: readonly Choice[]; readonly log?: (line: string) => void },
): readonly ReadonlyMap<number, Copy>[] {
  const processes = Array.from({ length: PROCESSES }, (_, process) => process);
  const states = [new Map(processes.map((process) => [process, world.begin(process)]))];
  for (const [round, choice] of choices.entries()) {
    log?.(`-- round ${round}: ${choiceText(choice)}`);
    const before = states.at(-1) as ReadonlyMap<number, Copy>;
    const after = choice.partition.flatMap((part) => {
      const copies = new Map(processesOf(part).map((process) => [process, before.get(process) as Copy]));
      const result = runRound({ world, copies, reach: reachWithin(part, choice.reach), ...(log && { log }) });
      if (result.violation !== null) log?.(`!! ${result.violation.invariant}: ${result.violation.detail}`);
      return [...result.copies];
    });
    states.push(new Map(after));
    for (const [process, copy] of after) log?.(`   ${standingText(process, copy)}`);
  }
  return states;
}

function standingText(process: number, { state: { round }, decided }: Copy): string {
  return decided === null
    ? `${processText(process)} is in round ${round}`
    : `${processText(process)} has decided ${toHex(decided.hash).slice(0, 6)}`;
}

/** A failure as text; the network heals after its choices. */
export function failureText(world: TwinWorld, { seed, choices, violation }: TwinFailure): string {
  const healed: Choice = { partition: [EVERYBODY], reach: WHOLE_ROUND };
  const whole = [...choices, ...(violation.invariant === "liveness" ? Array(HEAL_ROUNDS).fill(healed) : [])];
  const lines = [
    `# ${violation.invariant}: ${violation.detail}`,
    `# ${processText(SECOND_COPY)} is the second copy of m${world.twin}${
      seed === null ? "" : `, seed ${seed}`
    }`,
    "# the leader of round r is the member at r mod 4",
  ];
  runChoices(world, { choices: whole, log: (line) => lines.push(line) });
  return lines.join("\n");
}
