/**
 * Making X.509 certificates (RFC 5280, Ed25519 by RFC 8410) for a federation's own CA, and signing requests (PKCS#10,
 * RFC 2986) for a CA of somebody else's. All as DER. Refuses names that are empty or too long for a common name.
 *
 * @module
 */
import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  PemConverter,
  Pkcs10CertificateRequestGenerator,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { PublicKey } from "../brands.ts";
import { type Bytes, equal, toHex } from "../bytes.ts";
import { assert, EXIT, VnfchainError } from "../errors.ts";
import { platformCrypto, subjectPublicKeyInfo } from "./crypto.ts";
import { type PrivateKey, privateKeyToPkcs8 } from "./private_key.ts";
import { memberKeyOf } from "./x509.ts";

/** Validity of a certificate, both ends included; X.509 knows whole seconds, fractions are cut off. */
export interface Validity {
  /** Milliseconds since 1970. */
  readonly notBeforeMs: number;
  /** Milliseconds since 1970. */
  readonly notAfterMs: number;
}

/** What {@link createAuthority} puts into the certificate. */
export interface AuthorityOptions extends Validity {
  /** Common name, 1 to 64 characters. */
  readonly name: string;
  /** Becomes the certificate's key and signs it. */
  readonly key: PrivateKey;
}

/** What {@link issueMember} puts into the certificate. */
export interface MemberOptions extends Validity {
  /** The authority's certificate, DER. */
  readonly authority: Bytes;
  /** The key of `authority`; another makes a certificate that does not verify. */
  readonly authorityKey: PrivateKey;
  /** Common name, 1 to 64 characters. */
  readonly name: string;
  /** The member's. */
  readonly publicKey: PublicKey;
}

/**
 * A self-signed CA certificate, DER.
 *
 * @throws VnfchainError `certificate-name` when the name is empty or too long.
 */
export async function createAuthority(options: AuthorityOptions): Promise<Bytes> {
  const subject = commonName(options.name);
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: subject,
    ...validityDates(options),
    publicKey: subjectPublicKeyInfo(options.key.publicKey),
    signingKey: await signingKey(options.key),
    signingAlgorithm: ED25519,
    extensions: [
      // Path length 0: this CA signs members and no further CA.
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      new SubjectKeyIdentifierExtension(keyIdentifier(options.key.publicKey)),
    ],
  });
  return new Uint8Array(certificate.rawData);
}

/**
 * A member's certificate under an authority of ours, DER.
 *
 * @throws VnfchainError `certificate-name` when the name is empty or too long, `certificate-authority` when
 *   `authority` is not the certificate of `authorityKey`.
 */
export async function issueMember(options: MemberOptions): Promise<Bytes> {
  refuseForeign(options);
  const certificate = await X509CertificateGenerator.create({
    subject: commonName(options.name),
    issuer: new X509Certificate(options.authority).subjectName,
    ...validityDates(options),
    publicKey: subjectPublicKeyInfo(options.publicKey),
    signingKey: await signingKey(options.authorityKey),
    signingAlgorithm: ED25519,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new SubjectKeyIdentifierExtension(keyIdentifier(options.publicKey)),
      new AuthorityKeyIdentifierExtension(keyIdentifier(options.authorityKey.publicKey)),
    ],
  });
  return new Uint8Array(certificate.rawData);
}

/**
 * A certificate signing request (PKCS#10, RFC 2986), DER, for a CA of somebody else's.
 *
 * @throws VnfchainError `certificate-name` when the name is empty or too long.
 */
export async function createSigningRequest(name: string, key: PrivateKey): Promise<Bytes> {
  const publicKey = await crypto.subtle.importKey("raw", key.publicKey, ED25519, true, ["verify"]);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: commonName(name),
    keys: { privateKey: await signingKey(key), publicKey },
    signingAlgorithm: ED25519,
  });
  return new Uint8Array(request.rawData);
}

/** A certificate signing request as PEM text. */
export function signingRequestToPem(der: Bytes): string {
  return PemConverter.encode(der, PemConverter.CertificateRequestTag) + "\n";
}

const ED25519 = { name: "Ed25519" };
/** RFC 5280 appendix A: ub-common-name. */
const COMMON_NAME_MAX = 64;

/** A certificate that names another key as its issuer's would only be found out by those who check it. */
function refuseForeign({ authority, authorityKey }: MemberOptions): void {
  const key = memberKeyOf(authority);
  if (key.ok && equal(key.value, authorityKey.publicKey)) return;
  throw new VnfchainError(
    "issuing a certificate: the authority's certificate is not that of the authority's key",
    {
      code: "certificate-authority",
      hint: "name the certificate and the key of one authority",
      exitCode: EXIT.usage,
    },
  );
}

/** RFC 7093 §2 (1): the leftmost 160 bits of the key's SHA-256, hexadecimal. */
function keyIdentifier(key: PublicKey): string {
  return toHex(platformCrypto.hash(key).subarray(0, 20));
}

/** Given as a structure: in a text, commas and equals signs in the name would make further attributes. */
function commonName(name: string): Name {
  const length = [...name].length;
  if (length < 1 || length > COMMON_NAME_MAX) {
    throw new VnfchainError(
      `making a certificate: the name has ${length} characters, wanted 1 to ${COMMON_NAME_MAX}`,
      {
        code: "certificate-name",
        hint: "give a shorter name",
        exitCode: EXIT.usage,
      },
    );
  }
  return new Name([{ CN: [{ utf8String: name }] }]);
}

function validityDates({ notBeforeMs, notAfterMs }: Validity): { notBefore: Date; notAfter: Date } {
  assert(notBeforeMs <= notAfterMs, "validity ends before it begins");
  return { notBefore: new Date(notBeforeMs), notAfter: new Date(notAfterMs) };
}

function signingKey(key: PrivateKey): Promise<CryptoKey> {
  return crypto.subtle.importKey("pkcs8", privateKeyToPkcs8(key), ED25519, false, ["sign"]);
}
