/**
 * Judging and making blocks on the tip. Validity is a matter of the parent's state and the block, never of the pool.
 *
 * Refused: what core/block_rules.ts refuses, a transaction that the state rules refuse, and a state root that is not
 * that of the content (`block-root`).
 *
 * @module
 */
import { type Block, blockHash, type Header } from "../core/block.ts";
import { checkClock, checkContent, checkHeader, checkStateRoot, makeHeader } from "../core/block_rules.ts";
import type { PublicKey } from "../core/brands.ts";
import { toHex } from "../core/bytes.ts";
import { accept, type Refusal, refuse, type Verdict } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { checkCertificates } from "../core/platform/federation_certificates.ts";
import type { BlockContext } from "../core/state/transition.ts";
import { isFederationChange, type Transaction } from "../core/transaction.ts";
import { type Effects, openEvaluation } from "./evaluation.ts";
import type { Judged, Memory } from "./memory.ts";

/** Blocks judged on one tip whose effects are kept. */
const JUDGED_MAX = 8;

/** What a block is made of. */
export interface BuildOptions {
  readonly candidates: readonly Transaction[];
  readonly proposer: PublicKey;
  readonly createdRound: Header["createdRound"];
  readonly nowMs: number;
}

/** A block that was made, and why candidates were left out, by id in hexadecimal digits. */
export interface Built {
  readonly block: Block;
  readonly refused: ReadonlyMap<string, Refusal>;
}

/**
 * Makes a block of candidates in their order. It ends before the first one for which there is no room, which is not
 * refused: what comes after it may build on it.
 */
export async function buildBlock(memory: Memory, options: BuildOptions): Promise<Built> {
  const { tip, crypto } = memory;
  const { parent, federation, certificate } = tip;
  const timeMs = Math.max(options.nowMs, parent.time + 1);
  const { maxBlockBytes } = federation.document.parameters;
  const context = contextOf(memory, timeMs);
  const { candidates, refused } = await withOneChange(memory, { all: options.candidates, context });
  const evaluation = await openEvaluation(memory, { transactions: candidates, context });
  const transactions: Transaction[] = [];
  let bytes = 0;
  for (const candidate of candidates) {
    if (transactions.length === LIMITS.blockTransactions) break;
    if (bytes + candidate.bytes.length > maxBlockBytes && transactions.length > 0) break;
    const problem = problemIn(evaluation.apply(candidate));
    if (problem !== undefined) {
      refused.set(toHex(candidate.id), problem);
      continue;
    }
    transactions.push(candidate);
    bytes += candidate.bytes.length;
  }
  const effects = evaluation.finish();
  const header = makeHeader({
    ...options,
    tip,
    ids: transactions.map(({ id }) => id),
    stateRoot: effects.upper.root,
  }, crypto);
  const block: Block = { header, parentCertificate: certificate, transactions };
  remember(memory, { hash: blockHash(crypto.hash, header), block, effects });
  return { block, refused };
}

/** Judges a block on the tip; `nowMs` null leaves the clock out. */
export async function judgeBlock(
  memory: Memory,
  block: Block,
  { nowMs }: { nowMs: number | null },
): Promise<Verdict<Judged>> {
  const { tip, crypto } = memory;
  const { federation } = tip;
  const { header, transactions } = block;
  const checked = checkHeader(block, { tip, crypto });
  if (!checked.ok) return checked;
  const ids = transactions.map(({ id }) => id);
  const bytes = transactions.reduce((sum, transaction) => sum + transaction.bytes.length, 0);
  const problem = checkContent(header, { ids, bytes, federation, crypto }) ??
    (nowMs === null ? undefined : checkClock(header, { nowMs, federation }));
  if (problem !== undefined) return problem;
  // The same header names the same transactions, and it was judged on this tip.
  const before = memory.judged.get(toHex(checked.value));
  if (before !== undefined) return accept(before);
  const effects = await evaluate(memory, block);
  if (!effects.ok) return effects;
  const judged = { hash: checked.value, block, effects: effects.value };
  remember(memory, judged);
  return accept(judged);
}

async function evaluate(memory: Memory, { header, transactions }: Block): Promise<Verdict<Effects>> {
  const context = contextOf(memory, header.time);
  const evaluation = await openEvaluation(memory, { transactions, context });
  for (const transaction of transactions) {
    const problem = problemIn(evaluation.apply(transaction)) ??
      await checkChange(transaction, { atMs: header.time });
    if (problem !== undefined) {
      return refuse(problem.code, `transaction ${toHex(transaction.id)}: ${problem.detail}`);
    }
  }
  const effects = evaluation.finish();
  return checkStateRoot(header, effects.upper.root) ?? accept(effects);
}

/** The certificates of a federation that a transaction brings, at the block's time. */
async function checkChange(
  transaction: Transaction,
  { atMs }: { readonly atMs: number },
): Promise<Refusal | undefined> {
  if (!isFederationChange(transaction)) return undefined;
  const [refusal] = await checkCertificates(transaction.payload.body.document, { atMs });
  return refusal;
}

/**
 * A block decides one change of the federation at most: the first that holds. Those before it are refused, those after
 * it wait for a later block. Each is tried alone: certificates cost most, and are judged only of what a quorum wants.
 */
async function withOneChange(
  memory: Memory,
  { all, context }: { readonly all: readonly Transaction[]; readonly context: BlockContext },
): Promise<{ readonly candidates: readonly Transaction[]; readonly refused: Map<string, Refusal> }> {
  const refused = new Map<string, Refusal>();
  let chosen: Transaction | undefined;
  for (const transaction of all.filter(isFederationChange)) {
    const evaluation = await openEvaluation(memory, { transactions: [transaction], context });
    const problem = problemIn(evaluation.apply(transaction)) ??
      await checkChange(transaction, { atMs: context.timeMs });
    if (problem === undefined) {
      chosen = transaction;
      break;
    }
    refused.set(toHex(transaction.id), problem);
  }
  return { candidates: all.filter((each) => each === chosen || !isFederationChange(each)), refused };
}

function problemIn(verdict: Verdict<unknown>): Refusal | undefined {
  return verdict.ok ? undefined : verdict;
}

function contextOf({ tip: { parent, federation, nextFederation } }: Memory, timeMs: number): BlockContext {
  return { height: parent.height + 1 as BlockContext["height"], timeMs, federation, nextFederation };
}

function remember({ judged }: Memory, one: Judged): void {
  if (judged.size >= JUDGED_MAX) judged.delete(judged.keys().next().value as string);
  judged.set(toHex(one.hash), one);
}
