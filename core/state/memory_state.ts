/**
 * The whole state in memory: all pages and the upper tree. For whoever replays a chain from genesis and keeps nothing.
 *
 * @module
 */
import type { Hash } from "../brands.ts";
import { compare } from "../bytes.ts";
import { assert } from "../errors.ts";
import type { HashFunction } from "../hashing.ts";
import { decodeShape, type Shape } from "../shape.ts";
import type { StateLeaf } from "./state_node.ts";
import { groupByPage, pageOf, pageSummary, type StatePage, withChanges } from "./state_page.ts";
import { applyNodes, emptyUpperTree, rootWith, stateRoot } from "./state_upper.ts";
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

  function read<T>(key: Hash, shape: Shape<T>): T | null {
    const leaf = (pages.get(pageOf(key)) ?? []).find((candidate) => compare(candidate.key, key) === 0);
    if (leaf === undefined) return null;
    const decoded = decodeShape(shape, leaf.value, { what: "state value", code: "state-format" });
    // A crash here means that a feed and a configuration met under one key.
    assert(decoded.ok, "a value of the state in memory does not decode");
    return decoded.value;
  }

  function prepare(changes: readonly StateLeaf[]): PreparedState {
    const changed = [...groupByPage(changes)].map(([index, leaves]) => {
      const page = withChanges(pages.get(index) ?? [], leaves);
      return { index, page, node: pageSummary(hash, page) };
    });
    const change = rootWith(hash, upper, new Map(changed.map(({ index, node }) => [index, node])));
    return {
      root: change.root,
      commit: () => {
        applyNodes(upper, change);
        for (const { index, page } of changed) pages.set(index, page);
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
