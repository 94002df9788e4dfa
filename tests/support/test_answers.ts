/**
 * What a node would keep of a chain to answer polls: its feeds and the versions of its configurations; and the answers.
 *
 * @module
 */
import type { RawBlock } from "../../core/block.ts";
import { type Height, ZERO_HASH } from "../../core/brands.ts";
import { type Bytes, toHex } from "../../core/bytes.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import {
  type ConfigurationAnswer,
  encodePollAnswer,
  type FeedAnswerEntry,
  type PollAnswer,
  type PollConfiguration,
  type PollRequest,
} from "../../core/poll.ts";
import { configurationId, feedId } from "../../core/state/keys.ts";
import { proveState } from "../../core/state/state_prover.ts";
import { type ConfigurationState, extendConfiguration } from "../../core/state/values.ts";
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
    proof: proveState(hash, { upper, pages, keys }),
    feeds,
    configurations: wanted.flatMap((one) => configurationAnswer(index, one)),
  };
  return encodePollAnswer(options.alter?.(parts) ?? parts);
}

function distinct(wanted: readonly PollConfiguration[]): readonly PollConfiguration[] {
  return [...new Map(wanted.map((one) => [`${toHex(one.cid)}@${one.vid}`, one])).values()];
}

function configurationAnswer(
  { versions }: ChainIndex,
  { cid, vid }: PollConfiguration,
): readonly ConfigurationAnswer[] {
  const all = versions.get(toHex(cid)) ?? [];
  const wanted = vid ?? all.length;
  const found = all[wanted - 1];
  // Without a version there is nothing to send: the proof says so.
  if (found === undefined) return [];
  return [{
    cid,
    vid: wanted,
    previous: found.before?.versionsHash ?? ZERO_HASH,
    versions: all.slice(wanted - 1).map(({ height, index, transaction: { id } }) => ({ height, index, id })),
    transaction: found.transaction.bytes,
  }];
}
