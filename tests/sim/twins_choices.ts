/**
 * What the network may do in one round: which copies hear each other, and which votes get through.
 *
 * Source: Bano et al., "Twins: BFT Systems Made Robust" (arXiv 2004.10617), where a round is one exchange of messages and
 * a partition says it all. A round here has three exchanges, and with one partition for all of them nobody would ever be
 * prepared without having decided too; so a choice also says how far the exchanges of a round get.
 */
import type { Message } from "../../consensus/message.ts";

/** Processes: one a member, and a second copy of one of them, which comes last. */
export const PROCESSES = 5;

/** The twin's second process; its first has the member's own number. */
export const SECOND_COPY = PROCESSES - 1;

/** The last exchange of a round that gets through within a part; to one process alone, where one is named. */
export type Reach =
  | { readonly last: "proposal" }
  | { readonly last: "prepare" | "commit"; readonly only: number | null };

/** Everything gets through. */
export const WHOLE_ROUND: Reach = { last: "commit", only: null };

/** All that a round may have: in the order of the exchanges. */
export const REACHES: readonly Reach[] = [
  { last: "proposal" },
  ...onlyTo("prepare"),
  { last: "prepare", only: null },
  ...onlyTo("commit"),
  WHOLE_ROUND,
];

function onlyTo(last: "prepare" | "commit"): readonly Reach[] {
  return Array.from({ length: PROCESSES }, (_, only) => ({ last, only }));
}

/** Of all that a round may have, what becomes of its COMMITs; the other votes get through. */
export const COMMIT_REACHES: readonly Reach[] = REACHES.filter((reach) =>
  reach.last === "commit" || (reach.last === "prepare" && reach.only === null)
);

/** Processes that hear each other, as bits. */
export type Part = number;

/** Every process, as bits. */
export const EVERYBODY: Part = 2 ** PROCESSES - 1;

/** All ways to split the processes into parts: Bell(5) = 52. */
export const PARTITIONS: readonly (readonly Part[])[] = partitionsOf(PROCESSES);

function partitionsOf(count: number): readonly (readonly Part[])[] {
  if (count === 0) return [[]];
  const bit = 2 ** (count - 1);
  return partitionsOf(count - 1).flatMap((parts) => [
    ...parts.map((_, i) => parts.map((part, j) => i === j ? part + bit : part)),
    [...parts, bit],
  ]);
}

/** The processes in a part, in order. */
export function processesOf(part: Part): readonly number[] {
  return Array.from({ length: PROCESSES }, (_, process) => process).filter((process) => part >> process & 1);
}

/** What a part notices of a reach: a vote to one outside reaches nobody in it. */
export function reachWithin(part: Part, reach: Reach): Reach {
  if (reach.last === "proposal" || reach.only === null || part >> reach.only & 1) return reach;
  return reach.last === "prepare" ? { last: "proposal" } : { last: "prepare", only: null };
}

/** Whether something gets through to a process; what shows a whole certificate does where every COMMIT does. */
export function getsThrough(
  reach: Reach,
  { kind, to }: { readonly kind: Message["kind"] | "fetch" | "height"; readonly to: number },
): boolean {
  if (kind === "pre-prepare" || kind === "round-change") return true;
  if (reach.last === "proposal") return false;
  const { last, only } = reach;
  const isChosen = only === null || only === to;
  if (kind === "prepare") return last === "commit" || isChosen;
  return last === "commit" && (kind === "commit" ? isChosen : only === null);
}

/** A round of a schedule. */
export interface Choice {
  readonly partition: readonly Part[];
  readonly reach: Reach;
}

/** A reach in words. */
export function reachText(reach: Reach): string {
  if (reach.last === "proposal") return "PREPAREs and COMMITs lost";
  const { last, only } = reach;
  const lost = last === "prepare" ? ", COMMITs lost" : "";
  if (only !== null) return `${last.toUpperCase()}s to ${processText(only)} alone${lost}`;
  return last === "prepare" ? "COMMITs lost" : "all votes";
}

/** A process by name: its member is for the reader to know. */
export function processText(process: number): string {
  return process === SECOND_COPY ? "twin" : `m${process}`;
}

/** A choice in words. */
export function choiceText({ partition, reach }: Choice): string {
  const parts = partition.map((part) => `{${processesOf(part).map(processText).join(" ")}}`);
  return `${parts.join(" ")}, ${reachText(reach)}`;
}
