/**
 * A naive model of the chain: a list of all transactions, searched from front to back, and random transactions for it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { asHeight, type Cid, type PublicKey } from "../../core/brands.ts";
import { equal, toHex } from "../../core/bytes.ts";
import { encodeHistoryPage, endOfFeed, endOfVersions, verifyHistoryPage } from "../../core/history_page.ts";
import { decodeShape, encodeShape } from "../../core/shape.ts";
import { configurationId, type Feed, feedId } from "../../core/state/keys.ts";
import { stateProofShape, verifyState } from "../../core/state/state_proof.ts";
import {
  type ConfigurationState,
  configurationStateShape,
  extendConfiguration,
  extendFeed,
  type FeedState,
  feedStateShape,
} from "../../core/state/values.ts";
import { type Transaction, TYPE } from "../../core/transaction.ts";
import type { FeedItem, History, StateView } from "../../core/ports.ts";
import type { ChainStore } from "../../store/chain_store.ts";
import { cidOf, hash, keyOf, makeTransaction, sameBytes, type World } from "./fixture.ts";

/** A transaction and its place. */
export interface Placed {
  readonly height: number;
  readonly index: number;
  readonly transaction: Transaction;
}

const SENDERS = [1, 2, 3, 4].map(keyOf);
const RECIPIENTS: readonly (PublicKey | null)[] = [null, keyOf(11).publicKey, keyOf(12).publicKey];
const CIDS = [0, 1, 2];

/** Every feed that random transactions can be in, and one that stays empty. */
export const FEEDS: readonly Feed[] = [
  ...SENDERS.flatMap(({ publicKey: sender }) => RECIPIENTS.map((recipient) => ({ sender, recipient }))),
  { sender: keyOf(99).publicKey, recipient: null },
];
/** Every CID that random transactions can have, and one that nobody uses. */
export const ALL_CIDS: readonly Cid[] = [
  ...SENDERS.flatMap(({ publicKey }) => CIDS.map((number) => cidOf(publicKey, number))),
  cidOf(keyOf(99).publicKey, 0),
];

/** A transaction that fits after `chain`. */
export function randomTransaction(
  world: World,
  { chain, random, timestamp }: {
    chain: readonly Placed[];
    random: (n: number) => number;
    timestamp: number;
  },
): Transaction {
  const sender = SENDERS[random(SENDERS.length)] as (typeof SENDERS)[number];
  const recipient = RECIPIENTS[random(RECIPIENTS.length)] ?? null;
  if (random(8) === 0) return makeTransaction(world, { sender, requestTo: keyOf(11), timestamp });
  const cid = random(CIDS.length);
  const own = cidOf(sender.publicKey, cid);
  const vid = versionsIn(chain, own).length + 1;
  const applyBefore = ALL_CIDS.filter((other) =>
    !equal(other, own) && versionsIn(chain, other).length > 0 && random(6) === 0
  ).map((other) => ({ cid: other, vid: random(2) === 0 ? null : versionsIn(chain, other).length }));
  return makeTransaction(world, { sender, recipient, cid, vid, timestamp, applyBefore, bytes: random(600) });
}

/** A feed's transactions. */
export function feedIn(chain: readonly Placed[], feed: Feed): readonly Placed[] {
  const id = feedId(hash, feed);
  return chain.filter(({ transaction }) => equal(feedId(hash, transaction.payload), id));
}

/** A CID's versions. */
export function versionsIn(chain: readonly Placed[], cid: Cid): readonly Placed[] {
  return chain.filter(({ transaction: { payload } }) =>
    payload.type === TYPE.configuration && equal(payload.cid, cid)
  );
}

/** Compares a store, or a view of it, with the model. */
export async function compareState(view: StateView, chain: readonly Placed[]): Promise<void> {
  const expected = new Map<string, Uint8Array | null>();
  for (const feed of FEEDS) {
    const wanted = feedIn(chain, feed);
    for (const count of [0, 1, Math.max(0, wanted.length - 1), wanted.length, wanted.length + 1]) {
      const since = wanted.slice(count).map(({ height, index, transaction: { id } }) => ({
        height,
        index,
        id,
      }));
      assert.deepEqual(await view.feedSince(feed, count), since);
    }
    const state = wanted.reduce<FeedState | null>(
      (before, placed) => extendFeed(hash, before, entryOf(placed)),
      null,
    );
    assert.deepEqual(await view.feeds([feedId(hash, feed)]), [state]);
    await comparePages(view, { history: { kind: "feed", key: feedId(hash, feed) }, wanted });
    expected.set(toHex(feedId(hash, feed)), state && encodeShape(feedStateShape, state));
  }
  for (const cid of ALL_CIDS) {
    const items: { height: number; index: number; vid: number; id: Uint8Array; previous: Uint8Array }[] = [];
    let state: ConfigurationState | null = null;
    for (const placed of versionsIn(chain, cid)) {
      const previous = state?.versionsHash ?? new Uint8Array(32);
      const vid = items.length + 1;
      state = extendConfiguration(hash, state, { ...entryOf(placed), vid });
      items.push({ height: placed.height, index: placed.index, vid, id: placed.transaction.id, previous });
    }
    assert.deepEqual(await view.configuration(cid), state);
    assert.deepEqual(await view.versionsSince(cid, null), items.slice(-1));
    for (const vid of [1, 2, items.length, items.length + 1].filter((one) => one > 0)) {
      assert.deepEqual(await view.versionsSince(cid, vid), items.slice(vid - 1));
    }
    const history: History = { kind: "configuration", key: configurationId(hash, cid) };
    await comparePages(view, { history, wanted: versionsIn(chain, cid) });
    expected.set(toHex(configurationId(hash, cid)), state && encodeShape(configurationStateShape, state));
  }
  await compareProof(view, expected);
}

/** Reads a history backwards, in pages that end where the client says or where the budget does. */
async function comparePages(
  view: StateView,
  { history, wanted }: { history: History; wanted: readonly Placed[] },
): Promise<void> {
  const { kind } = history;
  const last = wanted.at(-1);
  if (last === undefined) return;
  const ends = kind === "feed"
    ? endOfFeed((await view.feeds([history.key]))[0] as FeedState)
    : endOfVersions(await view.configuration(last.transaction.payload.cid) as ConfigurationState);
  for (const { most, blocks } of [{ most: 3, blocks: 100 }, { most: 100, blocks: 2 }]) {
    const found: FeedItem[] = [];
    for (let point = ends; point.count > 0;) {
      let left = blocks;
      const budget = { take: () => --left > 0 };
      const items = await view.history(history, { before: point.before, most, budget });
      const [first] = items ?? [];
      assert.ok(items && first && items.length <= most && left >= 0);
      const rows = items.map(({ height, index, id }) => ({ height, index, id }));
      const page = verifyHistoryPage(encodeHistoryPage({ previous: first.previous, rows }), {
        kind,
        point,
        most,
        hash,
      });
      assert.ok(page.ok, JSON.stringify(page));
      found.unshift(...rows);
      point = page.value.point;
    }
    const rows = wanted.map(({ height, index, transaction: { id } }) => ({ height, index, id }));
    assert.deepEqual(found, rows);
  }
}

async function compareProof(
  view: StateView,
  expected: ReadonlyMap<string, Uint8Array | null>,
): Promise<void> {
  const keys = [
    ...FEEDS.map((feed) => feedId(hash, feed)),
    ...ALL_CIDS.map((cid) => configurationId(hash, cid)),
  ];
  const { header } = view.tip();
  if (header === null) return;
  const encoded = await view.proveState(keys);
  const proof = decodeShape(stateProofShape, encoded, { what: "proof", code: "proof-format" });
  assert.ok(proof.ok, JSON.stringify(proof));
  assert.deepEqual(encodeShape(stateProofShape, proof.value), encoded);
  const verified = verifyState(hash, { root: header.stateRoot, proof: proof.value, keys });
  assert.ok(verified.ok, JSON.stringify(verified));
  for (const [name, value] of expected) assert.deepEqual(verified.value.get(name), value);
}

/** Compares blocks, transactions and positions with the model. */
export async function compareBlocks(store: ChainStore, chain: readonly Placed[]): Promise<void> {
  for (const { height, index, transaction } of chain) {
    const position = { height: asHeight(height), index };
    assert.deepEqual(await store.positionOf(transaction.id), position);
    sameBytes([await store.transactionAt(position) ?? new Uint8Array()], [transaction.bytes]);
  }
  for (const [height, placed] of Map.groupBy(chain, (one) => one.height)) {
    const block = await store.block(asHeight(height));
    sameBytes(block?.transactions, placed.map(({ transaction }) => transaction.bytes));
  }
}

function entryOf({ height, index, transaction: { id } }: Placed) {
  return { height: asHeight(height), index, txId: id };
}
