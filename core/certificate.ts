/**
 * Commit certificates: the proof that a quorum of the federation decided a block.
 *
 * @module
 */
import type { Hash, Height, Round, Signature } from "./brands.ts";
import { type Bytes, equal } from "./bytes.ts";
import { encodeCbor } from "./cbor.ts";
import { accept, assert, refuse, type Verdict } from "./errors.ts";
import { type Federation, memberAt } from "./federation.ts";
import { type HashFunction, taggedHash } from "./hashing.ts";
import { LIMITS } from "./limits.ts";
import type { CryptoPort } from "./crypto_port.ts";
import {
  bytesUpTo,
  constant,
  encodeShape,
  hashShape,
  heightShape,
  list,
  record,
  roundShape,
  type Shape,
  signatureShape,
} from "./shape.ts";

/** Signatures of a quorum over one block, decided in `round`. */
export interface Certificate {
  readonly version: 1;
  readonly height: Height;
  readonly round: Round;
  readonly blockHash: Hash;
  /** ⌈n/8⌉ bytes; bit i % 8 (least significant first) of byte ⌊i/8⌋ = member i signed. */
  readonly bitmap: Bytes;
  /** In order of member index. */
  readonly signatures: readonly Signature[];
}

/** How a certificate is encoded. */
export const certificateShape: Shape<Certificate> = record({
  version: constant(1),
  height: heightShape,
  round: roundShape,
  blockHash: hashShape,
  bitmap: bytesUpTo(Math.ceil(LIMITS.members / 8)),
  signatures: list(signatureShape, LIMITS.members),
});

/** What a COMMIT vote and a certificate are about. */
export interface CommitSubject {
  readonly height: Height;
  readonly round: Round;
  readonly blockHash: Hash;
}

/** What a member signs to commit. */
export function commitMessage({ genesisId, hash }: Federation, subject: CommitSubject): Bytes {
  return encodeCbor(["vnfchain/commit/1", genesisId, hash, subject.height, subject.round, subject.blockHash]);
}

/** Gathers signatures, by member index, into a certificate. */
export function makeCertificate(
  federation: Federation,
  { subject, votes }: { subject: CommitSubject; votes: ReadonlyMap<number, Signature> },
): Certificate {
  const n = federation.document.members.length;
  const bitmap = new Uint8Array(Math.ceil(n / 8));
  const indexes = [...votes.keys()].sort((a, b) => a - b);
  for (const index of indexes) {
    assert(index < n, `vote of member ${index} of ${n}`);
    bitmap[index >> 3] = (bitmap[index >> 3] as number) | (1 << (index & 7));
  }
  return {
    version: 1,
    ...subject,
    bitmap,
    signatures: indexes.map((index) => votes.get(index) as Signature),
  };
}

/** The members' indexes in a bitmap; `undefined` when it has the wrong length or bits beyond the members. */
export function signersOf(bitmap: Bytes, n: number): readonly number[] | undefined {
  if (bitmap.length !== Math.ceil(n / 8)) return undefined;
  const indexes: number[] = [];
  for (let index = 0; index < bitmap.length * 8; index++) {
    if (((bitmap[index >> 3] as number) >> (index & 7) & 1) === 0) continue;
    if (index >= n) return undefined;
    indexes.push(index);
  }
  return indexes;
}

/** Checks that a quorum of distinct members signed exactly this block. */
export function verifyCertificate(
  certificate: Certificate,
  { federation, block, crypto }: {
    federation: Federation;
    block: { height: Height; hash: Hash };
    crypto: CryptoPort;
  },
): Verdict<Certificate> {
  if (certificate.height !== block.height || !equal(certificate.blockHash, block.hash)) {
    return refuse("certificate-mismatch", `the certificate is not about block ${block.height}`);
  }
  if (certificate.round > LIMITS.rounds) return refuse("certificate-format", `round ${certificate.round}`);
  const indexes = signersOf(certificate.bitmap, federation.document.members.length);
  if (indexes === undefined || indexes.length !== certificate.signatures.length) {
    return refuse(
      "certificate-format",
      "the certificate's bitmap does not fit the members or the signatures",
    );
  }
  if (indexes.length < federation.quorum) {
    return refuse("certificate-quorum", `${indexes.length} signatures, wanted ${federation.quorum}`);
  }
  const message = commitMessage(federation, certificate);
  for (const [i, index] of indexes.entries()) {
    const { key, name } = memberAt(federation, index);
    if (!crypto.verify(key, message, certificate.signatures[i] as Signature)) {
      return refuse("certificate-signature", `the signature of member ${name} does not verify`);
    }
  }
  return accept(certificate);
}

/** The hash by which the next header names the certificate of its parent. */
export function certificateHash(hash: HashFunction, certificate: Certificate): Hash {
  return taggedHash(hash, "vnfchain/certificate/1", encodeShape(certificateShape, certificate));
}
