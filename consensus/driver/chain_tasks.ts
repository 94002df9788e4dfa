/**
 * What the protocol asks of the chain: building a block, judging one, appending one. Judging and building run beside
 * the protocol; everything that touches the chain runs one at a time.
 *
 * @module
 */
import { type Block, blockHash, type DecidedBlock, type RawBlock } from "../../core/block.ts";
import type { Hash, PublicKey } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import { accept, assert, type Refusal, type Verdict } from "../../core/errors.ts";
import { memberIndex } from "../../core/federation.ts";
import type { ChainPort, CryptoPort, Tip } from "../../core/ports.ts";
import type { Transaction } from "../../core/transaction.ts";
import { verifyTransaction } from "../../core/transaction_rules.ts";
import type { Action, Event } from "../events.ts";
import type { Bodies } from "./bodies.ts";
import type { DriverLog } from "./log.ts";
import { makeMutex } from "./mutex.ts";
import type { Pool } from "./pool_port.ts";

/** What the tasks work with. */
export interface ChainTaskOptions {
  readonly chain: ChainPort;
  readonly pool: Pool;
  readonly bodies: Bodies;
  readonly crypto: CryptoPort;
  readonly publicKey: PublicKey;
  readonly nowMs: () => number;
  readonly post: (event: Event) => Promise<void>;
  readonly log: DriverLog;
  readonly fatal: (error: unknown) => void;
  /** Told after a block was appended, before the protocol is. */
  readonly onAppended: (decided: DecidedBlock) => void;
}

/** The tasks; disposing ends what runs. */
export interface ChainTasks extends Disposable {
  readonly build: (action: Extract<Action, { kind: "build" }>) => void;
  readonly validate: (action: Extract<Action, { kind: "validate" }>) => void;
  readonly commit: (action: Extract<Action, { kind: "commit" }>) => Promise<void>;
  /** Judges and appends a decided block from another member, if it is the next; posts `advanced`. */
  readonly append: (block: RawBlock) => Promise<Verdict<Tip>>;
  /** A transaction of a block that this member holds for the height being decided. */
  readonly heldTransaction: (id: Uint8Array) => Transaction | undefined;
}

/** Makes the tasks. */
export function openChainTasks(options: ChainTaskOptions): ChainTasks {
  const { chain, pool, bodies, crypto, post, log } = options;
  const alone = makeMutex();
  /** Blocks held for the height being decided, by hash: served to others, and committed from memory. */
  const held = new Map<string, Block>();
  let building = new AbortController();
  let validating = new AbortController();

  function start(task: Promise<void>): void {
    task.catch(options.fatal);
  }

  async function build(
    { height, round }: Extract<Action, { kind: "build" }>,
    signal: AbortSignal,
  ): Promise<void> {
    const built = await alone(async () => {
      if (signal.aborted || chain.tip().parent.height + 1 !== height) return null;
      const made = await chain.build({
        candidates: pool.candidates(),
        proposer: options.publicKey,
        createdRound: round,
        nowMs: options.nowMs(),
      });
      await keep(blockHash(crypto.hash, made.block.header), made.block);
      return made;
    });
    if (built === null) return;
    await pool.drop(built.refused);
    // A crash here leaves a held block that nobody was told of; it is forgotten with its height.
    if (!signal.aborted) await post({ kind: "built", height, round, proposal: proposalOf(built.block) });
  }

  /** Makes a block durable, and keeps it at hand. */
  async function keep(hash: Hash, block: Block): Promise<void> {
    await chain.hold(hash, block);
    held.set(toHex(hash), block);
  }

  async function validate(action: Extract<Action, { kind: "validate" }>, signal: AbortSignal): Promise<void> {
    const { height, round, blockHash: hash, proposal, fresh, from } = action;
    const transactions = await bodies.collect(proposal.ids, { from, signal });
    if (transactions === null) return; // the proposal is of no interest any more
    const block = { header: proposal.header, parentCertificate: proposal.parentCertificate, transactions };
    const verdict = await alone(async () => {
      if (signal.aborted || chain.tip().parent.height + 1 !== height) return null;
      const judged = await chain.validate(block, { nowMs: fresh ? options.nowMs() : null });
      // Durable before the protocol hears of it, and so before any vote for it.
      if (judged.ok) await keep(hash, block);
      return judged;
    });
    if (verdict === null || signal.aborted) return;
    if (!verdict.ok) {
      log("warning", "proposal refused", { height, round, code: verdict.code, detail: verdict.detail });
    }
    await post({
      kind: "validated",
      height,
      round,
      blockHash: hash,
      verdict: verdict.ok ? "valid" : "invalid",
    });
  }

  async function commit(action: Extract<Action, { kind: "commit" }>): Promise<void> {
    const { blockHash: hash, certificate, height } = action;
    const verdict = await alone(async () => {
      if (chain.tip().parent.height >= height) return accept(chain.tip()); // caught up with it meanwhile
      const block = held.get(toHex(hash)) ?? await chain.held(hash);
      assert(block !== null && block !== undefined, `block ${toHex(hash)} was voted for but is not held`);
      return await appendNext({ block, certificate });
    });
    assert(
      verdict.ok,
      `the block that a quorum decided is refused here: ${verdict.ok ? "" : verdict.detail}`,
    );
    announce(verdict.value);
  }

  /** Appends under the mutex. */
  async function appendNext(decided: DecidedBlock): Promise<Verdict<Tip>> {
    const verdict = await chain.append(decided);
    if (!verdict.ok) return verdict;
    held.clear();
    await pool.settle(decided.block.transactions);
    options.onAppended(decided);
    return verdict;
  }

  function announce(tip: Tip): void {
    const self = memberIndex(tip.federation, options.publicKey);
    void post({ kind: "advanced", tip, self, work: pool.available() });
  }

  async function append(raw: RawBlock): Promise<Verdict<Tip>> {
    const read = readTransactions(raw);
    if (!read.ok) return read;
    const { header, parentCertificate, certificate } = raw;
    const verdict = await alone(async () => {
      if (header.height <= chain.tip().parent.height) return accept(chain.tip());
      return await appendNext({
        block: { header, parentCertificate, transactions: read.value },
        certificate,
      });
    });
    if (verdict.ok) announce(verdict.value);
    return verdict;
  }

  function readTransactions({ transactions }: RawBlock): Verdict<readonly Transaction[]> {
    const { genesisId } = chain.tip().federation;
    const verified: Transaction[] = [];
    for (const bytes of transactions) {
      const verdict: Verdict<Transaction> | Refusal = verifyTransaction(bytes, { genesisId, crypto });
      if (!verdict.ok) return verdict;
      verified.push(verdict.value);
    }
    return accept(verified);
  }

  return {
    build: (action) => {
      building.abort();
      building = new AbortController();
      start(build(action, building.signal));
    },
    validate: (action) => {
      validating.abort();
      validating = new AbortController();
      start(validate(action, validating.signal));
    },
    commit,
    append,
    heldTransaction: (id) => {
      const name = toHex(id);
      for (const { transactions } of held.values()) {
        const found = transactions.find((transaction) => toHex(transaction.id) === name);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    [Symbol.dispose]: () => {
      building.abort();
      validating.abort();
    },
  };
}

function proposalOf({ header, parentCertificate, transactions }: Block) {
  return { header, parentCertificate, ids: transactions.map(({ id }) => id) };
}
