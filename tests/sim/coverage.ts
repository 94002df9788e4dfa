/** Counters of what a campaign has really met. One that stays at zero means that a part of the protocol was not tried. */
import type { Event } from "../../consensus/events.ts";
import type { Message } from "../../consensus/message.ts";
import type { State } from "../../consensus/state.ts";
import { standingOf } from "../../consensus/state.ts";
import type { Plan } from "./plan.ts";
import type { NodeId } from "./types.ts";

/** What every campaign must meet at least once. */
export const REQUIRED = [
  "re-proposal of a prepared value",
  "f+1 jump",
  "crash between persist and send",
  "crash with a write in flight",
  "append cut short and redone",
  "following after its journal",
  "following after a peer's memory",
  "equivocation seen",
  "leader moved by tenure",
  "missing bodies fetched",
  "bodies that never came",
  "federation changed",
  "federation changed with a round change in flight",
  "a larger federation",
  "a smaller federation",
  "a federation of the same size",
  "newcomer voted",
  "removed member stopped",
  "rotated key voted",
  "change refused as old",
  "change refused while another is pending",
  "member back after it had left",
  "followed over HTTP",
  "started from nothing",
  "first block of a federation after healing",
  "operators: rival",
  "operators: follower",
  "operators: follower of the rival",
  "operators: again",
  "decided above round 0",
  "caught up by blocks",
  "decided block taken from a peer",
  "disk full",
  "torn journal",
  "store set back",
  "machine set back",
  "disk wiped",
  "one-way cut",
  "partition",
  "pause",
  "clock jump",
  "started from a copy of another chain",
  "quorum healed",
  "transaction in within f+1 leader changes",
  "real signatures",
  "whole chain audited",
] as const;

/** Counters by name. */
export type Coverage = Record<string, number>;

/** All that are required, at zero. */
export function emptyCoverage(): Coverage {
  return Object.fromEntries(REQUIRED.map((name) => [name, 0]));
}

/** Adds counters up. */
export function addCoverage(to: Coverage, from: Readonly<Coverage>): void {
  for (const [name, count] of Object.entries(from)) to[name] = (to[name] ?? 0) + count;
}

/** Required ones that were not met. */
export function missingCoverage(coverage: Readonly<Coverage>): readonly string[] {
  return REQUIRED.filter((name) => (coverage[name] ?? 0) === 0);
}

/** Counts what a step of a correct member shows. */
export function coverStep(
  { before, event, after }: { readonly before: State; readonly event: Event; readonly after: State },
  count: (name: string) => void,
): void {
  const isSameHeight = before.height === after.height;
  if (event.kind === "message" && isSameHeight && event.message.message.kind !== "pre-prepare") {
    if (after.round > before.round && before.current?.status !== "invalid") count("f+1 jump");
  }
  if (event.kind === "peerUp" && after.followUntil > before.followUntil) {
    count("following after a peer's memory");
  }
  if (event.kind !== "advanced") return;
  if (before.tip.federation !== after.tip.federation) {
    count("federation changed");
    const isMoving = before.round > 0 || before.votes.roundChanges.size > 0;
    if (isMoving) count("federation changed with a round change in flight");
    if (before.self >= 0 && after.self < 0) count("removed member stopped");
  }
}

/** Counts what a message of a correct member shows. */
export function coverSend(message: Message, count: (name: string) => void): void {
  if (message.kind === "pre-prepare" && message.justification.prepares.length > 0) {
    count("re-proposal of a prepared value");
  }
}

/** Counts what a start shows. */
export function coverStart(state: State, count: (name: string) => void): void {
  if (standingOf(state) === "following") count("following after its journal");
}

/** Counts whose vote it is: a newcomer's, or that of a member whose key was rotated. */
export function coverVoter(
  { n, faults }: Pick<Plan, "n" | "faults">,
  { id, count }: { readonly id: NodeId; readonly count: (name: string) => void },
): void {
  if (id < n) return;
  count("newcomer voted");
  if (faults.some((each) => each.kind === "federation" && each.isRotation && each.joins === id)) {
    count("rotated key voted");
  }
}
