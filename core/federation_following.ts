/**
 * Following the federation without the chain: from a document that a client trusts to the one in force. For each change
 * it takes the last header under the document before, which names the next one and is certified by the members that
 * the client knows.
 *
 * Refused: a document that is not the one named (`federation-order`), and whatever a certificate is refused for.
 *
 * @module
 */
import { type Header, headerShape } from "./block.ts";
import { type Bytes, equal } from "./bytes.ts";
import { type Certificate, certificateShape } from "./certificate.ts";
import { type KnownHeader, knownHeader, verifyCertifiedHeader } from "./certified_header.ts";
import type { CryptoPort } from "./crypto_port.ts";
import { accept, refuse, type Verdict } from "./errors.ts";
import {
  checkDocument,
  type Federation,
  type FederationDocument,
  federationOf,
  federationShape,
} from "./federation.ts";
import { LIMITS } from "./limits.ts";
import { constant, decodeShape, encodeShape, list, record, type Shape } from "./shape.ts";

/** One change, with the proof that the federation before has decided it. */
export interface FederationTransition {
  readonly document: FederationDocument;
  /** The last one under the document before. */
  readonly header: Header;
  /** By a quorum of the members before. */
  readonly certificate: Certificate;
}

/** Changes in order. */
export const transitionsShape: Shape<readonly FederationTransition[]> = list(
  record({ document: federationShape, header: headerShape, certificate: certificateShape }),
  LIMITS.federationTransitions,
);

const answerShape: Shape<
  { readonly version: 1; readonly transitions: readonly FederationTransition[] }
> = record({ version: constant(1), transitions: transitionsShape });

/** A document that a client has come to trust, and the newest header that showed it so. */
export interface Followed {
  readonly federation: Federation;
  /** Null when there was nothing to follow. */
  readonly head: KnownHeader | null;
}

/**
 * Follows changes from a trusted document on. Those up to it are passed over: an answer may begin with the first, for
 * clients of every age.
 */
export function followFederation(
  trusted: Federation,
  { transitions, crypto }: {
    readonly transitions: readonly FederationTransition[];
    readonly crypto: CryptoPort;
  },
): Verdict<Followed> {
  let followed: Followed = { federation: trusted, head: null };
  for (const transition of transitions) {
    if (transition.document.sequence <= followed.federation.document.sequence) continue;
    const next = followOne(followed.federation, { transition, crypto });
    if (!next.ok) return next;
    followed = next.value;
  }
  return accept(followed);
}

function followOne(
  before: Federation,
  { transition: { document, header, certificate }, crypto }: {
    readonly transition: FederationTransition;
    readonly crypto: CryptoPort;
  },
): Verdict<Followed> {
  const problem = checkDocument(document);
  if (problem !== undefined) return problem;
  const federation = federationOf(crypto.hash, document);
  const isNext = document.sequence === before.document.sequence + 1 &&
    equal(document.genesisId, before.genesisId) && equal(document.previous, before.hash);
  const isNamed = equal(header.genesisId, before.genesisId) && equal(header.federation, before.hash) &&
    equal(header.nextFederation, federation.hash);
  if (!isNext || !isNamed) {
    return refuse("federation-order", `document ${document.sequence} is not the one that the chain names`);
  }
  const proof = { header, certificate };
  const certified = verifyCertifiedHeader(proof, { federation: before, crypto });
  return certified.ok ? accept({ federation, head: knownHeader(crypto.hash, proof) }) : certified;
}

/** Encodes a node's answer. */
export function encodeTransitions(transitions: readonly FederationTransition[]): Bytes {
  return encodeShape(answerShape, { version: 1, transitions });
}

/** Decodes a node's answer; nothing in it is verified yet. */
export function decodeTransitions(bytes: Uint8Array): Verdict<readonly FederationTransition[]> {
  const decoded = decodeShape(answerShape, bytes, { what: "federation changes", code: "federation-format" });
  return decoded.ok ? accept(decoded.value.transitions) : decoded;
}
