/**
 * Following over HTTP: who is no member has no links with the members, and a member that reaches fewer than a quorum
 * may have slept through a change of the federation. Both ask one node after the other for the next blocks, and judge
 * them as all others.
 */
import type { RawBlock } from "../../core/block.ts";
import type { Height } from "../../core/brands.ts";
import type { Surroundings } from "./surroundings.ts";
import { runTask, type Task } from "./tasks.ts";

/** Between two questions that brought nothing. */
const ASK_MS = 500;
/** How long an answer is waited for. */
const ANSWER_MS = 3_000;
const BLOCKS = 8;

/** Following, or resting. */
export interface Following {
  /** Begins where it is wanted now; it ends by itself. */
  readonly consider: () => void;
}

/** What following works with. */
export interface FollowingOptions {
  readonly around: Surroundings;
  readonly isWanted: () => boolean;
  readonly height: () => number;
  /** Judges and stores; whether it held. */
  readonly append: (block: RawBlock) => Task<boolean>;
}

/** Starts at rest. */
export function makeFollowing({ around, isWanted, height, append }: FollowingOptions): Following {
  const { after, others, random, watcher } = around;
  let isRunning = false;
  let turn = others.length === 0 ? 0 : random.below(others.length);

  function consider(): void {
    if (isRunning || others.length === 0 || !isWanted()) return;
    isRunning = true;
    after(ASK_MS * random.between(0.5, 1), ask);
  }

  function ask(): void {
    const to = others[turn % others.length];
    if (!isWanted() || to === undefined) return void (isRunning = false);
    let isOpen = true;
    const end = () => {
      if (!isOpen) return;
      isOpen = false;
      turn++;
      after(ASK_MS, ask);
    };
    around.http(to, { from: height() + 1 as Height, count: BLOCKS }, (blocks) => {
      if (!isOpen) return;
      if (blocks.length === 0) return end();
      isOpen = false;
      runTask(take(blocks), (isProgress) => {
        if (isProgress) watcher.count("followed over HTTP");
        else turn++;
        after(isProgress ? 0 : ASK_MS, ask);
      });
    });
    after(ANSWER_MS, end);
  }

  function* take(blocks: readonly RawBlock[]): Task<boolean> {
    const before = height();
    for (const block of blocks) if (!(yield* append(block))) break;
    return height() > before;
  }

  return { consider };
}
