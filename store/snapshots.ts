/**
 * Snapshots: the state at one height, kept while blocks are appended, so that feeds, versions and a proof can be read
 * one after the other and still be of one height. Nothing is copied unless a block is appended while one is in use.
 *
 * @module
 */
import type { Tip } from "../core/ports.ts";
import type { UpperTree } from "../core/state/state_upper.ts";
import type { Pages, StatePages } from "./state_pages.ts";

/** The state at one height. */
export interface Snapshot extends Disposable {
  readonly tip: Tip;
  /** Depth 0 to 16. To be asked for anew after every `await`. */
  readonly upper: () => UpperTree;
  /** Gives these pages as they were at this height. */
  readonly load: (indexes: Iterable<number>) => Promise<Pages>;
}

/** The snapshots in use. */
export interface Snapshots {
  /** A snapshot of the state as it is. */
  readonly take: (tip: Tip) => Snapshot;
  /** To be called before the state changes: what snapshots need is put aside. `before` holds all pages that will change. */
  readonly preserve: (before: Pages) => void;
}

interface Kept {
  upper: UpperTree;
  readonly pages: Map<number, NonNullable<ReturnType<Pages["get"]>>>;
}

/** Snapshots of a state whose upper tree changes in place. */
export function openSnapshots({ pages, upper }: { pages: StatePages; upper: UpperTree }): Snapshots {
  const inUse = new Set<Kept>();

  async function load(kept: Kept, indexes: Iterable<number>): Promise<Pages> {
    const now = await pages.load(indexes);
    // What was changed meanwhile has been put aside meanwhile.
    return new Map([...now].map(([index, page]) => [index, kept.pages.get(index) ?? page]));
  }

  return {
    take: (tip) => {
      const kept: Kept = { upper, pages: new Map() };
      inUse.add(kept);
      return {
        tip,
        upper: () => kept.upper,
        load: (indexes) => load(kept, indexes),
        [Symbol.dispose]: () => inUse.delete(kept),
      };
    },
    preserve: (before) => {
      let copy: UpperTree | undefined;
      for (const kept of inUse) {
        if (kept.upper === upper) {
          copy ??= { hashes: upper.hashes.slice(), kinds: upper.kinds.slice() };
          kept.upper = copy;
        }
        for (const [index, page] of before) {
          if (!kept.pages.has(index)) kept.pages.set(index, page);
        }
      }
    },
  };
}
