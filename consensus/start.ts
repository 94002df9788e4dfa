/**
 * Starting, with the chain's tip and the vote journal as they were found.
 *
 * A journal that is ahead of the chain by more than the height being decided means that the chain's store lost what
 * it had: the member follows until the chain has reached the height before the journal's last, then goes on from the
 * journal. Whatever it finds, it votes only after a quorum was heard.
 *
 * @module
 */
import type { Height } from "../core/brands.ts";
import type { Bytes } from "../core/bytes.ts";
import { draftOf, type Transition } from "./draft.ts";
import { beginHeight, type HeightStart, stateAt } from "./height.ts";
import { recall } from "./journal.ts";
import { NO_PEERS, type Tools } from "./state.ts";
import { settle } from "./step.ts";

/**
 * The first state and the first actions.
 *
 * @throws {VnfchainError} `journal-damaged` or `journal-foreign`; see {@link recall}.
 */
export function start(
  options: HeightStart & {
    readonly tools: Tools;
    /** The vote journal, oldest record first. */
    readonly records: readonly Bytes[];
  },
): Transition {
  const { tools, tip, records } = options;
  const { position, height, part, seen } = recall(records, { tools, tip });
  const state = stateAt({
    tools,
    position,
    // Below the journal's last height we may have voted, and no longer know how.
    followUntil: Math.max(0, height - 1) as Height,
    resume: height > 0 ? { height, part } : null,
    peers: { ...NO_PEERS, seen },
    future: new Map(),
    witnessed: new Map(),
  }, options);
  const draft = draftOf(state);
  beginHeight(draft);
  return settle(draft);
}
