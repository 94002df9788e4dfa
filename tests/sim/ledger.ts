/**
 * The replicated chain's rules as the simulator has them: real headers, hashes and certificates; transactions are
 * opaque but for what the pool knows of them. Every rule is a function of the parent's state and the block, so what
 * a block leads to is computed once, whoever asks.
 */
import assert from "node:assert/strict";
import { blockHash } from "../../core/block.ts";
import { checkClock, checkContent, makeHeader, parentOf } from "../../core/block_rules.ts";
import { type Hash, type Height, type PublicKey, type Round, ZERO_HASH } from "../../core/brands.ts";
import { concat, equal, toHex } from "../../core/bytes.ts";
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
  /** Whether an agreed change of the federation is among them; which one, by sequence. */
  readonly change: () => number | null;
}

/** The state after each block, by the block's hash. */
export interface Rules {
  /** Opens the state after a block for the next; `checkDuplicates` is off in a mutant alone. */
  readonly open: (
    parent: Hash,
    next: { readonly height: Height; readonly timeMs: number; readonly checkDuplicates: boolean },
  ) => Applying;
  /** Remembers what a valid block has led to. */
  readonly keep: (hash: Hash, block: { readonly parent: Hash; readonly applying: Applying }) => void;
}

/** What a member asks of the chain's rules. */
export interface Ledger {
  readonly genesis: Tip;
  readonly federations: readonly Federation[];
  readonly tipAfter: (decided: Pick<DecidedBlock, "hash" | "proposal" | "certificate">) => Tip;
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
  { federations, crypto, rules, checkHeader }: {
    /** The first, and those that may follow it, by sequence. */
    readonly federations: readonly Federation[];
    readonly crypto: CryptoPort;
    readonly rules: Rules;
    readonly checkHeader: Protocol["checkHeader"];
  },
): Ledger {
  const genesis = genesisTip(federations[0] as Federation);
  const judged = new Map<string, Refusal | undefined>();
  /** The change that a block has agreed on, by the block's hash. */
  const agreed = new Map<string, number>();

  const named = (hash: Hash) => federations.find((each) => equal(each.hash, hash));

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
    const { height, time: timeMs } = header;
    const applying = rules.open(tip.parent.hash, { height, timeMs, checkDuplicates });
    for (const each of transactions) {
      if (each.isBroken) return refuse("transaction-signature", "a transaction in the block is broken");
      if (each.size > maxTransactionBytes) return refuse("too-large", `${each.size} bytes`);
      const refused = applying.apply(each);
      if (refused !== undefined) return refused;
    }
    if (!equal(applying.root(), header.stateRoot)) return refuse("block-root", "another state root");
    const hash = blockHash(crypto.hash, header);
    rules.keep(hash, { parent: tip.parent.hash, applying });
    const change = applying.change();
    if (change !== null && change === federation.document.sequence + 1) agreed.set(toHex(hash), change);
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
    federations,
    tipAfter: ({ hash, proposal: { header }, certificate }) => {
      const signedBy = named(header.federation);
      const federation = named(header.nextFederation);
      assert(
        signedBy !== undefined && federation !== undefined,
        "a decided block names an unknown federation",
      );
      const parent = parentOf({ block: { header }, certificate }, { crypto });
      // A change takes effect two blocks after its own.
      const nextFederation = federations[agreed.get(toHex(hash)) ?? -1] ?? federation;
      return { parent, header, certificate, signedBy, federation, nextFederation };
    },
    build: (tip, { proposer, createdRound, candidates, nowMs }) => {
      const refused = new Map<string, Refusal>();
      const transactions: SimTransaction[] = [];
      const timeMs = Math.max(nowMs, tip.parent.time + 1);
      const height = tip.parent.height + 1 as Height;
      const applying = rules.open(tip.parent.hash, { height, timeMs, checkDuplicates: true });
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

/** The simulated rules: a transaction's nonce is used once, versions of a CID come in order. */
export function makeSimpleRules({ genesisId, crypto }: { genesisId: Hash; crypto: CryptoPort }): Rules {
  interface StateAfter {
    readonly root: Hash;
    readonly used: ReadonlySet<string>;
    readonly versions: ReadonlyMap<string, number>;
    readonly sequence: number;
    readonly changedAt: number;
  }
  const states = new Map<string, StateAfter>([[
    toHex(genesisId),
    { root: ZERO_HASH, used: new Set(), versions: new Map(), sequence: 0, changedAt: 0 },
  ]]);
  const opened = new WeakMap<Applying, () => StateAfter>();

  return {
    open: (parent, { height, timeMs, checkDuplicates }) => {
      const before = states.get(toHex(parent));
      assert(before !== undefined, "a block on a parent that nobody has judged");
      const used = new Set(before.used);
      const versions = new Map(before.versions);
      let { root, sequence, changedAt } = before;
      const applying: Applying = {
        apply: ({ id, nonceKey, cid, vid, timestamp, change }) => {
          const name = toHex(nonceKey);
          if (timestamp > timeMs + LIMITS.timestampAheadMs) return refuse("future", `${timestamp}`);
          if (checkDuplicates && used.has(name)) return refuse("duplicate", "used before");
          const latest = versions.get(toHex(cid)) ?? 0;
          if (checkDuplicates && vid !== null && vid !== latest + 1) {
            return refuse("vid-order", `VID is ${vid}, wanted ${latest + 1}`);
          }
          if (change !== null) {
            // One at a time: the change before must be in force.
            const isInForce = changedAt === 0 || height > changedAt + 2;
            if (change !== sequence + 1 || !isInForce) return refuse("future", "not this change now");
            sequence = change;
            changedAt = height;
          }
          used.add(name);
          if (vid !== null) versions.set(toHex(cid), vid);
          root = crypto.hash(concat(root, id));
          return undefined;
        },
        root: () => root,
        change: () => changedAt === height ? sequence : null,
      };
      opened.set(applying, () => ({ root, used, versions, sequence, changedAt }));
      return applying;
    },
    keep: (hash, { applying }) => {
      const after = opened.get(applying);
      assert(after !== undefined, "a state that these rules did not open");
      states.set(toHex(hash), after());
    },
  };
}
