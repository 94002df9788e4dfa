/**
 * A small chain in memory, made with the real core: a federation of generated keys, blocks by the real state rules,
 * certificates by a quorum, poll answers with real proofs. Serves agents, tenants and auditors in tests; nothing
 * here is ever loaded by the program.
 *
 * @module
 */
import assert from "node:assert/strict";
import { blockHash, genesisParent, type Header, type Parent, type RawBlock } from "../../core/block.ts";
import { makeHeader, parentOf } from "../../core/block_rules.ts";
import { asHash, asRound, type Hash, type Height, type Signature, type TxId } from "../../core/brands.ts";
import { type Bytes, toHex } from "../../core/bytes.ts";
import { type Certificate, commitMessage, makeCertificate } from "../../core/certificate.ts";
import { DEFAULT_PARAMETERS, type Federation, federationOf, type Parameters } from "../../core/federation.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { generatePrivateKey, type PrivateKey } from "../../core/platform/private_key.ts";
import {
  type ConfigurationAnswer,
  encodePollAnswer,
  type FeedAnswerEntry,
  type PollAnswer,
  type PollConfiguration,
  type PollRequest,
} from "../../core/poll.ts";
import { decodeShape, type Shape } from "../../core/shape.ts";
import { configurationId, feedId } from "../../core/state/keys.ts";
import type { StateLeaf } from "../../core/state/state_node.ts";
import { groupByPage, pageSummary, type StatePage, withChanges } from "../../core/state/state_page.ts";
import { proveState } from "../../core/state/state_prover.ts";
import { applyNodes, emptyUpperTree, rootWith, stateRoot } from "../../core/state/state_upper.ts";
import { openTransition } from "../../core/state/transition.ts";
import {
  type ConfigurationState,
  configurationStateShape,
  extendConfiguration,
  feedStateShape,
} from "../../core/state/values.ts";
import { type Reference, type Transaction, TYPE } from "../../core/transaction.ts";

const { hash } = platformCrypto;

/** A federation with the keys that its members would keep secret. */
export interface TestFederation {
  readonly federation: Federation;
  /** In the members' order. */
  readonly keys: readonly PrivateKey[];
}

/** Makes a federation of `size` members with new keys. Its certificates are empty: no light client reads them. */
export function chainFederation(
  options: { size?: number; parameters?: Partial<Parameters>; timeMs?: number } = {},
): TestFederation {
  const keys = Array.from({ length: options.size ?? 1 }, generatePrivateKey);
  const federation = federationOf(hash, {
    version: 1,
    genesisId: asHash(new Uint8Array(32)),
    sequence: 0,
    previous: asHash(new Uint8Array(32)),
    time: options.timeMs ?? Date.now() - 60_000,
    name: "test",
    authority: new Uint8Array(),
    members: keys.map(({ publicKey }, i) => ({
      name: `member-${i + 1}`,
      key: publicKey,
      certificate: new Uint8Array(),
      peerAddress: `127.0.0.1:${7001 + i}`,
      apiUrl: `http://127.0.0.1:${8001 + i}`,
    })),
    parameters: { ...DEFAULT_PARAMETERS, ...options.parameters },
  });
  return { federation, keys };
}

/** Signs and certifies a header by a quorum, or by `signers` of them. */
export function certify(
  { federation, keys }: TestFederation,
  { header, signers = federation.quorum }: { header: Header; signers?: number },
): Certificate {
  const subject = { height: header.height, round: asRound(0), blockHash: blockHash(hash, header) };
  const message = commitMessage(federation, subject);
  const votes = new Map<number, Signature>();
  for (const [i, key] of keys.slice(0, signers).entries()) votes.set(i, key.sign(message));
  return makeCertificate(federation, { subject, votes });
}

/** How an answer differs from the plain one. */
export interface AnswerOptions {
  /** Most transactions that come with their bytes. */
  readonly most?: number;
  /** Changes the answer before it is encoded; what a lying node would do. */
  readonly alter?: (answer: AnswerParts) => AnswerParts;
}

/** An answer before it is encoded. */
export type AnswerParts = Omit<PollAnswer, "version">;

interface Placed {
  readonly height: Height;
  readonly index: number;
  readonly transaction: Transaction;
}

interface Version extends Placed {
  readonly before: ConfigurationState | null;
}

/** The chain; blocks are made one at a time. */
export class TestChain {
  readonly members: TestFederation;
  readonly blocks: RawBlock[] = [];
  readonly #pages = new Map<number, StatePage>();
  readonly #upper = emptyUpperTree();
  readonly #feeds = new Map<string, Placed[]>();
  readonly #versions = new Map<string, Version[]>();
  readonly #nonces = new Set<string>();
  #parent: Parent;

  constructor(members: TestFederation = chainFederation()) {
    this.members = members;
    this.#parent = genesisParent({
      genesisId: members.federation.genesisId,
      time: members.federation.document.time,
    });
  }

  get federation(): Federation {
    return this.members.federation;
  }

  get height(): number {
    return this.blocks.length;
  }

  /** Closes a block with these transactions, each of which must be valid; its time is now unless given. */
  commit(transactions: readonly Transaction[] = [], options: { timeMs?: number } = {}): RawBlock {
    const nowMs = options.timeMs ?? Date.now();
    const height = (this.height + 1) as Height;
    const time = Math.max(nowMs, this.#parent.time + 1);
    const { parameters } = this.federation.document;
    const transition = openTransition(hash, {
      reader: {
        feed: (id) => this.#value(id, feedStateShape),
        configuration: (id) => this.#value(id, configurationStateShape),
        nonceSeen: (key) => this.#nonces.has(toHex(key)),
      },
      context: { height, timeMs: time, parameters },
    });
    for (const [index, transaction] of transactions.entries()) {
      const applied = transition.apply(transaction);
      assert.ok(applied.ok, applied.ok ? "" : `${applied.code}: ${applied.detail}`);
      this.#nonces.add(toHex(applied.value.nonce));
      this.#index({ height, index, transaction });
    }
    this.#apply(transition.changes());
    return this.#close({ transactions, nowMs });
  }

  /** The answer to a poll at the chain's end. */
  answer(request: PollRequest, options: AnswerOptions = {}): Bytes {
    const block = this.blocks.at(-1);
    assert.ok(block !== undefined, "the chain has no block yet");
    let left = options.most ?? Infinity;
    const references: Reference[] = [];
    const feeds = request.feeds.map((feed) => {
      const all = this.#feeds.get(toHex(feedId(hash, feed))) ?? [];
      return all.slice(feed.count).map(({ height, index, transaction }): FeedAnswerEntry => {
        const { payload } = transaction;
        const sent = left-- > 0;
        if (sent && payload.type === TYPE.configuration) {
          references.push(...payload.body.applyBefore, ...payload.body.applyAfter);
        }
        return { height, index, id: transaction.id, transaction: sent ? transaction.bytes : null };
      });
    });
    const configurations = distinct([...request.configurations, ...references]).flatMap((wanted) =>
      this.#configuration(wanted)
    );
    const cids = distinct([...request.configurations, ...references]).map(({ cid }) => cid);
    const keys = [
      ...request.feeds.map((feed) => feedId(hash, feed)),
      ...cids.map((cid) => configurationId(hash, cid)),
    ];
    const proof = proveState(hash, { upper: this.#upper, pages: (i) => this.#pages.get(i) ?? [], keys });
    const { header, certificate } = block;
    const parts = { header, certificate, proof, feeds, configurations };
    return encodePollAnswer(options.alter?.(parts) ?? parts);
  }

  /** Where a transaction stands. */
  find(id: TxId): Placed | undefined {
    return [...this.#feeds.values()].flat().find(({ transaction }) => toHex(transaction.id) === toHex(id));
  }

  #index(placed: Placed): void {
    const { payload } = placed.transaction;
    push(this.#feeds, toHex(feedId(hash, payload)), placed);
    if (payload.type !== TYPE.configuration) return;
    const name = toHex(payload.cid);
    const last = this.#versions.get(name)?.at(-1);
    push(this.#versions, name, { ...placed, before: last === undefined ? null : after(last) });
  }

  #configuration({ cid, vid }: PollConfiguration): readonly ConfigurationAnswer[] {
    const all = this.#versions.get(toHex(cid)) ?? [];
    const wanted = vid ?? all.length;
    const found = all[wanted - 1];
    // Without a version there is nothing to send: the proof says so.
    if (found === undefined) return [];
    return [{
      cid,
      vid: wanted,
      previous: found.before?.versionsHash ?? asHash(new Uint8Array(32)),
      versions: all.slice(wanted - 1).map(({ height, index, transaction: { id } }) => ({
        height,
        index,
        id,
      })),
      transaction: found.transaction.bytes,
    }];
  }

  #value<T>(key: Hash, shape: Shape<T>): T | null {
    const page = this.#pages.get((key[0] as number) << 8 | (key[1] as number)) ?? [];
    const leaf = page.find((entry) => toHex(entry.key) === toHex(key));
    if (leaf === undefined) return null;
    const decoded = decodeShape(shape, leaf.value, { what: "state", code: "state-format" });
    assert.ok(decoded.ok);
    return decoded.value;
  }

  #apply(changes: readonly StateLeaf[]): void {
    const nodes = new Map([...groupByPage(changes)].map(([index, leaves]) => {
      const page = withChanges(this.#pages.get(index) ?? [], leaves);
      this.#pages.set(index, page);
      return [index, pageSummary(hash, page)] as const;
    }));
    applyNodes(this.#upper, rootWith(hash, this.#upper, nodes));
  }

  #close({ transactions, nowMs }: { transactions: readonly Transaction[]; nowMs: number }): RawBlock {
    const header = makeHeader({
      parent: this.#parent,
      federation: this.federation,
      proposer: (this.members.keys[0] as PrivateKey).publicKey,
      createdRound: asRound(0),
      nowMs,
      ids: transactions.map(({ id }) => id),
      stateRoot: stateRoot(this.#upper),
    }, platformCrypto);
    const certificate = certify(this.members, { header });
    const block: RawBlock = {
      version: 1,
      header,
      parentCertificate: this.blocks.at(-1)?.certificate ?? null,
      transactions: transactions.map(({ bytes }) => bytes),
      certificate,
    };
    this.blocks.push(block);
    this.#parent = parentOf({ block: { header }, certificate }, { crypto: platformCrypto });
    return block;
  }
}

function after(version: Version): ConfigurationState {
  const { height, index, transaction: { id, payload } } = version;
  return extendConfiguration(hash, version.before, { vid: payload.vid, height, index, txId: id });
}

function push<T>(map: Map<string, T[]>, name: string, value: T): void {
  const list = map.get(name);
  if (list === undefined) map.set(name, [value]);
  else list.push(value);
}

function distinct(wanted: readonly PollConfiguration[]): readonly PollConfiguration[] {
  return [...new Map(wanted.map((one) => [`${toHex(one.cid)}@${one.vid}`, one])).values()];
}
