/**
 * A small chain in memory, made with the real core: blocks by the real state rules, certificates by a quorum, poll
 * answers with real proofs; and it can be made to lie. Serves tests of agents, auditors and light clients.
 *
 * @module
 */
import assert from "node:assert/strict";
import { blockHash, type Header, type RawBlock } from "../../core/block.ts";
import { makeHeader } from "../../core/block_rules.ts";
import { asHeight, asRound, type Hash } from "../../core/brands.ts";
import { type Bytes, equal } from "../../core/bytes.ts";
import type { Federation, Member } from "../../core/federation.ts";
import type { PastBlock } from "../../core/federation_change.ts";
import { type FederationTerm, firstTerm, termAfter } from "../../core/federation_terms.ts";
import { platformCrypto, randomBytes } from "../../core/platform/crypto.ts";
import type { PrivateKey } from "../../core/platform/private_key.ts";
import type { PollRequest } from "../../core/poll.ts";
import type { Tip } from "../../core/ports.ts";
import type { Shape } from "../../core/shape.ts";
import { pageOf, valueIn } from "../../core/state/state_page.ts";
import { stateRoot } from "../../core/state/state_upper.ts";
import { openTransition } from "../../core/state/transition.ts";
import { configurationStateShape, feedStateShape } from "../../core/state/values.ts";
import { genesisTip, tipAfter } from "../../core/tip.ts";
import type { Transaction } from "../../core/transaction.ts";
import { openUniquenessWindow, WINDOW_SALT_BYTES, windowStart } from "../../core/uniqueness_window.ts";
import { leaderKeyAt } from "../../consensus/leader.ts";
import { certify, makeFederation, type TestFederation } from "./federation.ts";
import {
  type AnswerOptions,
  answerPoll,
  type ChainIndex,
  emptyIndex,
  historyPage,
  type Placed,
} from "./test_answers.ts";
import { commit, emptyState } from "./test_state.ts";

const { hash } = platformCrypto;

/** How a block is made, and in what it lies. */
export interface BlockOptions {
  /** Milliseconds after the parent; 1,000 when left out. */
  readonly afterMs?: number;
  /** The round in which it is proposed first; 0 when left out. */
  readonly createdRound?: number;
  /** The round in which it is decided; that of its proposal when left out. */
  readonly decidedRound?: number;
  /** Members that sign, by index; the first quorum when left out. */
  readonly signers?: readonly number[];
  /** Members whose certificate the next block names; those that sign when left out. */
  readonly nextSigners?: readonly number[];
  /** Changes the header before it is signed. */
  readonly lie?: (header: Header) => Header;
}

/** The chain; blocks are made one at a time. */
export class TestChain implements TestFederation {
  readonly federation: Federation;
  /** Of all members, also of those that join later. */
  readonly keys: readonly PrivateKey[];
  readonly blocks: RawBlock[] = [];
  readonly #state = emptyState();
  readonly #window = openUniquenessWindow(randomBytes(WINDOW_SALT_BYTES));
  readonly #index: ChainIndex = emptyIndex();
  #tip: Tip;
  #change: Federation | null = null;
  #terms: readonly FederationTerm[];

  constructor({ federation, keys }: TestFederation = makeFederation()) {
    this.federation = federation;
    this.keys = keys;
    this.#tip = genesisTip(federation);
    this.#terms = [firstTerm(federation)];
  }

  /** The federation documents, as a node's chain gives them. */
  readonly federationTerms = (): readonly FederationTerm[] => this.#terms;

  /** A block, as a node's chain gives it. */
  readonly block = (height: number): Promise<RawBlock | null> =>
    Promise.resolve(this.blocks[height - 1] ?? null);

  get height(): number {
    return this.blocks.length;
  }

  /** What the next block builds on. */
  readonly tip = (): Tip => this.#tip;

  /** Closes a block with these transactions, each of which must be valid; its time is now unless given. */
  commit(transactions: readonly Transaction[] = [], { timeMs = Date.now() } = {}): RawBlock {
    const placed = this.#apply(transactions, Math.max(timeMs, this.#tip.parent.time + 1));
    assert.equal(placed.length, transactions.length, "a transaction is refused");
    return this.#close(transactions, timeMs, {});
  }

  /** Makes the next block. What the state rules forbid goes into it all the same, and changes no state. */
  append(transactions: readonly Transaction[] = [], options: BlockOptions = {}): RawBlock {
    const timeMs = this.#tip.parent.time + (options.afterMs ?? 1000);
    this.#apply(transactions, timeMs);
    return this.#close(transactions, timeMs, options);
  }

  /** The answer to a poll at the chain's end. */
  answer(request: PollRequest, options: AnswerOptions = {}): Bytes {
    const block = this.blocks.at(-1);
    assert.ok(block !== undefined, "the chain has no block yet");
    return answerPoll({ block, state: this.#state, index: this.#index, request }, options);
  }

  /** A page of a history; null where there is none. */
  page(question: Parameters<typeof historyPage>[1]): Bytes | null {
    return historyPage(this.#index, question);
  }

  /** Changes the state; gives the transactions that the rules allow. */
  #apply(transactions: readonly Transaction[], timeMs: number): readonly Placed[] {
    const { federation, nextFederation } = this.#tip;
    const { parameters } = federation.document;
    const height = asHeight(this.height + 1);
    const sinceMs = windowStart(timeMs, parameters);
    const transition = openTransition(platformCrypto, {
      reader: {
        feed: (id) => this.#value(id, feedStateShape),
        configuration: (id) => this.#value(id, configurationStateShape),
        nonceSeen: (key) => this.#window.seen(key, sinceMs),
        pastBlock: (at) => this.#pastBlock(at),
      },
      context: { height, timeMs, federation, nextFederation },
    });
    const placed: Placed[] = [];
    const nonces: Hash[] = [];
    for (const [index, transaction] of transactions.entries()) {
      const applied = transition.apply(transaction);
      if (!applied.ok) continue;
      nonces.push(applied.value.nonce);
      placed.push({ height, index, transaction });
    }
    this.#window.add(timeMs, nonces);
    this.#change = transition.federationChange();
    commit(this.#state, transition.changes());
    for (const one of placed) this.#index.add(one);
    return placed;
  }

  #value<T>(key: Hash, shape: Shape<T>): T | null {
    const found = valueIn(this.#state.pages(pageOf(key)), { key, shape });
    assert.ok(found.ok);
    return found.value;
  }

  #pastBlock(height: number): PastBlock | undefined {
    const header = this.blocks[height - 1]?.header;
    return header === undefined ? undefined : { hash: blockHash(hash, header), time: header.time };
  }

  /** The members in force at the next height; each key must be among `keys`. */
  #inForce(): TestFederation {
    const { federation } = this.#tip;
    const keyOf = ({ key }: Member) => this.keys.find(({ publicKey }) => equal(publicKey, key)) as PrivateKey;
    return { federation, keys: federation.document.members.map(keyOf) };
  }

  #close(transactions: readonly Transaction[], nowMs: number, options: BlockOptions): RawBlock {
    const createdRound = asRound(options.createdRound ?? 0);
    const honest = makeHeader({
      tip: this.#tip,
      proposer: leaderKeyAt(this.#tip, createdRound),
      createdRound,
      nowMs,
      ids: transactions.map(({ id }) => id),
      stateRoot: stateRoot(this.#state.upper),
    }, platformCrypto);
    const header = options.lie?.(honest) ?? honest;
    const round = options.decidedRound ?? createdRound;
    const signing = this.#inForce();
    const certificate = certify(signing, { header, round, signers: options.signers });
    const block: RawBlock = {
      version: 1,
      header,
      parentCertificate: this.#tip.certificate,
      transactions: transactions.map(({ bytes }) => bytes),
      certificate,
    };
    this.blocks.push(block);
    const next = options.nextSigners === undefined
      ? certificate
      : certify(signing, { header, round, signers: options.nextSigners });
    const decided = { block, certificate: next };
    if (this.#change !== null) this.#terms = [...this.#terms, termAfter(this.#change, header.height)];
    this.#tip = tipAfter(decided, { before: this.#tip, change: this.#change, crypto: platformCrypto });
    return block;
  }
}

/** The chain's block at a height, from 1. */
export function blockAt({ blocks }: Pick<TestChain, "blocks">, height: number): RawBlock {
  const block = blocks[height - 1];
  assert.ok(block !== undefined, `no block ${height} of ${blocks.length}`);
  return block;
}
