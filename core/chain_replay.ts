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
import type { CryptoPort, Tip } from "./ports.ts";
import { type MemoryState, openMemoryState, type PreparedState } from "./state/memory_state.ts";
import { openTransition } from "./state/transition.ts";
import { genesisTip, tipAfter } from "./tip.ts";
import type { Transaction } from "./transaction.ts";
import { checkSize, verifyTransaction } from "./transaction_rules.ts";
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
export function openReplay({ federation, crypto, leaderOf, salt }: ReplayOptions): Replay {
  assert(federation.document.sequence === 0, "a replay starts with the first federation document");
  const state = openMemoryState(crypto.hash);
  const window = openUniquenessWindow(salt);
  const { document } = federation;
  let tip = genesisTip(federation);

  function push(raw: RawBlock): ReplayVerdict {
    const { header, certificate } = raw;
    const problem = checkBlock(raw, { tip, crypto, leaderOf });
    if (problem !== undefined) return problem;
    const read = readTransactions(raw, { federation, crypto });
    if (!read.ok) return read;
    const transactions = read.value;
    const effects = evaluate({ header, transactions }, { federation, crypto, state, window });
    if (!effects.ok) return effects;

    effects.value.state.commit();
    window.forget(windowStart(header.time, document.parameters));
    window.add(header.time, effects.value.nonces);
    const { parent } = tip;
    tip = tipAfter({ block: { header }, certificate }, { federation, crypto });
    const certified = certificate.signatures.length + (raw.parentCertificate?.signatures.length ?? 0);
    const signatures = transactions.length + certified;
    return accept({ header, hash: tip.parent.hash, certificate, transactions, parent, signatures });
  }

  return { tip: () => tip, push };
}

/** The header, who made it, and who decided it. */
function checkBlock(
  { header, parentCertificate, certificate }: RawBlock,
  { tip, crypto, leaderOf }: Pick<ReplayOptions, "crypto" | "leaderOf"> & { tip: Tip },
): Refusal | undefined {
  const { parent, federation } = tip;
  const context = { parent, federation, parentFederation: federation, crypto };
  const checked = checkHeader({ header, parentCertificate }, context);
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

/** Applies the transactions to the state as it is, and changes nothing. */
function evaluate(
  { header, transactions }: { header: Header; transactions: readonly Transaction[] },
  { federation, crypto, state, window }: Pick<ReplayOptions, "federation" | "crypto"> & {
    state: MemoryState;
    window: UniquenessWindow;
  },
): Read<{ readonly state: PreparedState; readonly nonces: readonly Hash[] }> {
  const { parameters } = federation.document;
  const sinceMs = windowStart(header.time, parameters);
  const { feed, configuration } = state;
  const transition = openTransition(crypto.hash, {
    reader: { feed, configuration, nonceSeen: (key) => window.seen(key, sinceMs) },
    context: { height: header.height, timeMs: header.time, parameters },
  });
  const nonces: Hash[] = [];
  for (const [index, transaction] of transactions.entries()) {
    const applied = transition.apply(transaction);
    if (!applied.ok) return { ...applied, transaction: { index, id: transaction.id } };
    nonces.push(applied.value.nonce);
  }
  const prepared = state.prepare(transition.changes());
  return checkStateRoot(header, prepared.root) ?? accept({ state: prepared, nonces });
}
