/**
 * The whole state in memory: all pages and the upper tree. For whoever replays a chain from genesis and keeps nothing.
 *
 * @module
 */
import type { Hash } from "../brands.ts";
import { assert } from "../errors.ts";
import type { HashFunction } from "../hashing.ts";
import type { Shape } from "../shape.ts";
import type { StateLeaf } from "./state_node.ts";
import { pageOf, type StatePage, valueIn } from "./state_page.ts";
import { updateState } from "./state_update.ts";
import { applyNodes, emptyUpperTree, stateRoot } from "./state_upper.ts";
import {
  type ConfigurationState,
  configurationStateShape,
  type FeedState,
  feedStateShape,
} from "./values.ts";

/** A state that is changed block by block. */
export interface MemoryState {
  /** Root of the state now. */
  readonly root: () => Hash;
  /** A feed's state, by its id; null when it has no transaction. */
  readonly feed: (id: Hash) => FeedState | null;
  /** A configuration's state, by its id; null when it has no version. */
  readonly configuration: (id: Hash) => ConfigurationState | null;
  /** Computes what the state would be with these leaves set; changes nothing yet. */
  readonly prepare: (changes: readonly StateLeaf[]) => PreparedState;
}

/** A change that was computed and not made. */
export interface PreparedState {
  /** Root of the state with the change. */
  readonly root: Hash;
  /** Makes the change; asserts that no other was made in between. */
  readonly commit: () => void;
}

/** A state without leaves. */
export function openMemoryState(hash: HashFunction): MemoryState {
  const pages = new Map<number, StatePage>();
  const upper = emptyUpperTree();

  const pageAt = (index: number) => pages.get(index) ?? [];

  function read<T>(key: Hash, shape: Shape<T>): T | null {
    const found = valueIn(pageAt(pageOf(key)), { key, shape });
    // A crash here means that a feed and a configuration met under one key.
    assert(found.ok, "a value of the state in memory does not decode");
    return found.value;
  }

  function prepare(changes: readonly StateLeaf[]): PreparedState {
    const update = updateState({ hash, pageAt, upper }, changes);
    return {
      root: update.upper.root,
      commit: () => {
        applyNodes(upper, update.upper);
        for (const [index, page] of update.pages) pages.set(index, page);
      },
    };
  }

  return {
    root: () => stateRoot(upper),
    feed: (id) => read(id, feedStateShape),
    configuration: (id) => read(id, configurationStateShape),
    prepare,
  };
}
