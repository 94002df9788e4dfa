/**
 * Reading and judging members' X.509 certificates (RFC 5280, Ed25519 by RFC 8410), whatever CA they come from.
 * Certificates go in and out as DER.
 *
 * A CA signs by Ed25519, ECDSA (P-256, P-384, P-521) or RSA (PKCS#1 v1.5, PSS), with SHA-256 or longer. Refused:
 * other signatures, authorities that are no CA, members that are one, a time outside either certificate's validity,
 * critical extensions not known here, keys other than Ed25519. The authority signs members directly: there is no
 * chain of intermediates, and no revocation list, since the federation document is what names members.
 *
 * @module
 */
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509Certificate,
} from "@peculiar/x509";
import type { PublicKey } from "../brands.ts";
import { type Bytes, equal } from "../bytes.ts";
import { accept, type Refusal, refuse, type Verdict } from "../errors.ts";
import { parsePublicKey } from "../keys.ts";
import { LIMITS } from "../limits.ts";
import { subjectPublicKeyInfo } from "./crypto.ts";

/** A member's certificate and by what to judge it. */
export interface MemberCheck {
  /** DER, untrusted. */
  readonly certificate: Uint8Array;
  /** DER, untrusted. */
  readonly authority: Uint8Array;
  /** The block time at which both must be valid, milliseconds since 1970. */
  readonly atMs: number;
}

/** The Ed25519 key in a certificate, which is not judged in any other respect. */
export function memberKeyOf(der: Uint8Array): Verdict<PublicKey> {
  const certificate = parseCertificate(der);
  if (certificate === undefined) return refused("it is no X.509 certificate in DER");
  try {
    return keyOf(certificate);
  } catch {
    return unreadable();
  }
}

/** Judges a member's certificate: gives its key, or refuses with `federation-certificate`. Never throws. */
export async function checkMember(check: MemberCheck): Promise<Verdict<PublicKey>> {
  const authority = parseCertificate(check.authority);
  if (authority === undefined) return refused("the authority's is no X.509 certificate in DER");
  const certificate = parseCertificate(check.certificate);
  if (certificate === undefined) return refused("it is no X.509 certificate in DER");
  try {
    const problem = problemOfAuthority(authority) ?? problemOfMember(certificate) ??
      problemOfTime(authority, check.atMs, "the authority's certificate") ??
      problemOfTime(certificate, check.atMs, "it") ??
      await problemOfSignature(certificate, authority);
    return problem === undefined ? keyOf(certificate) : refused(problem);
  } catch {
    return unreadable();
  }
}

/** A certificate as PEM text. */
export function certificateToPem(der: Bytes): string {
  return PemConverter.encode(der, PemConverter.CertificateTag) + "\n";
}

/**
 * The one certificate in a PEM text, as DER; text before and after is passed over, as openssl writes it there.
 * `undefined` when there is none, or more than one: which of a bundle is meant is not for us to guess.
 */
export function certificateFromPem(text: string): Bytes | undefined {
  try {
    const blocks = PemConverter.decodeWithHeaders(text)
      .filter(({ type }) => type === PemConverter.CertificateTag);
    const [first] = blocks;
    if (first === undefined || blocks.length > 1) return undefined;
    const der = new Uint8Array(first.rawData);
    return parseCertificate(der) === undefined ? undefined : der;
  } catch {
    return undefined;
  }
}

function refused(detail: string): Refusal {
  return refuse("federation-certificate", `certificate: ${detail}`);
}

/** The library reads fields when they are asked for, and throws on what it cannot: the bytes are remote input. */
function unreadable(): Refusal {
  return refused("a field of it cannot be read");
}

function parseCertificate(der: Uint8Array): X509Certificate | undefined {
  if (der.length > LIMITS.x509Bytes || !isOneSequence(der)) return undefined;
  try {
    return new X509Certificate(new Uint8Array(der));
  } catch {
    return undefined;
  }
}

/** The library takes PEM and base64 in bytes too, and passes over trailing ones: neither is DER. */
function isOneSequence(der: Uint8Array): boolean {
  const [tag, first, second, third] = der;
  if (tag !== 0x30 || first === undefined || second === undefined || third === undefined) return false;
  if (first < 0x80) return der.length === 2 + first;
  if (first === 0x81) return der.length === 3 + second;
  // Longer than 64 KiB is longer than the limit.
  return first === 0x82 && der.length === 4 + second * 256 + third;
}

function keyOf(certificate: X509Certificate): Verdict<PublicKey> {
  const info = new Uint8Array(certificate.publicKey.rawData);
  const key = parsePublicKey(info.slice(-32));
  if (key !== undefined && equal(info, subjectPublicKeyInfo(key))) return accept(key);
  return refused("its key is no Ed25519 key in canonical form and of full order");
}

function problemOfAuthority(authority: X509Certificate): string | undefined {
  if (authority.getExtension(BasicConstraintsExtension)?.ca !== true) {
    return "the authority's is no CA certificate";
  }
  const usages = authority.getExtension(KeyUsagesExtension)?.usages;
  if (usages !== undefined && (usages & KeyUsageFlags.keyCertSign) === 0) {
    return "the authority's key is not for signing certificates";
  }
  return problemOfExtensions(authority, "the authority's certificate");
}

function problemOfMember(certificate: X509Certificate): string | undefined {
  if (certificate.getExtension(BasicConstraintsExtension)?.ca === true) {
    return "it is a CA's, wanted a member's";
  }
  const usages = certificate.getExtension(KeyUsagesExtension)?.usages;
  if (usages !== undefined && (usages & KeyUsageFlags.digitalSignature) === 0) {
    return "its key is not for signing";
  }
  return problemOfExtensions(certificate, "it");
}

/** RFC 5280 §4.2: a critical extension that is not understood refuses the certificate. */
function problemOfExtensions(certificate: X509Certificate, what: string): string | undefined {
  const unknown = certificate.extensions.find((extension) => extension.critical && !isKnown(extension));
  return unknown === undefined
    ? undefined
    : `${what} has a critical extension not known here: ${unknown.type}`;
}

/** Names and extended usages bind web servers, not members: known, and without effect here. */
function isKnown(extension: Extension): boolean {
  return extension instanceof BasicConstraintsExtension || extension instanceof KeyUsagesExtension ||
    extension instanceof ExtendedKeyUsageExtension || extension instanceof SubjectAlternativeNameExtension;
}

function problemOfTime(certificate: X509Certificate, atMs: number, what: string): string | undefined {
  const [from, to] = [certificate.notBefore, certificate.notAfter];
  // RFC 5280 §4.1.2.5: both ends belong to the validity, the last second whole.
  if (atMs >= from.getTime() && atMs < to.getTime() + 1000) return undefined;
  return `${what} is valid from ${from.toISOString()} to ${to.toISOString()}, not at ${
    new Date(atMs).toISOString()
  }`;
}

async function problemOfSignature(
  certificate: X509Certificate,
  authority: X509Certificate,
): Promise<string | undefined> {
  const [issuer, subject] = [certificate.issuerName, authority.subjectName];
  if (!equal(new Uint8Array(issuer.toArrayBuffer()), new Uint8Array(subject.toArrayBuffer()))) {
    return "its issuer has another name than the authority";
  }
  const { name, hash } = certificate.signatureAlgorithm;
  // `hash` is absent where the algorithm fixes it.
  if (hash !== undefined && !HASHES.has(hash.name)) return `it is signed by ${name} with ${hash.name}`;
  const holds = await certificate.verify({ publicKey: authority.publicKey, signatureOnly: true });
  return holds ? undefined : "the authority's signature does not verify";
}

const HASHES: ReadonlySet<string> = new Set(["SHA-256", "SHA-384", "SHA-512"]);
