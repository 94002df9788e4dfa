/**
 * From a compact form back to the message, with what the receiver knows. An expansion is a guess: whether it is right
 * is for verify.ts to say, which looks at nothing but the full message.
 *
 * @module
 */
import { blockHash as hashOf, type Header, transactionsRoot } from "../../core/block.ts";
import { type Hash, type Round, type Signature, type TxId, ZERO_HASH } from "../../core/brands.ts";
import type { Bytes } from "../../core/bytes.ts";
import { type Certificate, certificateHash, signersOf } from "../../core/certificate.ts";
import { memberAt } from "../../core/federation.ts";
import type { HashFunction } from "../../core/hashing.ts";
import type { Tip } from "../../core/ports.ts";
import { NO_JUSTIFICATION } from "../justification.ts";
import type { PrePrepare } from "../message.ts";
import type { BlockVote } from "../vote.ts";
import { type CompactProposal, type CompactVote, SHORT_ID_BYTES, shortIds } from "./compact_form.ts";

const ROUND_0 = 0 as Round;

/** The vote that a compact one means, if it is for this block. */
export function expandVote<K extends "prepare" | "commit">(
  { height, signature }: CompactVote,
  { kind, sender, blockHash }: { kind: K; sender: number; blockHash: Hash },
): BlockVote<K> {
  return { kind, height, round: ROUND_0, sender, signature, blockHash };
}

/** The proposal that a compact one means, on this tip, with these transactions and this certificate of the parent. */
export function expandProposal(
  { height, time, stateRoot, signature }: CompactProposal,
  { tip, sender, ids, parentCertificate, hash }: {
    tip: Tip;
    sender: number;
    ids: readonly TxId[];
    parentCertificate: Certificate | null;
    hash: HashFunction;
  },
): PrePrepare {
  const { federation, nextFederation, parent } = tip;
  const header: Header = {
    version: 1,
    genesisId: federation.genesisId,
    height,
    parent: parent.hash,
    time,
    proposer: memberAt(federation, sender).key,
    createdRound: ROUND_0,
    transactionsRoot: transactionsRoot(hash, ids),
    stateRoot,
    federation: federation.hash,
    nextFederation: nextFederation.hash,
    parentCertificate: parentCertificate === null ? ZERO_HASH : certificateHash(hash, parentCertificate),
    count: ids.length,
  };
  return {
    kind: "pre-prepare",
    height,
    round: ROUND_0,
    sender,
    signature,
    blockHash: hashOf(hash, header),
    proposal: { header, ids, parentCertificate },
    justification: NO_JUSTIFICATION,
  };
}

/** The certificate that a compact proposal means, with each signer's COMMIT; undefined when one of them is unknown. */
export function expandCertificate(
  { round, bitmap }: { round: Round; bitmap: Bytes },
  { tip: { parent, signedBy }, signatureOf }: {
    tip: Tip;
    signatureOf: (member: number) => Signature | undefined;
  },
): Certificate | undefined {
  const signers = signersOf(bitmap, signedBy.document.members.length);
  const signatures = (signers ?? []).map(signatureOf).filter((signature) => signature !== undefined);
  if (signers === undefined || signatures.length < signers.length) return undefined;
  return { version: 1, height: parent.height, round, blockHash: parent.hash, bitmap, signatures };
}

/** A search for the transactions that short ids mean. */
export interface IdSearch {
  /** Looks at some more ids; of two with one short id the first is taken. */
  readonly offer: (ids: Iterable<TxId>) => void;
  /** All ids in order; undefined while one is missing. */
  readonly found: () => readonly TxId[] | undefined;
}

/** Begins a search. */
export function searchIds(hash: HashFunction, proposal: CompactProposal): IdSearch {
  const wanted = new Map<number, number>();
  const count = proposal.shortIds.length / SHORT_ID_BYTES;
  for (let i = 0; i < count; i++) wanted.set(numberAt(proposal.shortIds, i * SHORT_ID_BYTES), i);
  const shortIdOf = shortIds(hash, proposal);
  const ids = new Array<TxId | undefined>(count);
  let missing = count;
  return {
    offer: (some) => {
      for (const id of some) {
        if (missing === 0) return;
        const index = wanted.get(numberAt(shortIdOf(id), 0));
        if (index === undefined || ids[index] !== undefined) continue;
        ids[index] = id;
        missing--;
      }
    },
    found: () => missing === 0 ? ids as readonly TxId[] : undefined,
  };
}

/** Six bytes as a number: exact, and quicker to look up than text. */
function numberAt(bytes: Bytes, offset: number): number {
  const byte = (i: number) => bytes[offset + i] as number;
  const high = byte(0) << 16 | byte(1) << 8 | byte(2);
  const low = byte(3) << 16 | byte(4) << 8 | byte(5);
  return high * 0x1000000 + low;
}
