/**
 * Which messages are worth verifying. Asked before signatures are looked at, so that the votes that come after a
 * quorum, a third of all, cost no verification.
 *
 * @module
 */
import { LIMITS } from "../core/limits.ts";
import type { Message } from "./message.ts";
import type { State } from "./state.ts";
import { isIncriminating } from "./witness.ts";

/** Whether `step` could do something with the message, if it holds. */
export function isOfInterest(state: State, message: Message): boolean {
  const undecided = !state.outcome?.handed;
  if (message.kind === "decided") {
    const { height } = message.block.header;
    return height > state.height || (height === state.height && undecided);
  }
  const { kind, height, sender } = message;
  if (height < state.height) return kind === "round-change" || isIncriminating(state, message);
  if (height === state.height) return undecided || isIncriminating(state, message);
  // Too far ahead to be kept: one such message is enough to learn that we are behind.
  return height <= state.height + LIMITS.futureHeights ||
    (state.peers.heights.get(sender) ?? 0) <= state.height;
}
