/** The real chain's side: SHA-256, Ed25519, signed transactions, the state tree and its rules, the code of `audit`. */
import assert from "node:assert/strict";
import { leaderKeyAt } from "../../consensus/leader.ts";
import type { Hash, Height, TxId } from "../../core/brands.ts";
import { type Bytes, toHex, utf8 } from "../../core/bytes.ts";
import { openReplay } from "../../core/chain_replay.ts";
import { makeCid } from "../../core/cid.ts";
import { type PrivateKey, privateKeyFromSeed } from "../../core/platform/private_key.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { openMemoryState } from "../../core/state/memory_state.ts";
import type { BlockContext, Transition } from "../../core/state/transition.ts";
import {
  COMPRESSION,
  ENCRYPTION,
  nonceKey,
  type Payload,
  signTransaction,
  type Transaction,
  TYPE,
} from "../../core/transaction.ts";
import { verifyTransaction } from "../../core/transaction_rules.ts";
import type { Federation } from "../../core/federation.ts";
import { openPastBlocks } from "../../core/past_blocks.ts";
import type { Tip } from "../../core/ports.ts";
import { WINDOW_SALT_BYTES } from "../../core/uniqueness_window.ts";
import type { Applying, Rules } from "./ledger.ts";
import { rawBlock } from "./member_traffic.ts";
import { REAL_SIGNERS } from "./quick_crypto.ts";
import type { Side } from "./side.ts";
import { type Bodies, changePayload, makeClients } from "./transactions.ts";
import type { Protocol, SimTransaction } from "./types.ts";

const { hash } = platformCrypto;

const senders: readonly PrivateKey[] = [0, 1, 2].map((i) =>
  privateKeyFromSeed(hash(utf8(`simulated sender ${i}`)))
);
const recipient = privateKeyFromSeed(hash(utf8("simulated recipient"))).publicKey;

/** Transactions by their ids, over all schedules of this process: signatures do not depend on the schedule. */
const real = new WeakMap<Uint8Array, Transaction>();

function payloadOf(
  { name, sender, cid, rivalOf, vid, timestamp, size, change }: Parameters<Bodies["make"]>[0],
): Payload {
  const from = senders[sender] as PrivateKey;
  const key = rivalOf?.sender ?? from.publicKey;
  const nonce = hash(utf8(`nonce of ${name}`)).slice(0, 16);
  if (change !== null) return changePayload(change, { sender: key, timestamp, nonce });
  const owner = vid === null ? recipient : key;
  const random = hash(utf8(cid)).slice(0, 16);
  const header = {
    version: 1,
    cid: rivalOf?.cid ?? makeCid(hash, { owner, random }),
    vid: vid ?? 1,
    compression: COMPRESSION.none,
    encryption: ENCRYPTION.none,
    description: name,
    sender: key,
    recipient,
    timestamp,
    nonce,
  } as const;
  if (vid === null) return { ...header, type: TYPE.request, body: { replyTo: from.publicKey } };
  const configuration = new Uint8Array(size);
  return {
    ...header,
    type: TYPE.configuration,
    body: { applyBefore: [], applyAfter: [], inReplyTo: null, configuration },
  };
}

function makeBodies({ genesisId }: Federation): Bodies {
  return {
    make: (drawn) => {
      const payload = payloadOf(drawn);
      const key = senders.find(({ publicKey }) => toHex(publicKey) === toHex(payload.sender)) as PrivateKey;
      const transaction = signTransaction(payload, { genesisId, hash, sign: (message) => key.sign(message) });
      const bytes = transaction.bytes.slice();
      if (drawn.isBroken) bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
      real.set(transaction.id, transaction);
      return {
        id: transaction.id,
        nonceKey: nonceKey(hash, payload),
        cid: payload.cid,
        sender: payload.sender,
        size: bytes.length,
        change: payload.type === TYPE.federation ? payload : null,
        bytes,
      };
    },
    read: (bytes: Bytes): TxId | undefined => {
      const verdict = verifyTransaction(bytes, { genesisId, crypto: platformCrypto });
      return verdict.ok ? verdict.value.id : undefined;
    },
  };
}

interface Step {
  readonly hash: Hash;
  readonly parent: Hash;
  readonly height: Height;
  readonly timeMs: number;
  readonly transactions: readonly Transaction[];
}

type Made = Omit<Step, "hash">;

/** The real state rules; a state is replayed from genesis each time, since chains of a schedule are short. */
function makeRealRules(first: Federation, openTransition: Protocol["openTransition"]): Rules {
  const steps = new Map<string, Step>();
  const opened = new WeakMap<Applying, Made>();

  function pathTo(block: Hash): readonly Step[] {
    const step = steps.get(toHex(block));
    if (step === undefined) {
      assert.equal(toHex(block), toHex(first.genesisId), "a block on a parent that nobody has judged");
      return [];
    }
    return [...pathTo(step.parent), step];
  }

  function begin(tip: Tip, next: Parameters<Rules["open"]>[1]) {
    const state = openMemoryState(hash);
    const used = new Set<string>();
    const past = openPastBlocks();
    const open = (context: BlockContext, checkDuplicates: boolean): Transition =>
      openTransition(platformCrypto, {
        reader: {
          feed: state.feed,
          configuration: state.configuration,
          nonceSeen: (key) => checkDuplicates && used.has(toHex(key)),
          pastBlock: past.at,
        },
        context,
      });
    let [federation, nextFederation] = [first, first];
    for (const { hash: block, height, timeMs, transactions } of pathTo(tip.parent.hash)) {
      const transition = open({ height, timeMs, federation, nextFederation }, true);
      for (const each of transactions) {
        assert(transition.apply(each).ok);
        used.add(toHex(nonceKey(hash, each.payload)));
      }
      state.prepare(transition.changes()).commit();
      past.add({ hash: block, height, time: timeMs }, 0);
      [federation, nextFederation] = [nextFederation, transition.federationChange() ?? nextFederation];
    }
    const height = tip.parent.height + 1 as Height;
    const { timeMs, checkDuplicates } = next;
    return { state, transition: open({ height, timeMs, federation, nextFederation }, checkDuplicates) };
  }

  return {
    open: (tip, next) => {
      const { state, transition } = begin(tip, next);
      const transactions: Transaction[] = [];
      const applying: Applying = {
        apply: (each: SimTransaction) => {
          const transaction = real.get(each.id);
          assert(transaction !== undefined, "a transaction that nobody has made");
          const verdict = transition.apply(transaction);
          if (!verdict.ok) return verdict;
          transactions.push(transaction);
          return undefined;
        },
        root: () => state.prepare(transition.changes()).root,
        change: transition.federationChange,
      };
      const { hash: parent, height } = tip.parent;
      opened.set(applying, { parent, height: height + 1 as Height, timeMs: next.timeMs, transactions });
      return applying;
    },
    keep: (block, applying) => {
      const made = opened.get(applying);
      assert(made !== undefined, "a state that these rules did not open");
      steps.set(toHex(block), { ...made, hash: block });
    },
  };
}

/** Everything as it ships. */
export const REAL: Side = {
  signers: REAL_SIGNERS,
  makeRules: ({ federation, openTransition }) => makeRealRules(federation, openTransition),
  makeClients: ({ federation, wallMs }) => {
    const { genesisId, document: { parameters: { maxTransactionBytes } } } = federation;
    return makeClients({ genesisId, wallMs, maxTransactionBytes, bodies: makeBodies(federation) });
  },
  audit: (federation, blocks) => {
    const replay = openReplay({
      federation,
      crypto: platformCrypto,
      leaderOf: leaderKeyAt,
      salt: new Uint8Array(WINDOW_SALT_BYTES),
    });
    for (const block of blocks) {
      const verdict = replay.push(rawBlock(block));
      if (!verdict.ok) return `block ${block.proposal.header.height}: ${verdict.code} ${verdict.detail}`;
    }
    return null;
  },
};
