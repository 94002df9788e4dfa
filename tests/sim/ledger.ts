/**
 * The replicated chain's rules as the simulator has them: real headers, hashes, certificates and changes of the
 * federation. Every rule is a function of the parent's state and the block, so what a block leads to is computed once,
 * whoever asks.
 */
import { blockHash } from "../../core/block.ts";
import { checkClock, checkContent, makeHeader } from "../../core/block_rules.ts";
import type { Hash, PublicKey, Round } from "../../core/brands.ts";
import { equal, toHex } from "../../core/bytes.ts";
import type { Certificate } from "../../core/certificate.ts";
import { type Refusal, refuse } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import { LIMITS } from "../../core/limits.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import type { Proposal, Tip } from "../../core/ports.ts";
import { genesisTip } from "../../core/tip.ts";
import type { Protocol, SimTransaction } from "./types.ts";

/** A decided block as it stands on a chain. */
export interface DecidedBlock {
  readonly hash: Hash;
  readonly proposal: Proposal;
  readonly transactions: readonly SimTransaction[];
  readonly certificate: Certificate;
}

/** What the transactions of a block are applied to, one after the other. */
export interface Applying {
  /** Applies the next, or refuses it and stays as it was. */
  readonly apply: (transaction: SimTransaction) => Refusal | undefined;
  readonly root: () => Hash;
  /** The federation that they bring, if any. */
  readonly change: () => Federation | null;
}

/** The state after each block, by the block's hash. */
export interface Rules {
  /** Opens the state at a tip for the next block; `checkDuplicates` is off in a mutant alone. */
  readonly open: (tip: Tip, next: { readonly timeMs: number; readonly checkDuplicates: boolean }) => Applying;
  /** Remembers what a valid block has led to. */
  readonly keep: (hash: Hash, applying: Applying) => void;
}

/** What a member asks of the chain's rules. */
export interface Ledger {
  readonly genesis: Tip;
  /** The tip after a block that was judged on the tip before. */
  readonly tipAfter: (
    decided: Pick<DecidedBlock, "hash" | "proposal" | "certificate">,
    before: Tip,
  ) => Tip;
  /** A block from candidates in order; those that do not fit are named. */
  readonly build: (
    tip: Tip,
    block: {
      readonly proposer: PublicKey;
      readonly createdRound: Round;
      readonly candidates: readonly SimTransaction[];
      readonly nowMs: number;
    },
  ) => {
    readonly proposal: Proposal;
    readonly transactions: readonly SimTransaction[];
    readonly refused: ReadonlyMap<string, Refusal>;
  };
  /** Judges a block on a tip; `nowMs` for a first proposal alone. */
  readonly judge: (
    tip: Tip,
    block: {
      readonly proposal: Proposal;
      readonly transactions: readonly SimTransaction[];
      readonly nowMs: number | null;
      readonly checkDuplicates: boolean;
    },
  ) => Refusal | undefined;
}

/** Makes the ledger of a schedule. */
export function makeLedger(
  { federation: first, crypto, rules, protocol: { checkHeader, tipAfter } }: {
    readonly federation: Federation;
    readonly crypto: CryptoPort;
    readonly rules: Rules;
    readonly protocol: Pick<Protocol, "checkHeader" | "tipAfter">;
  },
): Ledger {
  const genesis = genesisTip(first);
  const judged = new Map<string, Refusal | undefined>();
  /** The federation that a block brings, by the block's hash. */
  const agreed = new Map<string, Federation>();

  function content(
    tip: Tip,
    { header, ids, transactions, checkDuplicates }: Proposal & {
      readonly transactions: readonly SimTransaction[];
      readonly checkDuplicates: boolean;
    },
  ): Refusal | undefined {
    const { federation } = tip;
    const { maxTransactionBytes } = federation.document.parameters;
    const bytes = transactions.reduce((sum, { size }) => sum + size, 0);
    const wrong = checkContent(header, { ids, bytes, federation, crypto });
    if (wrong !== undefined) return wrong;
    const applying = rules.open(tip, { timeMs: header.time, checkDuplicates });
    for (const each of transactions) {
      if (each.isBroken) return refuse("transaction-signature", "a transaction in the block is broken");
      if (each.size > maxTransactionBytes) return refuse("too-large", `${each.size} bytes`);
      const refused = applying.apply(each);
      if (refused !== undefined) return refused;
    }
    if (!equal(applying.root(), header.stateRoot)) return refuse("block-root", "another state root");
    const hash = blockHash(crypto.hash, header);
    rules.keep(hash, applying);
    const change = applying.change();
    if (change !== null) agreed.set(toHex(hash), change);
    return undefined;
  }

  function judgeOnce(
    tip: Tip,
    { proposal, transactions, checkDuplicates }: Parameters<Ledger["judge"]>[1],
  ): Refusal | undefined {
    const checked = checkHeader(proposal, { tip, crypto });
    if (!checked.ok) return checked;
    return content(tip, { ...proposal, transactions, checkDuplicates });
  }

  return {
    genesis,
    tipAfter: ({ hash, proposal: { header }, certificate }, before) => {
      const change = agreed.get(toHex(hash)) ?? null;
      return tipAfter({ block: { header }, certificate }, { before, change, crypto });
    },
    build: (tip, { proposer, createdRound, candidates, nowMs }) => {
      const refused = new Map<string, Refusal>();
      const transactions: SimTransaction[] = [];
      const timeMs = Math.max(nowMs, tip.parent.time + 1);
      const applying = rules.open(tip, { timeMs, checkDuplicates: true });
      for (const each of candidates.slice(0, LIMITS.blockTransactions)) {
        const refusal = applying.apply(each);
        if (refusal === undefined) transactions.push(each);
        else refused.set(toHex(each.id), refusal);
      }
      const ids = transactions.map(({ id }) => id);
      const header = makeHeader({
        tip,
        proposer,
        createdRound,
        nowMs,
        ids,
        stateRoot: applying.root(),
      }, crypto);
      return { proposal: { header, ids, parentCertificate: tip.certificate }, transactions, refused };
    },
    judge: (tip, block) => {
      const { proposal: { header, ids }, transactions, nowMs, checkDuplicates } = block;
      if (nowMs !== null) {
        const late = checkClock(header, { nowMs, federation: tip.federation });
        if (late !== undefined) return late;
      }
      if (ids.length !== transactions.length) return refuse("block-format", "bodies are missing");
      // The header's hash says what is in the block; the tip's, with which certificate its parent stands here.
      const name = `${toHex(blockHash(crypto.hash, header))} ${toHex(tip.parent.hash)} ${checkDuplicates}`;
      if (!judged.has(name)) judged.set(name, judgeOnce(tip, block));
      return judged.get(name);
    },
  };
}
