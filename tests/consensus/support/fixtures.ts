/** Federations, keys and blocks for tests of the protocol. */
import { makeHeader } from "../../../core/block_rules.ts";
import {
  asSignature,
  asTxId,
  type Hash,
  type Round,
  type Signature,
  ZERO_HASH,
} from "../../../core/brands.ts";
import { type Bytes, concat, equal, utf8 } from "../../../core/bytes.ts";
import type { Federation, Parameters } from "../../../core/federation.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import type { PrivateKey } from "../../../core/platform/private_key.ts";
import type { CryptoPort } from "../../../core/crypto_port.ts";
import type { Proposal, Tip } from "../../../core/ports.ts";
import type { Tools } from "../../../consensus/state.ts";
import { makeFederation as federationOf, memberKey } from "../../support/federation.ts";
import { sha256 } from "../../support/sha256.ts";

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

/** A federation of `n` whose members are in order of index; no certificates. */
export function makeFederation(n: number, parameters: Partial<Parameters> = {}): Federation {
  const members = Array.from({ length: n }, (_, index) => memberKey(index));
  return federationOf({ keys: members, parameters, timeMs: 1_000 }).federation;
}

/** What a member works with. */
export function toolsOf(index: number, { crypto, sign }: Signers = ED25519): Tools {
  return { crypto, publicKey: memberKey(index).publicKey, sign: sign(memberKey(index)) };
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
    tip,
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
): Hash {
  return crypto.hash(concat(tip.header?.stateRoot ?? ZERO_HASH, ...ids));
}
