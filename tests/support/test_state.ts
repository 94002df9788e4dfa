/**
 * A state in memory with its pages and its upper tree, as a store holds them: what proofs are made from.
 *
 * @module
 */
import { platformCrypto } from "../../core/platform/crypto.ts";
import type { StateLeaf } from "../../core/state/state_node.ts";
import type { StatePage } from "../../core/state/state_page.ts";
import { updateState } from "../../core/state/state_update.ts";
import { applyNodes, emptyUpperTree, type UpperTree } from "../../core/state/state_upper.ts";

/** The state. */
export interface TestState {
  readonly upper: UpperTree;
  readonly stored: Map<number, StatePage>;
  readonly pages: (index: number) => StatePage;
}

/** The state that holds nothing. */
export function emptyState(): TestState {
  const stored = new Map<number, StatePage>();
  return { upper: emptyUpperTree(), stored, pages: (index) => stored.get(index) ?? [] };
}

/** The state that holds exactly these leaves. */
export function stateOf(leaves: readonly StateLeaf[]): TestState {
  const state = emptyState();
  commit(state, leaves);
  return state;
}

/** Commits leaves to a state. */
export function commit(state: TestState, leaves: readonly StateLeaf[]): void {
  const { upper, pages: pageAt } = state;
  const update = updateState({ hash: platformCrypto.hash, upper, pageAt }, leaves);
  for (const [index, page] of update.pages) state.stored.set(index, page);
  applyNodes(upper, update.upper);
}
