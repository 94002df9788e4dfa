/**
 * What a node would keep of a chain to answer polls: its feeds and the versions of its configurations; and the answers.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { RawBlock } from "../../core/block.ts";
import { type Hash, type Height, ZERO_HASH } from "../../core/brands.ts";
import { type Bytes, toHex } from "../../core/bytes.ts";
import { encodeHistoryPage } from "../../core/history_page.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import {
  type ConfigurationAnswer,
  encodePollAnswer,
  type FeedAnswerEntry,
  type PollAnswer,
  type PollConfiguration,
  type PollRequest,
} from "../../core/poll.ts";
import type { History, Position } from "../../core/ports.ts";
import { decodeShape } from "../../core/shape.ts";
import { configurationId, feedId } from "../../core/state/keys.ts";
import { type StateProof, stateProofShape } from "../../core/state/state_proof.ts";
import { proveState } from "../../core/state/state_prover.ts";
import {
  type ConfigurationState,
  extendConfiguration,
  extendFeed,
  type FeedState,
} from "../../core/state/values.ts";
import { type Reference, type Transaction, TYPE } from "../../core/transaction.ts";
import type { TestState } from "./test_state.ts";

const { hash } = platformCrypto;

/** A transaction and its place. */
export interface Placed {
  readonly height: Height;
  readonly index: number;
  readonly transaction: Transaction;
}

/** A version, and the configuration before it. */
interface Version extends Placed {
  readonly before: ConfigurationState | null;
}

/** Feeds and versions, oldest first, by id in hexadecimal digits. */
export interface ChainIndex {
  readonly feeds: ReadonlyMap<string, readonly Placed[]>;
  readonly versions: ReadonlyMap<string, readonly Version[]>;
  readonly add: (placed: Placed) => void;
}

/** An index of nothing. */
export function emptyIndex(): ChainIndex {
  const feeds = new Map<string, Placed[]>();
  const versions = new Map<string, Version[]>();
  return {
    feeds,
    versions,
    add: (placed) => {
      const { payload } = placed.transaction;
      push(feeds, toHex(feedId(hash, payload)), placed);
      if (payload.type !== TYPE.configuration) return;
      const name = toHex(payload.cid);
      const last = versions.get(name)?.at(-1);
      push(versions, name, { ...placed, before: last === undefined ? null : after(last) });
    },
  };
}

function push<T>(map: Map<string, T[]>, name: string, value: T): void {
  const list = map.get(name);
  if (list === undefined) map.set(name, [value]);
  else list.push(value);
}

function after(version: Version): ConfigurationState {
  const { height, index, transaction: { id, payload } } = version;
  return extendConfiguration(hash, version.before, { vid: payload.vid, height, index, txId: id });
}

/** An answer before it is encoded. */
export type AnswerParts = Omit<PollAnswer, "version">;

/** How an answer differs from the plain one. */
export interface AnswerOptions {
  /** Most transactions that come with their bytes. */
  readonly most?: number;
  /** Most rows of a feed or of versions; what has more is left to pages. */
  readonly rows?: number;
  /** Changes the answer before it is encoded; what a lying node would do. */
  readonly alter?: (answer: AnswerParts) => AnswerParts;
}

/** The answer to a poll at a block whose state and index these are. */
export function answerPoll(
  { block, state, index, request }: {
    readonly block: RawBlock;
    readonly state: TestState;
    readonly index: ChainIndex;
    readonly request: PollRequest;
  },
  options: AnswerOptions,
): Bytes {
  let left = options.most ?? Infinity;
  const references: Reference[] = [];
  const feeds = request.feeds.map((feed) => {
    const all = index.feeds.get(toHex(feedId(hash, feed))) ?? [];
    if (all.length - feed.count > (options.rows ?? Infinity)) return null;
    return all.slice(feed.count).map(({ height, index, transaction }): FeedAnswerEntry => {
      const { payload } = transaction;
      const sent = left-- > 0;
      if (sent && payload.type === TYPE.configuration) {
        references.push(...payload.body.applyBefore, ...payload.body.applyAfter);
      }
      return { height, index, id: transaction.id, transaction: sent ? transaction.bytes : null };
    });
  });
  const wanted = distinct([...request.configurations, ...references]);
  const keys = [
    ...request.feeds.map((feed) => feedId(hash, feed)),
    ...wanted.map(({ cid }) => configurationId(hash, cid)),
  ];
  const { header, certificate } = block;
  const { upper, pages } = state;
  const parts = {
    header,
    certificate,
    proof: decodeProof(proveState(hash, { upper, pages, keys })),
    feeds,
    configurations: wanted.flatMap((one) => configurationAnswer(index, one, options)),
  };
  return encodePollAnswer(options.alter?.(parts) ?? parts);
}

function decodeProof(bytes: Bytes): StateProof {
  const proof = decodeShape(stateProofShape, bytes, { what: "proof", code: "proof-format" });
  assert.ok(proof.ok);
  return proof.value;
}

function distinct(wanted: readonly PollConfiguration[]): readonly PollConfiguration[] {
  return [...new Map(wanted.map((one) => [`${toHex(one.cid)}@${one.vid}`, one])).values()];
}

function configurationAnswer(
  { versions }: ChainIndex,
  { cid, vid }: PollConfiguration,
  { rows = Infinity }: AnswerOptions,
): readonly ConfigurationAnswer[] {
  const all = versions.get(toHex(cid)) ?? [];
  const wanted = vid ?? all.length;
  const found = all[wanted - 1];
  // Without a version there is nothing to send: the proof says so.
  if (found === undefined) return [];
  if (all.length - wanted + 1 > rows) {
    return [{ cid, vid: wanted, previous: ZERO_HASH, versions: null, transaction: null }];
  }
  return [{
    cid,
    vid: wanted,
    previous: found.before?.versionsHash ?? ZERO_HASH,
    versions: all.slice(wanted - 1).map(({ height, index, transaction: { id } }) => ({ height, index, id })),
    transaction: found.transaction.bytes,
  }];
}

/** A page of a history before a place, as a node gives it; null where there is none. */
export function historyPage(
  { feeds, versions }: ChainIndex,
  { history: { kind, key }, before, rows }: {
    readonly history: History;
    readonly before: Position;
    readonly rows: number;
  },
): Bytes | null {
  const name = toHex(key);
  const all = kind === "feed"
    ? feeds.get(name) ?? []
    : [...versions.values()].find(([first]) => first !== undefined && toHex(idOf(first)) === name) ?? [];
  const end = all.findIndex(({ height, index }) =>
    height > before.height || (height === before.height && index >= before.index)
  );
  const upTo = end < 0 ? all.length : end;
  const page = all.slice(Math.max(0, upTo - rows), upTo);
  if (page.length === 0) return null;
  const previous = hashBefore(all, { kind, count: upTo - page.length });
  return encodeHistoryPage({
    previous,
    rows: page.map(({ height, index, transaction: { id } }) => ({ height, index, id })),
  });
}

function idOf({ transaction: { payload } }: Placed): Hash {
  return configurationId(hash, payload.cid);
}

function hashBefore(
  all: readonly Placed[],
  { kind, count }: { kind: History["kind"]; count: number },
): Hash {
  let feed: FeedState | null = null;
  let configuration: ConfigurationState | null = null;
  for (const [i, { height, index, transaction: { id: txId } }] of all.slice(0, count).entries()) {
    if (kind === "feed") feed = extendFeed(hash, feed, { height, index, txId });
    else configuration = extendConfiguration(hash, configuration, { vid: i + 1, height, index, txId });
  }
  return feed?.feedHash ?? configuration?.versionsHash ?? ZERO_HASH;
}
