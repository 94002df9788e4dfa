/** Federations, keys and blocks for tests of the protocol. */
import { createHash } from "node:crypto";
import { type Block, type DecidedBlock, genesisParent } from "../../../core/block.ts";
import { makeHeader, parentOf } from "../../../core/block_rules.ts";
import { asHash, asSignature, asTxId, type Round, type Signature, ZERO_HASH } from "../../../core/brands.ts";
import { type Bytes, concat, equal, utf8 } from "../../../core/bytes.ts";
import {
  DEFAULT_PARAMETERS,
  type Federation,
  federationOf,
  type Parameters,
} from "../../../core/federation.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import { type PrivateKey, privateKeyFromSeed } from "../../../core/platform/private_key.ts";
import type { CryptoPort, Proposal, Tip } from "../../../core/ports.ts";
import type { Tools } from "../../../consensus/state.ts";

/** SHA-256. */
export const sha256 = (data: Uint8Array) =>
  asHash(new Uint8Array(createHash("sha256").update(data).digest()));

/** Who signs and verifies in a test: Ed25519, or hashes that are as hard to forge where nobody tries. */
export interface Signers {
  readonly crypto: CryptoPort;
  readonly sign: (key: PrivateKey) => (message: Bytes) => Signature;
}

/** Ed25519 by the platform. */
export const ED25519: Signers = { crypto: platformCrypto, sign: (key) => (message) => key.sign(message) };

/** A signature is a hash of key and message: for runs with very many of them. */
export const QUICK: Signers = {
  crypto: {
    hash: sha256,
    verify: (key, message, signature) => equal(quickSignature(key, message), signature),
  },
  sign: (key) => (message) => quickSignature(key.publicKey, message),
};

function quickSignature(key: Uint8Array, message: Uint8Array): Signature {
  return asSignature(concat(sha256(concat(key, message)), sha256(concat(message, key))));
}

const keys: PrivateKey[] = [];

/** The key of the member at an index, the same in every run. */
export function memberKey(index: number): PrivateKey {
  return keys[index] ??= privateKeyFromSeed(sha256(utf8(`member ${index}`)));
}

/** A federation of `n` whose members are in order of index; no certificates. */
export function makeFederation(n: number, parameters: Partial<Parameters> = {}): Federation {
  return federationOf(sha256, {
    version: 1,
    genesisId: ZERO_HASH,
    sequence: 0,
    previous: ZERO_HASH,
    time: 1_000,
    name: "test",
    authority: new Uint8Array(),
    members: Array.from({ length: n }, (_, index) => ({
      name: `m${index}`,
      key: memberKey(index).publicKey,
      certificate: new Uint8Array(),
      peerAddress: `127.0.0.1:${7000 + index}`,
      apiUrl: `http://127.0.0.1:${8000 + index}`,
    })),
    parameters: { ...DEFAULT_PARAMETERS, ...parameters },
  });
}

/** What a member works with. */
export function toolsOf(index: number, { crypto, sign }: Signers = ED25519): Tools {
  return { crypto, publicKey: memberKey(index).publicKey, sign: sign(memberKey(index)) };
}

/** The tip before the first block. */
export function genesisTip(federation: Federation): Tip {
  return {
    parent: genesisParent({ ...federation, time: 1_000 }),
    header: null,
    certificate: null,
    federation,
  };
}

/** The tip after a decided block. */
export function tipAfter(
  { block, certificate }: Pick<DecidedBlock, "certificate"> & { block: Pick<Block, "header"> },
  {
    federation,
    crypto,
  }: { federation: Federation; crypto: CryptoPort },
): Tip {
  return {
    parent: parentOf({ block, certificate }, { crypto }),
    header: block.header,
    certificate,
    federation,
  };
}

/** A block on a tip; other `content` makes another block. */
export function makeProposal(
  tip: Tip,
  { proposer, createdRound = 0, content = "", crypto = ED25519.crypto }: {
    proposer: number;
    createdRound?: number;
    content?: string;
    crypto?: CryptoPort;
  },
): Proposal {
  const ids = content === "" ? [] : [asTxId(crypto.hash(utf8(content)))];
  const header = makeHeader({
    parent: tip.parent,
    federation: tip.federation,
    proposer: memberKey(proposer).publicKey,
    createdRound: createdRound as Round,
    nowMs: 2_000,
    ids,
    stateRoot: stateRootOf(tip, { ids, crypto }),
  }, crypto);
  return { header, ids, parentCertificate: tip.certificate };
}

/** The one state root that is valid in these tests. */
export function stateRootOf(
  tip: Tip,
  { ids, crypto }: { ids: readonly Uint8Array[]; crypto: CryptoPort },
): ReturnType<typeof sha256> {
  return crypto.hash(concat(tip.header?.stateRoot ?? ZERO_HASH, ...ids));
}
