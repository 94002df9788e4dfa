/**
 * The store: a node's chain, state and pool in Deno KV, opened and closed as one.
 *
 * One process at a time may have it open: store/lock.ts keeps a second one out of the data directory, and a store behind
 * a URL finds one out at its next block (`store-shared`).
 *
 * @module
 */
import type { Block, DecidedBlock, RawBlock } from "../core/block.ts";
import type { Cid, Hash, Height, TxId } from "../core/brands.ts";
import type { Bytes } from "../core/bytes.ts";
import { accept, type Verdict } from "../core/errors.ts";
import type { Federation } from "../core/federation.ts";
import { federationAt, type FederationTerm } from "../core/federation_terms.ts";
import type {
  ChainPort,
  ChainReader,
  FeedItem,
  History,
  HistoryItem,
  HistoryOptions,
  PoolPort,
  Position,
  StateView,
  Tip,
  VersionItem,
} from "../core/ports.ts";
import type { Feed } from "../core/state/keys.ts";
import type { ConfigurationState, FeedState } from "../core/state/values.ts";
import { nonceKey, type Payload } from "../core/transaction.ts";
import { windowStart } from "../core/uniqueness_window.ts";
import { appendBlock } from "./appending.ts";
import { CHECKPOINT_RULE, type CheckpointRule, isCheckpointDue, writeCheckpoint } from "./checkpoint.ts";
import { readBlock, readTransactionAt } from "./decided.ts";
import { findId } from "./ids.ts";
import { buildBlock, type BuildOptions, type Built, judgeBlock } from "./judging.ts";
import { openKv } from "./kv.ts";
import type { Memory } from "./memory.ts";
import { type OpenContext, recover } from "./opening.ts";
import { damaged } from "./rows.ts";
import { viewOf } from "./walks.ts";

/** What a store is opened with. */
export interface StoreOptions extends OpenContext {
  /** Path of a file, or URL of a KV Connect server. */
  readonly location: string;
  /** For a server. */
  readonly accessToken?: string;
  readonly checkpoint?: CheckpointRule;
}

/**
 * Opens the store, and makes it when there is none.
 *
 * @throws VnfchainError `store-open`, `store-read`, `store-write`, `store-version`, `store-genesis`, `store-damaged`
 */
export async function openStore({ location, accessToken, ...options }: StoreOptions): Promise<ChainStore> {
  const kv = await openKv(location, accessToken === undefined ? {} : { accessToken });
  try {
    const memory = await recover({ kv, hash: options.crypto.hash }, options);
    return new ChainStore(memory, options.checkpoint ?? CHECKPOINT_RULE);
  } catch (error) {
    kv.close();
    throw error;
  }
}

/** An open store. Made by {@link openStore}. */
export class ChainStore implements ChainPort, ChainReader, AsyncDisposable {
  readonly #memory: Memory;
  readonly #rule: CheckpointRule;
  #checkpoint: Promise<void> | undefined;
  #failure: { readonly cause: unknown } | undefined;
  #isClosed = false;

  constructor(memory: Memory, rule: CheckpointRule) {
    this.#memory = memory;
    this.#rule = rule;
  }

  /** The transactions that wait for a block. */
  get pool(): PoolPort {
    return this.#memory.pool;
  }

  tip(): Tip {
    return this.#memory.tip;
  }

  async build(options: BuildOptions): Promise<Built> {
    return await buildBlock(this.#memory, options);
  }

  async validate(block: Block, options: { nowMs: number | null }): Promise<Verdict<Hash>> {
    const judged = await judgeBlock(this.#memory, block, options);
    return judged.ok ? accept(judged.value.hash) : judged;
  }

  async hold(hash: Hash, block: Block): Promise<void> {
    await this.#memory.held.hold(hash, block);
  }

  async held(hash: Hash): Promise<Block | null> {
    return await this.#memory.held.read(hash);
  }

  /** @throws VnfchainError `store-write`, `store-shared` */
  async append(decided: DecidedBlock): Promise<Verdict<Tip>> {
    // A checkpoint that fails is tried again with the next block, as long as memory holds what it could not write.
    const isFull = this.#memory.base.pages.dirtyCount() >= 2 * this.#rule.pages;
    if (this.#failure !== undefined && isFull) throw this.#failure.cause;
    const appended = await appendBlock(this.#memory, decided);
    // Blocks that come faster than their pages can be written wait for them here.
    if (appended.ok && isCheckpointDue(this.#memory, this.#rule)) {
      await this.#checkpoint;
      this.#startCheckpoint();
    }
    return appended;
  }

  /** Writes what is in memory only, so that the next start has less to do. */
  async checkpoint(): Promise<void> {
    await this.#checkpoint;
    this.#startCheckpoint();
    await this.#checkpoint;
    if (this.#failure !== undefined) throw this.#failure.cause;
  }

  federationTerms(): readonly FederationTerm[] {
    return this.#memory.terms;
  }

  federationAt(height: number): Federation {
    return federationAt(this.#memory.terms, height);
  }

  async block(height: Height): Promise<RawBlock | null> {
    if (height < 1 || height > this.#memory.tip.parent.height) return null;
    const block = await readBlock(this.#memory.rows, height);
    if (block === null) throw damaged(`block ${height} is missing`);
    return block;
  }

  async transactionAt(position: Position): Promise<Bytes | null> {
    if (position.height < 1 || position.height > this.#memory.tip.parent.height) return null;
    return await readTransactionAt(this.#memory.rows, position);
  }

  async positionOf(id: TxId): Promise<Position | null> {
    return this.#memory.recentIds.find(id) ?? await findId(this.#memory.rows, id);
  }

  view(): StateView & Disposable {
    const { rows, snapshots, tip } = this.#memory;
    const snapshot = snapshots.take(tip);
    return { ...viewOf(rows, snapshot), [Symbol.dispose]: () => snapshot[Symbol.dispose]() };
  }

  async feedSince(feed: Feed, count: number): Promise<readonly FeedItem[]> {
    using view = this.view();
    return await view.feedSince(feed, count);
  }

  async versionsSince(cid: Cid, vid: number | null): Promise<readonly VersionItem[]> {
    using view = this.view();
    return await view.versionsSince(cid, vid);
  }

  async feeds(keys: readonly Hash[]): Promise<readonly (FeedState | null)[]> {
    using view = this.view();
    return await view.feeds(keys);
  }

  async history(history: History, options: HistoryOptions): Promise<readonly HistoryItem[] | null> {
    using view = this.view();
    return await view.history(history, options);
  }

  async configuration(cid: Cid): Promise<ConfigurationState | null> {
    using view = this.view();
    return await view.configuration(cid);
  }

  async proveState(keys: readonly Hash[]): Promise<Bytes> {
    using view = this.view();
    return await view.proveState(keys);
  }

  isNonceUsed(payload: Payload, timeMs: number): boolean {
    const { base: { hash, window }, tip: { federation } } = this.#memory;
    return window.seen(nonceKey(hash, payload), windowStart(timeMs, federation.document.parameters));
  }

  /** Ends what is under way and closes the key-value store. No call may be under way or follow. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#checkpoint;
    await this.#memory.pool.settle();
    this.#memory.rows.kv.close();
  }

  #startCheckpoint(): void {
    this.#failure = undefined;
    this.#checkpoint = writeCheckpoint(this.#memory).catch((cause: unknown) => {
      this.#failure = { cause };
    });
  }
}
