/**
 * What the protocol asks of the chain: building a block, judging one, appending one. Judging and building run beside
 * the protocol; everything that touches the chain runs one at a time.
 *
 * @module
 */
import { type Block, blockHash, type DecidedBlock, type RawBlock } from "../../core/block.ts";
import type { PublicKey } from "../../core/brands.ts";
import { equal, toHex } from "../../core/bytes.ts";
import { verifyCertificate } from "../../core/certificate.ts";
import { accept, assert, type Refusal, refuse, type Verdict } from "../../core/errors.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import type { ChainPort, Proposal, Tip } from "../../core/ports.ts";
import type { Transaction } from "../../core/transaction.ts";
import type { Action, Event } from "../events.ts";
import type { Background } from "./background.ts";
import type { Bodies } from "./bodies.ts";
import type { HeldBlocks } from "./held_blocks.ts";
import type { DriverLog } from "./log.ts";
import { makeMutex } from "./mutex.ts";
import type { Pool } from "./pool_port.ts";
import { verifyTransactions } from "./verify_transactions.ts";

/** Asks for a block. */
export type Build = Extract<Action, { kind: "build" }>;
/** Asks for a verdict on a proposal; `from` are numbers here. */
export type Validate = Extract<Action, { kind: "validate" }>;
/** Hands over a decided block. */
export type Commit = Extract<Action, { kind: "commit" }>;

/** What the tasks work with. */
export interface ChainTaskOptions {
  readonly chain: ChainPort;
  readonly pool: Pool;
  readonly held: HeldBlocks;
  readonly bodies: Bodies;
  readonly crypto: CryptoPort;
  readonly publicKey: PublicKey;
  readonly nowMs: () => number;
  readonly post: (event: Event) => Promise<void>;
  /** Whether the protocol still waits for the answer. */
  readonly isWanted: (action: Validate) => boolean;
  /** Told of each block that was appended: durable, and out of the pool. */
  readonly onAppended: (decided: DecidedBlock) => void;
  readonly background: Background;
  readonly log: DriverLog;
}

/** The tasks; disposing ends what waits for others. */
export interface ChainTasks extends Disposable {
  readonly build: (action: Build) => void;
  readonly validate: (action: Validate) => void;
  readonly commit: (action: Commit) => Promise<void>;
  /** Judges and appends a decided block from another member, if it is the next. */
  readonly append: (block: RawBlock) => Promise<Verdict<Tip>>;
}

/** Makes the tasks. */
export function openChainTasks(options: ChainTaskOptions): ChainTasks {
  const { chain, pool, held, bodies, crypto, post, background, log } = options;
  const alone = makeMutex();
  let building = new AbortController();
  let validating = new AbortController();

  async function build({ height, round }: Build, signal: AbortSignal): Promise<void> {
    const built = await alone(async () => {
      if (signal.aborted || chain.tip().parent.height + 1 !== height) return null;
      const made = await chain.build({
        candidates: pool.candidates(),
        proposer: options.publicKey,
        createdRound: round,
        nowMs: options.nowMs(),
      });
      await held.keep(blockHash(crypto.hash, made.block.header), made.block);
      return made;
    });
    if (built === null) return;
    await pool.drop(built.refused);
    // A crash here leaves a held block that nobody was told of; it is forgotten with its height.
    if (!signal.aborted) await post({ kind: "built", height, round, proposal: proposalOf(built.block) });
  }

  async function validate(action: Validate, signal: AbortSignal): Promise<void> {
    const { height, round, blockHash: hash, fresh } = action;
    const transactions = await bodiesOf(action, signal);
    if (transactions === null) return; // the proposal is of no interest any more
    const verdict = await alone(async () => {
      if (signal.aborted || chain.tip().parent.height + 1 !== height) return null;
      if (transactions === "too-large") return refuse("block-size", "the bodies exceed a block's size");
      const { header, parentCertificate } = action.proposal;
      const block = { header, parentCertificate, transactions };
      const judged = await chain.validate(block, { nowMs: fresh ? options.nowMs() : null });
      // Durable before the protocol hears of it, and so before any vote for it. A crash after it holds a block in
      // vain, or finds it again for the vote that the journal has.
      if (judged.ok) await held.keep(hash, block);
      return judged;
    });
    if (verdict === null || signal.aborted) return;
    if (!verdict.ok) {
      log("warning", "proposal refused", { height, round, code: verdict.code, detail: verdict.detail });
    }
    const answer = verdict.ok ? "valid" : "invalid";
    await post({ kind: "validated", height, round, blockHash: hash, verdict: answer });
  }

  /** From the block as it was held before a round change or a restart, or from wherever they are. */
  async function bodiesOf(
    action: Validate,
    signal: AbortSignal,
  ): Promise<readonly Transaction[] | "too-large" | null> {
    const { blockHash: hash, proposal: { ids }, from } = action;
    const block = await held.read(hash);
    if (block !== null) return block.transactions;
    const { maxBlockBytes: maxBytes } = chain.tip().federation.document.parameters;
    return await bodies.collect(ids, { from, maxBytes, isWanted: () => options.isWanted(action), signal });
  }

  async function commit({ blockHash: hash, certificate, height }: Commit): Promise<void> {
    const verdict = await alone(async () => {
      const tip = chain.tip();
      if (tip.parent.height >= height) {
        // Caught up with it meanwhile. Another block there would be a fork: better no vote at all after that.
        const same = tip.parent.height > height || equal(tip.parent.hash, hash);
        assert(same, `two certified blocks at height ${height}`);
        return accept(tip);
      }
      const block = await held.read(hash);
      assert(block !== null, `block ${toHex(hash)} was voted for but is not held`);
      return await appendNext({ block, certificate });
    });
    assert(verdict.ok, `a quorum decided a block that is refused: ${verdict.ok ? "" : verdict.detail}`);
  }

  /** Appends under the mutex. */
  async function appendNext(decided: DecidedBlock): Promise<Verdict<Tip>> {
    const verdict = await chain.append(decided);
    // A crash from here on: the block is on the chain, and the next start takes its transactions out of the pool.
    if (!verdict.ok) return verdict;
    building.abort();
    validating.abort();
    held.forgetUpTo(decided.block.header.height);
    await pool.settle(decided.block.transactions);
    options.onAppended(decided);
    return verdict;
  }

  async function append(raw: RawBlock): Promise<Verdict<Tip>> {
    return await alone(async () => {
      if (raw.header.height <= chain.tip().parent.height) return accept(chain.tip());
      const problem = checkNext(raw);
      if (problem !== undefined) return problem;
      const { genesisId } = chain.tip().federation;
      const { verified, refusal } = await verifyTransactions(raw.transactions, { genesisId, crypto });
      if (refusal !== null) return refusal;
      const { header, parentCertificate, certificate } = raw;
      return await appendNext({ block: { header, parentCertificate, transactions: verified }, certificate });
    });
  }

  /** A quorum's signatures are fewer than a block's: who made the block up costs us no more than those. */
  function checkNext({ header, certificate }: RawBlock): Refusal | undefined {
    const { parent, federation } = chain.tip();
    if (header.height !== parent.height + 1 || !equal(header.parent, parent.hash)) {
      return refuse("block-link", `block ${header.height} does not follow block ${parent.height}`);
    }
    const block = { height: header.height, hash: blockHash(crypto.hash, header) };
    const verdict = verifyCertificate(certificate, { federation, block, crypto });
    return verdict.ok ? undefined : verdict;
  }

  return {
    build: (action) => {
      building.abort();
      building = new AbortController();
      background.run(build(action, building.signal));
    },
    validate: (action) => {
      validating.abort();
      validating = new AbortController();
      background.run(validate(action, validating.signal));
    },
    commit,
    append,
    [Symbol.dispose]: () => {
      building.abort();
      validating.abort();
    },
  };
}

function proposalOf({ header, parentCertificate, transactions }: Block): Proposal {
  return { header, parentCertificate, ids: transactions.map(({ id }) => id) };
}
