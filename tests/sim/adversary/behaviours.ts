/** The behaviours by name. The names are those of the coverage counters. */
import { badTransactions, censor, invalidBlocks, missingBodies, oddTimes, wrongProposer } from "./blocks.ts";
import { badChanges, wrongFederation } from "./changes.ts";
import { conflictingRoundChanges, equivocatingLeader, yesToAll } from "./equivocation.ts";
import { forgedJustifications } from "./justifications.ts";
import { badBlocks, shownVotes, wrongHeights } from "./lies.ts";
import { forgedLocks, hiddenLock } from "./locks.ts";
import { futureFlood, hugeRounds } from "./numbers.ts";
import { relabelled, replays } from "./replay.ts";
import { badSignatures, wrongRole } from "./signatures.ts";
import { smallMutations } from "./small_mutations.ts";
import type { MakeBehaviour } from "./types.ts";
import { late, selective, silent, stirring } from "./withholding.ts";

/** Every behaviour. */
export const BEHAVIOURS = {
  silent,
  selective,
  late,
  stirring,
  equivocatingLeader,
  yesToAll,
  conflictingRoundChanges,
  // The second copy is the adversary's own doing (twins.ts).
  twins: () => ({}),
  replays,
  relabelled,
  badSignatures,
  wrongRole,
  forgedJustifications,
  hiddenLock,
  forgedLocks,
  hugeRounds,
  futureFlood,
  wrongProposer,
  invalidBlocks,
  missingBodies,
  oddTimes,
  badTransactions,
  censor,
  wrongHeights,
  badBlocks,
  shownVotes,
  smallMutations,
  badChanges,
  wrongFederation,
} as const satisfies Readonly<Record<string, MakeBehaviour>>;

/** The name of a behaviour. */
export type BehaviourName = keyof typeof BEHAVIOURS;

/** Behaviours that help each other. */
export const THEMES: readonly (readonly BehaviourName[])[] = [
  ["hiddenLock", "forgedLocks", "forgedJustifications", "conflictingRoundChanges"],
  ["forgedLocks", "selective", "late", "shownVotes"],
  ["equivocatingLeader", "yesToAll", "selective"],
  ["twins", "yesToAll", "late"],
  ["relabelled", "replays", "wrongRole", "badSignatures"],
  ["invalidBlocks", "wrongProposer"],
  ["oddTimes", "late"],
  ["missingBodies", "badTransactions", "censor"],
  ["wrongHeights", "badBlocks", "shownVotes"],
  ["hugeRounds", "futureFlood", "smallMutations"],
  ["badChanges", "wrongFederation"],
  ["badChanges", "yesToAll"],
  ["stirring"],
  ["stirring"],
];
