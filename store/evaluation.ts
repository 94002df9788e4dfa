/**
 * What a block does to the state: transactions go through the state rules on the tip's state, and what they change is
 * gathered without changing anything. A proposal is judged with it, and appending it takes the result over.
 *
 * Refused beside the state rules: a transaction larger than the federation allows (`too-large`).
 *
 * @module
 */
import { type Hash, ZERO_HASH } from "../core/brands.ts";
import { assert, type Verdict } from "../core/errors.ts";
import type { HashFunction } from "../core/hashing.ts";
import { configurationId } from "../core/state/keys.ts";
import type { StateLeaf } from "../core/state/state_node.ts";
import { pageOf } from "../core/state/state_page.ts";
import { type StateUpdate, updateState } from "../core/state/state_update.ts";
import type { UpperTree } from "../core/state/state_upper.ts";
import { type Applied, type BlockContext, openTransition, stateKeysOf } from "../core/state/transition.ts";
import { type Transaction, TYPE } from "../core/transaction.ts";
import { checkSize } from "../core/transaction_rules.ts";
import { type UniquenessWindow, windowStart } from "../core/uniqueness_window.ts";
import { type Link, LINK_KEY_BYTES, linkKey } from "./links.ts";
import type { Pages, StatePages } from "./state_pages.ts";
import { configurationIn, feedIn } from "./state_values.ts";

/** The state that a block builds on. */
export interface BaseState {
  readonly hash: HashFunction;
  readonly pages: StatePages;
  readonly upper: UpperTree;
  readonly window: UniquenessWindow;
}

/** What a block's transactions change. */
export interface Effects extends StateUpdate {
  readonly links: readonly Link[];
  readonly changes: readonly StateLeaf[];
  /** The pages concerned, as they were. */
  readonly before: Pages;
}

/** Transactions being applied one after the other. */
export interface OpenEvaluation {
  /** Applies the next one, or refuses it and stays as it was. */
  readonly apply: (transaction: Transaction) => Verdict<void>;
  /** What those that were applied change. */
  readonly finish: () => Effects;
}

/** Starts from the tip's state, with the pages loaded that `transactions` touch. */
export async function openEvaluation(
  base: BaseState,
  { transactions, context }: { transactions: readonly Transaction[]; context: BlockContext },
): Promise<OpenEvaluation> {
  const { hash, upper, window } = base;
  const keys = transactions.flatMap(({ payload }) => stateKeysOf(hash, payload));
  const pages = await base.pages.load(keys.map(pageOf));
  const sinceMs = windowStart(context.timeMs, context.parameters);
  const transition = openTransition(hash, {
    reader: {
      feed: (id) => feedIn(pages, id),
      configuration: (id) => configurationIn(pages, id),
      nonceSeen: (key) => window.seen(key, sinceMs),
    },
    context,
  });
  const links: Link[] = [];
  return {
    apply: (transaction) => {
      const problem = checkSize(transaction.bytes, context.parameters);
      if (problem !== undefined) return problem;
      const applied = transition.apply(transaction);
      if (!applied.ok) return applied;
      links.push(linkOf(hash, transaction, applied.value));
      return { ok: true, value: undefined };
    },
    finish: () => {
      const changes = transition.changes();
      return { links, changes, before: pages, ...changedPages({ hash, pages, upper }, changes) };
    },
  };
}

/** The pages with changed leaves, and the upper tree's change; asserts that the pages are there. */
export function changedPages(
  { hash, pages, upper }: { hash: HashFunction; pages: Pages; upper: UpperTree },
  changes: readonly StateLeaf[],
): StateUpdate {
  const pageAt = (index: number) => {
    const page = pages.get(index);
    assert(page !== undefined, `state page ${index} was not loaded`);
    return page;
  };
  return updateState({ hash, pageAt, upper }, changes);
}

function linkOf(hash: HashFunction, { id, payload }: Transaction, applied: Applied): Link {
  const configuration: Hash | null = payload.type === TYPE.configuration
    ? configurationId(hash, payload.cid)
    : null;
  return {
    id,
    feed: linkKey(applied.feed),
    configuration: configuration === null ? new Uint8Array(LINK_KEY_BYTES) : linkKey(configuration),
    nonce: linkKey(applied.nonce),
    feedPreviousHeight: applied.feedPreviousHeight,
    configurationPreviousHeight: applied.configurationBefore?.lastHeight ?? 0,
    previousVersions: applied.configurationBefore?.versionsHash ?? ZERO_HASH,
  };
}
