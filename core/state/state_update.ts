/**
 * What changed leaves do to the state: to their pages, and to the tree above them. Computed without changing anything.
 *
 * @module
 */
import type { HashFunction } from "../hashing.ts";
import type { StateLeaf } from "./state_node.ts";
import { groupByPage, pageSummary, type StatePage, withChanges } from "./state_page.ts";
import { rootWith, type UpperChange, type UpperTree } from "./state_upper.ts";

/** The state that is changed. */
export interface UpdateBase {
  readonly hash: HashFunction;
  /** The page with this index. */
  readonly pageAt: (index: number) => StatePage;
  readonly upper: UpperTree;
}

/** A change that was computed and not made. */
export interface StateUpdate {
  /** The changed pages, by index. */
  readonly pages: ReadonlyMap<number, StatePage>;
  /** What they change above; its root is the state's. */
  readonly upper: UpperChange;
}

/** Computes what the state would be with these leaves set. */
export function updateState({ hash, pageAt, upper }: UpdateBase, changes: readonly StateLeaf[]): StateUpdate {
  const changed = [...groupByPage(changes)];
  const pages = new Map(changed.map(([index, leaves]) => [index, withChanges(pageAt(index), leaves)]));
  const summaries = new Map([...pages].map(([index, page]) => [index, pageSummary(hash, page)]));
  return { pages, upper: rootWith(hash, upper, summaries) };
}
