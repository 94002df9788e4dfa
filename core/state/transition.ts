/**
 * The state rules: what a block's transactions may do to the certified state, and what they change in it.
 *
 * Whatever decides validity here is under the state root or in the uniqueness window, so that a node which starts
 * from a snapshot accepts exactly what all others accept. The third of the paper's checks (no duplication, §III-A)
 * stands here, with VID order and references.
 *
 * @module
 */
import type { Cid, Hash, Height } from "../brands.ts";
import { equal, toHex } from "../bytes.ts";
import type { CryptoPort } from "../crypto_port.ts";
import { accept, type Refusal, refuse, type Verdict } from "../errors.ts";
import { type Federation, federationOf, type Parameters } from "../federation.ts";
import { checkChange, type PastBlock } from "../federation_change.ts";
import type { HashFunction } from "../hashing.ts";
import { LIMITS } from "../limits.ts";
import { encodeShape } from "../shape.ts";
import {
  type FederationPayload,
  nonceKey,
  type Payload,
  type Reference,
  type RequestPayload,
  type Transaction,
  TYPE,
} from "../transaction.ts";
import { configurationId, feedId } from "./keys.ts";
import type { StateLeaf } from "./state_node.ts";
import {
  type ConfigurationState,
  configurationStateShape,
  extendConfiguration,
  extendFeed,
  type FeedEntry,
  type FeedState,
  feedStateShape,
} from "./values.ts";

/** The parent's state, as far as the transactions at hand touch it; loaded before. */
export interface StateReader {
  readonly feed: (id: Hash) => FeedState | null;
  readonly configuration: (id: Hash) => ConfigurationState | null;
  /** Whether (sender, nonce) was used within the uniqueness window. */
  readonly nonceSeen: (key: Hash) => boolean;
  /** A block that a new member may name; `undefined` above the parent, and where it is too old. */
  readonly pastBlock: (height: Height) => PastBlock | undefined;
}

/** What is the same for all transactions of a block. */
export interface BlockContext {
  readonly height: Height;
  /** The block's time in milliseconds. */
  readonly timeMs: number;
  readonly federation: Federation;
  /** In force at the next height; another one while a change is under way, which allows no second. */
  readonly nextFederation: Federation;
}

/** Where the transactions before this one in its feed and of its CID stand; for the indexes. */
export interface Applied {
  readonly feed: Hash;
  /** The feed before this transaction; null when it is the first. Its last one may be of this block. */
  readonly feedBefore: FeedState | null;
  /** The configuration before this version: null for version 1, and for a request, which adds none. */
  readonly configurationBefore: ConfigurationState | null;
  readonly nonce: Hash;
}

/** A block being judged or built: transactions are applied one after the other. */
export interface Transition {
  /** Applies the next transaction, or refuses it and stays as it was. */
  readonly apply: (transaction: Transaction) => Verdict<Applied>;
  /** The leaves changed so far. */
  readonly changes: () => readonly StateLeaf[];
  /** The federation that is in force two heights later, when a transaction brings one. */
  readonly federationChange: () => Federation | null;
}

/** Whether a transaction adds a version to its CID; a request only asks for one. */
export function isVersion(payload: Payload): payload is Exclude<Payload, RequestPayload> {
  return payload.type !== TYPE.request;
}

/** The state keys that judging a transaction reads. */
export function stateKeysOf(hash: HashFunction, payload: Payload): readonly Hash[] {
  const feed = feedId(hash, payload);
  if (!isVersion(payload)) return [feed];
  if (payload.type === TYPE.federation) return [feed, configurationId(hash, payload.cid)];
  const { applyBefore, applyAfter } = payload.body;
  const cids: readonly Cid[] = [payload.cid, ...[...applyBefore, ...applyAfter].map(({ cid }) => cid)];
  return [feed, ...cids.map((cid) => configurationId(hash, cid))];
}

/** Starts from the parent's state. */
export function openTransition(
  crypto: CryptoPort,
  { reader, context }: { reader: StateReader; context: BlockContext },
): Transition {
  const { hash } = crypto;
  const feeds = new Map<string, { key: Hash; state: FeedState }>();
  const configurations = new Map<string, { key: Hash; state: ConfigurationState }>();
  const nonces = new Set<string>();
  let federationChange: Federation | null = null;
  let index = 0;

  const feedOf = (key: Hash) => feeds.get(toHex(key))?.state ?? reader.feed(key);
  const configurationOf = (key: Hash) => configurations.get(toHex(key))?.state ?? reader.configuration(key);

  function judge({ payload }: Transaction, nonce: Hash): Refusal | undefined {
    const { parameters } = context.federation.document;
    const late = checkTimestamp(payload.timestamp, { timeMs: context.timeMs, parameters });
    if (late !== undefined) return late;
    if (nonces.has(toHex(nonce)) || reader.nonceSeen(nonce)) {
      return refuse("duplicate", "a transaction with this sender and nonce is on the chain");
    }
    if (!isVersion(payload)) return undefined;
    const latest = configurationOf(configurationId(hash, payload.cid))?.latestVid ?? 0;
    if (payload.vid !== latest + 1) return refuse("vid-order", `VID is ${payload.vid}, wanted ${latest + 1}`);
    if (payload.type === TYPE.federation) return judgeChange(payload);
    const lookUp = (cid: Cid) => configurationOf(configurationId(hash, cid));
    return checkReferences([...payload.body.applyBefore, ...payload.body.applyAfter], lookUp);
  }

  function judgeChange({ body }: FederationPayload): Refusal | undefined {
    const { federation, nextFederation, timeMs } = context;
    if (federationChange !== null || !equal(federation.hash, nextFederation.hash)) {
      return refuse("federation-pending", "another change of the federation is not in force yet");
    }
    return checkChange(body, { federation, timeMs, pastBlock: reader.pastBlock, crypto });
  }

  function apply(transaction: Transaction): Verdict<Applied> {
    const { payload, id } = transaction;
    const nonce = nonceKey(hash, payload);
    const problem = judge(transaction, nonce);
    if (problem !== undefined) return problem;
    const feed = feedId(hash, payload);
    const before = feedOf(feed);
    const position = { height: context.height, index, txId: id };
    feeds.set(toHex(feed), { key: feed, state: extendFeed(hash, before, position) });
    const configurationBefore = isVersion(payload) ? extend(payload.cid, position) : null;
    if (payload.type === TYPE.federation) federationChange = federationOf(hash, payload.body.document);
    nonces.add(toHex(nonce));
    index++;
    return accept({ feed, feedBefore: before, configurationBefore, nonce });
  }

  /** Adds a version, whose VID was judged to be the next; gives what was before it. */
  function extend(cid: Cid, entry: FeedEntry): ConfigurationState | null {
    const key = configurationId(hash, cid);
    const before = configurationOf(key);
    const next = extendConfiguration(hash, before, { ...entry, vid: (before?.latestVid ?? 0) + 1 });
    configurations.set(toHex(key), { key, state: next });
    return before;
  }

  return {
    apply,
    changes: () => [
      ...[...feeds.values()].map(({ key, state }) => ({ key, value: encodeShape(feedStateShape, state) })),
      ...[...configurations.values()].map(({ key, state }) => ({
        key,
        value: encodeShape(configurationStateShape, state),
      })),
    ],
    federationChange: () => federationChange,
  };
}

/** A timestamp must lie within the lifetime before the block's time and the allowance after it. */
export function checkTimestamp(
  timestampMs: number,
  { timeMs, parameters }: { readonly timeMs: number; readonly parameters: Parameters },
): Refusal | undefined {
  if (timestampMs > timeMs + LIMITS.timestampAheadMs) {
    return refuse(
      "future",
      `the timestamp is ${timestampMs - timeMs} ms ahead, at most ${LIMITS.timestampAheadMs}`,
    );
  }
  if (timestampMs < timeMs - parameters.transactionLifetimeMs) {
    return refuse(
      "expired",
      `the timestamp is ${timeMs - timestampMs} ms old, at most ${parameters.transactionLifetimeMs}`,
    );
  }
  return undefined;
}

function checkReferences(
  references: readonly Reference[],
  lookUp: (cid: Cid) => ConfigurationState | null,
): Refusal | undefined {
  for (const { cid, vid } of references) {
    const latest = lookUp(cid)?.latestVid ?? 0;
    if (latest < (vid ?? 1)) {
      return refuse(
        "reference-unknown",
        `configuration ${toHex(cid)}@${vid ?? "latest"} is not on the chain`,
      );
    }
  }
  return undefined;
}
