/**
 * When a block is valid: its header against its parent, its content against its header. The state rules stand in
 * state/transition.ts, whose turn it is who may propose in consensus/leader.ts.
 *
 * @module
 */
import { equal, toHex } from "./bytes.ts";
import { type Block, blockHash, type Header, type Parent, transactionsRoot } from "./block.ts";
import { type Hash, type PublicKey, type TxId, ZERO_HASH } from "./brands.ts";
import { type Certificate, certificateHash, verifyCertificate } from "./certificate.ts";
import { accept, type Refusal, refuse, type Verdict } from "./errors.ts";
import { type Federation, memberIndex } from "./federation.ts";
import { LIMITS } from "./limits.ts";
import type { Tip } from "./ports.ts";
import type { CryptoPort } from "./crypto_port.ts";

/** What a header is judged against: the chain's end, whose next block it is. */
export interface HeaderContext {
  readonly tip: Pick<Tip, "parent" | "signedBy" | "federation" | "nextFederation">;
  readonly crypto: CryptoPort;
}

/** Judges a header and the parent's certificate that comes with it. */
export function checkHeader(
  { header, parentCertificate }: { header: Header; parentCertificate: Certificate | null },
  context: HeaderContext,
): Verdict<Hash> {
  return checkLink(header, context) ?? checkParentCertificate({ header, parentCertificate }, context) ??
    accept(blockHash(context.crypto.hash, header));
}

function checkLink(
  header: Header,
  { tip: { parent, federation, nextFederation } }: HeaderContext,
): Refusal | undefined {
  if (!equal(header.genesisId, federation.genesisId)) {
    return refuse("block-link", "the block is of another chain");
  }
  if (header.height !== parent.height + 1) {
    return refuse("block-link", `height is ${header.height}, wanted ${parent.height + 1}`);
  }
  if (!equal(header.parent, parent.hash)) return refuse("block-link", "the block's parent is another block");
  if (!equal(header.federation, federation.hash) || !equal(header.nextFederation, nextFederation.hash)) {
    return refuse("block-link", "the block names another federation document");
  }
  if (header.time <= parent.time) return refuse("block-time", "the block's time is not after its parent's");
  if (header.createdRound > LIMITS.rounds) {
    return refuse("header-format", `created round is ${header.createdRound}`);
  }
  if (memberIndex(federation, header.proposer) < 0) {
    return refuse("block-proposer", "the proposer is no member");
  }
  return undefined;
}

function checkParentCertificate(
  { header, parentCertificate }: { header: Header; parentCertificate: Certificate | null },
  { tip: { parent, signedBy }, crypto }: HeaderContext,
): Refusal | undefined {
  if (parent.height === 0 || parentCertificate === null) {
    const none = parent.height === 0 && parentCertificate === null &&
      equal(header.parentCertificate, ZERO_HASH);
    return none
      ? undefined
      : refuse("certificate-mismatch", "the parent's certificate is missing or out of place");
  }
  if (!equal(header.parentCertificate, certificateHash(crypto.hash, parentCertificate))) {
    return refuse("certificate-mismatch", "the header names another certificate of its parent");
  }
  const verdict = verifyCertificate(parentCertificate, {
    federation: signedBy,
    block: parent,
    crypto,
  });
  return verdict.ok ? undefined : verdict;
}

/** Judges count, transaction root and size. */
export function checkContent(
  header: Header,
  { ids, bytes, federation, crypto }: {
    ids: readonly TxId[];
    /** The transactions' sizes added up. */
    bytes: number;
    federation: Federation;
    crypto: CryptoPort;
  },
): Refusal | undefined {
  const { maxBlockBytes } = federation.document.parameters;
  if (header.count !== ids.length) {
    return refuse("block-format", `${ids.length} transactions, but the header counts ${header.count}`);
  }
  if (bytes > maxBlockBytes) return refuse("block-size", `${bytes} bytes, at most ${maxBlockBytes}`);
  if (!equal(header.transactionsRoot, transactionsRoot(crypto.hash, ids))) {
    return refuse("block-root", "the transactions are not those that the header names");
  }
  return undefined;
}

/** Judges the state root, against the one that the transactions make of the parent's state. */
export function checkStateRoot(header: Header, computed: Hash): Refusal | undefined {
  return equal(computed, header.stateRoot) ? undefined : refuse(
    "block-root",
    `the state root is ${toHex(header.stateRoot)}, but the transactions make ${toHex(computed)}`,
  );
}

/** Judges the certificate of a block itself: by a quorum, in no round before that of the proposal. */
export function checkDecision(
  { header, hash, certificate }: { header: Header; hash: Hash; certificate: Certificate },
  { federation, crypto }: { federation: Federation; crypto: CryptoPort },
): Refusal | undefined {
  const verdict = verifyCertificate(certificate, {
    federation,
    block: { height: header.height, hash },
    crypto,
  });
  if (!verdict.ok) return verdict;
  return certificate.round >= header.createdRound ? undefined : refuse(
    "certificate-mismatch",
    `decided in round ${certificate.round}, proposed in ${header.createdRound}`,
  );
}

/** A first proposal's time must be near the validator's clock; a re-proposal's is never compared with one. */
export function checkClock(
  header: Header,
  { nowMs, federation }: { nowMs: number; federation: Federation },
): Refusal | undefined {
  const driftMs = Math.abs(header.time - nowMs);
  const { maxDriftMs } = federation.document.parameters;
  return driftMs <= maxDriftMs
    ? undefined
    : refuse("block-time", `the block's time is ${driftMs} ms from this clock, at most ${maxDriftMs}`);
}

/** The header of a new block on a tip. */
export function makeHeader(
  block: {
    readonly tip: Pick<Tip, "parent" | "federation" | "nextFederation">;
    readonly proposer: PublicKey;
    readonly createdRound: Header["createdRound"];
    /** Milliseconds; moved up to just after the parent's time when needed. */
    readonly nowMs: number;
    readonly ids: readonly TxId[];
    readonly stateRoot: Hash;
  },
  crypto: CryptoPort,
): Header {
  const { tip: { parent, federation, nextFederation }, ids } = block;
  return {
    version: 1,
    genesisId: federation.genesisId,
    height: (parent.height + 1) as Header["height"],
    parent: parent.hash,
    time: Math.max(block.nowMs, parent.time + 1),
    proposer: block.proposer,
    createdRound: block.createdRound,
    transactionsRoot: transactionsRoot(crypto.hash, ids),
    stateRoot: block.stateRoot,
    federation: federation.hash,
    nextFederation: nextFederation.hash,
    parentCertificate: parent.certificateHash,
    count: ids.length,
  };
}

/** What the next block builds on, once this one is decided with this certificate. */
export function parentOf({ block, certificate }: { block: Pick<Block, "header">; certificate: Certificate }, {
  crypto,
}: { crypto: CryptoPort }): Parent {
  return {
    height: block.header.height,
    hash: blockHash(crypto.hash, block.header),
    time: block.header.time,
    certificateHash: certificateHash(crypto.hash, certificate),
  };
}
