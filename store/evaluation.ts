/**
 * What a block does to the state: transactions go through the state rules on the tip's state, and what they change is
 * gathered without changing anything. A proposal is judged with it, and appending it takes the result over.
 *
 * Refused beside the state rules: a transaction larger than the federation allows (`too-large`).
 *
 * @module
 */
import { blockHash } from "../core/block.ts";
import { type Hash, ZERO_HASH } from "../core/brands.ts";
import type { CryptoPort } from "../core/crypto_port.ts";
import { assert, type Verdict } from "../core/errors.ts";
import type { Federation } from "../core/federation.ts";
import { checkSigned, type PastBlock } from "../core/federation_change.ts";
import type { HashFunction } from "../core/hashing.ts";
import { configurationId } from "../core/state/keys.ts";
import type { StateLeaf } from "../core/state/state_node.ts";
import { pageOf } from "../core/state/state_page.ts";
import { type StateUpdate, updateState } from "../core/state/state_update.ts";
import type { UpperTree } from "../core/state/state_upper.ts";
import {
  type Applied,
  type BlockContext,
  isVersion,
  openTransition,
  stateKeysOf,
} from "../core/state/transition.ts";
import { isFederationChange, type Transaction } from "../core/transaction.ts";
import { checkSize } from "../core/transaction_rules.ts";
import { type UniquenessWindow, windowStart } from "../core/uniqueness_window.ts";
import { readDecided } from "./decided.ts";
import { type Link, LINK_KEY_BYTES, linkKey } from "./links.ts";
import { damaged, type Rows } from "./rows.ts";
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
  /** The federation that the block decides on, if any. */
  readonly change: Federation | null;
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
  { rows, base, crypto }: { rows: Rows; base: BaseState; crypto: CryptoPort },
  { transactions, context }: { transactions: readonly Transaction[]; context: BlockContext },
): Promise<OpenEvaluation> {
  const { hash, upper, window } = base;
  const { parameters } = context.federation.document;
  const keys = transactions.flatMap(({ payload }) => stateKeysOf(hash, payload));
  const pages = await base.pages.load(keys.map(pageOf));
  const past = await readNamedBlocks(rows, { transactions, context, crypto });
  const sinceMs = windowStart(context.timeMs, parameters);
  const transition = openTransition(crypto, {
    reader: {
      feed: (id) => feedIn(pages, id),
      configuration: (id) => configurationIn(pages, id),
      nonceSeen: (key) => window.seen(key, sinceMs),
      pastBlock: (height) => past.get(height),
    },
    context,
  });
  const links: Link[] = [];
  return {
    apply: (transaction) => {
      const problem = checkSize(transaction.bytes, parameters);
      if (problem !== undefined) return problem;
      const applied = transition.apply(transaction);
      if (!applied.ok) return applied;
      links.push(linkOf(hash, transaction, applied.value));
      return { ok: true, value: undefined };
    },
    finish: () => {
      const changes = transition.changes();
      const change = transition.federationChange();
      return { links, changes, change, before: pages, ...changedPages({ hash, pages, upper }, changes) };
    },
  };
}

/**
 * The blocks that the new members of a federation change name. Of the first change alone: where it is refused so is
 * the block, and where it is not there can be no second.
 */
async function readNamedBlocks(
  rows: Rows,
  { transactions, context, crypto }: {
    readonly transactions: readonly Transaction[];
    readonly context: BlockContext;
    readonly crypto: CryptoPort;
  },
): Promise<ReadonlyMap<number, PastBlock>> {
  const past = new Map<number, PastBlock>();
  const change = transactions.find(isFederationChange)?.payload.body;
  // Only new members whom a quorum wants make us read.
  if (change === undefined || checkSigned(change, { ...context, crypto }) !== undefined) return past;
  for (const { height } of change.joinings) {
    if (height < 1 || height >= context.height || past.has(height)) continue;
    const decided = await readDecided(rows, height);
    if (decided === null) throw damaged(`block ${height} is missing`);
    past.set(height, { hash: blockHash(rows.hash, decided.header), time: decided.header.time });
  }
  return past;
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
  const configuration: Hash | null = isVersion(payload) ? configurationId(hash, payload.cid) : null;
  return {
    id,
    feed: linkKey(applied.feed),
    configuration: configuration === null ? new Uint8Array(LINK_KEY_BYTES) : linkKey(configuration),
    nonce: linkKey(applied.nonce),
    feedPreviousHeight: applied.feedBefore?.lastHeight ?? 0,
    configurationPreviousHeight: applied.configurationBefore?.lastHeight ?? 0,
    previousVersions: applied.configurationBefore?.versionsHash ?? ZERO_HASH,
    previousFeed: applied.feedBefore?.feedHash ?? ZERO_HASH,
  };
}
