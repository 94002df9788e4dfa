/**
 * A header with the certificate that decided it: what a client keeps of the newest block that it has verified, and two
 * of which, about different blocks of one height, prove that more members lie than the federation bears.
 *
 * @module
 */
import { blockHash, type Header, headerShape } from "./block.ts";
import type { Hash, Height } from "./brands.ts";
import { type Bytes, equal } from "./bytes.ts";
import { type Certificate, certificateShape, verifyCertificate } from "./certificate.ts";
import type { CryptoPort } from "./crypto_port.ts";
import { accept, type Refusal, refuse, type Verdict } from "./errors.ts";
import type { Federation } from "./federation.ts";
import type { HashFunction } from "./hashing.ts";
import { constant, decodeShape, encodeShape, record, type Shape } from "./shape.ts";

/** A header and the proof that a quorum decided it. */
export interface CertifiedHeader {
  readonly header: Header;
  readonly certificate: Certificate;
}

/** How one is encoded. */
export const certifiedHeaderShape: Shape<CertifiedHeader> = record({
  header: headerShape,
  certificate: certificateShape,
});

/** A certified header that a client has verified. */
export interface KnownHeader {
  readonly height: Height;
  readonly hash: Hash;
  /** Milliseconds since 1970, as certified. */
  readonly time: number;
  readonly proof: CertifiedHeader;
}

/** What is known by a certified header, which was verified. */
export function knownHeader(hash: HashFunction, proof: CertifiedHeader): KnownHeader {
  const { height, time } = proof.header;
  return { height, hash: blockHash(hash, proof.header), time, proof };
}

/** The higher of two; the first when both are of one height. */
export function higherHeader<T extends { readonly height: Height }>(a: T | null, b: T | null): T | null {
  if (a === null || b === null) return a ?? b;
  return b.height > a.height ? b : a;
}

/** Verifies a header and its certificate; gives the header's hash. */
export function verifyCertifiedHeader(
  { header, certificate }: CertifiedHeader,
  { federation, crypto }: { readonly federation: Federation; readonly crypto: CryptoPort },
): Verdict<Hash> {
  const hash = blockHash(crypto.hash, header);
  const verdict = verifyCertificate(certificate, {
    federation,
    block: { height: header.height, hash },
    crypto,
  });
  return verdict.ok ? accept(hash) : verdict;
}

/** What the end of an answer is judged against. */
export interface NewestHeaderContext {
  /** The newest header seen before; null before the first. */
  readonly known: Pick<KnownHeader, "height" | "hash"> | null;
  readonly federation: Federation;
  readonly crypto: CryptoPort;
}

/**
 * Verifies the header at an answer's end: certified, of the federation that is known, and nothing that goes back
 * behind what was seen. Gives its hash; refuses with `rollback`, `fork`, `federation-unknown`, `proof-root` for another
 * chain, and as {@link verifyCertifiedHeader} does.
 */
export function verifyNewestHeader(
  certified: CertifiedHeader,
  { known, federation, crypto }: NewestHeaderContext,
): Verdict<Hash> {
  const { header } = certified;
  if (!equal(header.genesisId, federation.genesisId)) {
    return refuse("proof-root", "the answer is of another chain");
  }
  if (!equal(header.federation, federation.hash)) return otherFederation(header, federation);
  const verdict = verifyCertifiedHeader(certified, { federation, crypto });
  if (!verdict.ok || known === null || header.height > known.height) return verdict;
  if (header.height < known.height) {
    return refuse("rollback", `the answer ends at height ${header.height}, ${known.height} was seen before`);
  }
  return equal(verdict.value, known.hash) ? verdict : refuse(
    "fork",
    `two certified blocks at height ${header.height}: more than a third of the federation lies`,
  );
}

/** Who lags is told from who names a document that nobody here knows. */
function otherFederation({ federation, height }: Header, { document }: Federation): Refusal {
  return equal(federation, document.previous)
    ? refuse("rollback", `the answer ends at height ${height}, under the federation document before`)
    : refuse("federation-unknown", "the answer is of a federation document that is not known here");
}

/** Two certified blocks at one height. */
export interface ForkProof {
  readonly version: 1;
  readonly first: CertifiedHeader;
  readonly second: CertifiedHeader;
}

const forkProofShape: Shape<ForkProof> = record({
  version: constant(1),
  first: certifiedHeaderShape,
  second: certifiedHeaderShape,
});

/** Encodes the proof of a fork. */
export function encodeForkProof(proof: Omit<ForkProof, "version">): Bytes {
  return encodeShape(forkProofShape, { version: 1, ...proof });
}

/** Decodes one; nothing in it is verified yet. */
export function decodeForkProof(bytes: Uint8Array): Verdict<ForkProof> {
  return decodeShape(forkProofShape, bytes, { what: "fork proof", code: "proof-format" });
}

/**
 * Judges the proof of a fork; `undefined` when it holds. `federationOf` gives the document in force at a header's
 * height by its hash.
 */
export function checkForkProof(
  { first, second }: ForkProof,
  { federationOf, crypto }: {
    readonly federationOf: (hash: Hash) => Federation | undefined;
    readonly crypto: CryptoPort;
  },
): Refusal | undefined {
  const hashes: Hash[] = [];
  for (const certified of [first, second]) {
    const federation = federationOf(certified.header.federation);
    if (federation === undefined || !equal(certified.header.genesisId, federation.genesisId)) {
      return refuse("federation-unknown", "a header is of another chain or federation");
    }
    const hash = verifyCertifiedHeader(certified, { federation, crypto });
    if (!hash.ok) return hash;
    hashes.push(hash.value);
  }
  const [one, other] = hashes as [Hash, Hash];
  return first.header.height === second.header.height && !equal(one, other)
    ? undefined
    : refuse("proof-root", "the headers do not contradict each other");
}
