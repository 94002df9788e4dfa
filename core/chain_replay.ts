/**
 * Replays a chain from genesis, block by block, and trusts nothing but the first federation document: what a validator
 * checked before it voted is checked again, and every root is computed anew. So a quorum that lies about the state is
 * found as well, though all its signatures hold.
 *
 * Refused, in this order: a header that does not follow its parent, another certificate of the parent than the one
 * named, a block without a quorum's certificate, a proposer whose turn it was not, transactions that are malformed,
 * not signed or too large, a content that is not the header's, what the state rules forbid, and a wrong state root.
 * What only a clock can tell (a first proposal's time) is not judged. A refused block leaves the replay as it was.
 *
 * @module
 */
import type { Header, Parent, RawBlock } from "./block.ts";
import { checkContent, checkDecision, checkHeader, checkStateRoot } from "./block_rules.ts";
import type { Hash, PublicKey, Round, TxId } from "./brands.ts";
import { type Bytes, equal } from "./bytes.ts";
import type { Certificate } from "./certificate.ts";
import { accept, assert, type Refusal, refuse } from "./errors.ts";
import type { Federation } from "./federation.ts";
import type { CryptoPort } from "./crypto_port.ts";
import type { Tip } from "./ports.ts";
import { type MemoryState, openMemoryState, type PreparedState } from "./state/memory_state.ts";
import { openTransition } from "./state/transition.ts";
import { genesisTip, tipAfter } from "./tip.ts";
import type { Transaction } from "./transaction.ts";
import { checkSize, verifyTransaction } from "./transaction_rules.ts";
import { openPastBlocks, type PastBlocks } from "./past_blocks.ts";
import { openUniquenessWindow, type UniquenessWindow, windowStart } from "./uniqueness_window.ts";

/** What a chain is replayed against. */
export interface ReplayOptions {
  /** The first document; later ones follow from the chain. */
  readonly federation: Federation;
  readonly crypto: CryptoPort;
  /** Who may propose in a round on a tip. */
  readonly leaderOf: (tip: Tip, round: Round) => PublicKey;
  /** {@link WINDOW_SALT_BYTES} random bytes. */
  readonly salt: Bytes;
}

/** A block that holds, on a chain that holds. */
export interface ReplayedBlock {
  readonly header: Header;
  /** Hash of the header. */
  readonly hash: Hash;
  readonly certificate: Certificate;
  /** In force at this height. */
  readonly federation: Federation;
  /** In force two heights later, when this block decides a change. Its certificates are not judged here. */
  readonly change: Federation | null;
  readonly transactions: readonly Transaction[];
  /** What it builds on. */
  readonly parent: Parent;
  /** Signatures verified: those of the transactions and of both certificates. */
  readonly signatures: number;
}

/** A transaction in a refused block. */
export interface RefusedTransaction {
  readonly index: number;
  /** Null when the bytes are no transaction. */
  readonly id: TxId | null;
}

/** Why a block does not hold. */
export interface BlockRefusal extends Refusal {
  /** The transaction at fault; absent when it is the block itself. */
  readonly transaction?: RefusedTransaction;
}

/** What came of one block. */
export type ReplayVerdict = { readonly ok: true; readonly value: ReplayedBlock } | BlockRefusal;

/** A chain being replayed. */
export interface Replay {
  /** What the next block builds on. */
  readonly tip: () => Tip;
  /** Judges the next block and takes it over. */
  readonly push: (raw: RawBlock) => ReplayVerdict;
}

/** Starts before the first block; asserts that the document is a first one. */
export function openReplay({ federation: first, crypto, leaderOf, salt }: ReplayOptions): Replay {
  assert(first.document.sequence === 0, "a replay starts with the first federation document");
  const state = openMemoryState(crypto.hash);
  const window = openUniquenessWindow(salt);
  const past = openPastBlocks();
  let tip = genesisTip(first);

  function push(raw: RawBlock): ReplayVerdict {
    const { header, certificate } = raw;
    const problem = checkBlock(raw, { tip, crypto, leaderOf });
    if (problem !== undefined) return problem;
    const { federation, parent } = tip;
    const read = readTransactions(raw, { federation, crypto });
    if (!read.ok) return read;
    const transactions = read.value;
    const effects = evaluate({ header, transactions }, { tip, crypto, state, window, past });
    if (!effects.ok) return effects;

    const { change, nonces } = effects.value;
    effects.value.state.commit();
    const sinceMs = windowStart(header.time, federation.document.parameters);
    window.forget(sinceMs);
    window.add(header.time, nonces);
    tip = tipAfter({ block: { header }, certificate }, { before: tip, change, crypto });
    past.add(tip.parent, sinceMs);
    const certified = certificate.signatures.length + (raw.parentCertificate?.signatures.length ?? 0);
    const signatures = transactions.length + certified;
    const { hash } = tip.parent;
    return accept({ header, hash, certificate, federation, change, transactions, parent, signatures });
  }

  return { tip: () => tip, push };
}

/** The header, who made it, and who decided it. */
function checkBlock(
  { header, parentCertificate, certificate }: RawBlock,
  { tip, crypto, leaderOf }: Pick<ReplayOptions, "crypto" | "leaderOf"> & { tip: Tip },
): Refusal | undefined {
  const { federation } = tip;
  const checked = checkHeader({ header, parentCertificate }, { tip, crypto });
  if (!checked.ok) return checked;
  const decided = checkDecision({ header, hash: checked.value, certificate }, { federation, crypto });
  if (decided !== undefined) return decided;
  return equal(header.proposer, leaderOf(tip, header.createdRound)) ? undefined : refuse(
    "block-proposer",
    `the proposer was not the leader of height ${header.height}, round ${header.createdRound}`,
  );
}

type Read<T> = { readonly ok: true; readonly value: T } | BlockRefusal;

/** Format, fields and signature of each transaction; then count, size and root of all. */
function readTransactions(
  { header, transactions }: RawBlock,
  { federation, crypto }: Pick<ReplayOptions, "federation" | "crypto">,
): Read<readonly Transaction[]> {
  const { genesisId, document: { parameters } } = federation;
  const verified: Transaction[] = [];
  let total = 0;
  for (const [index, bytes] of transactions.entries()) {
    const tooLarge = checkSize(bytes, parameters);
    if (tooLarge !== undefined) return { ...tooLarge, transaction: { index, id: null } };
    const verdict = verifyTransaction(bytes, { genesisId, crypto });
    if (!verdict.ok) return { ...verdict, transaction: { index, id: null } };
    verified.push(verdict.value);
    total += bytes.length;
  }
  const ids = verified.map(({ id }) => id);
  return checkContent(header, { ids, bytes: total, federation, crypto }) ?? accept(verified);
}

/** What a block's transactions lead to. */
interface Evaluated {
  readonly state: PreparedState;
  readonly nonces: readonly Hash[];
  readonly change: Federation | null;
}

/** Applies the transactions to the state as it is, and changes nothing. */
function evaluate(
  { header, transactions }: { header: Header; transactions: readonly Transaction[] },
  { tip, crypto, state, window, past }: Pick<ReplayOptions, "crypto"> & {
    tip: Tip;
    state: MemoryState;
    window: UniquenessWindow;
    past: PastBlocks;
  },
): Read<Evaluated> {
  const { federation, nextFederation } = tip;
  const sinceMs = windowStart(header.time, federation.document.parameters);
  const { feed, configuration } = state;
  const nonceSeen = (key: Hash) => window.seen(key, sinceMs);
  const transition = openTransition(crypto, {
    reader: { feed, configuration, nonceSeen, pastBlock: past.at },
    context: { height: header.height, timeMs: header.time, federation, nextFederation },
  });
  const nonces: Hash[] = [];
  for (const [index, transaction] of transactions.entries()) {
    const applied = transition.apply(transaction);
    if (!applied.ok) return { ...applied, transaction: { index, id: transaction.id } };
    nonces.push(applied.value.nonce);
  }
  const prepared = state.prepare(transition.changes());
  const evaluated = { state: prepared, nonces, change: transition.federationChange() };
  return checkStateRoot(header, prepared.root) ?? accept(evaluated);
}
