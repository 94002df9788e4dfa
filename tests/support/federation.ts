/**
 * Federations for tests, with the keys that their members would keep secret. Certificates are empty unless a test
 * looks at X.509.
 *
 * @module
 */
import { blockHash, type Header } from "../../core/block.ts";
import { asRound, ZERO_HASH } from "../../core/brands.ts";
import { type Certificate, commitMessage, makeCertificate } from "../../core/certificate.ts";
import {
  DEFAULT_PARAMETERS,
  type Federation,
  type FederationDocument,
  federationOf,
  type Member,
  type Parameters,
} from "../../core/federation.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { generatePrivateKey, type PrivateKey } from "../../core/platform/private_key.ts";
import { createAuthority, issueMember, type Validity } from "../../core/platform/x509_issue.ts";
import { testKey } from "./keys.ts";

/** A federation with its members' private keys. */
export interface TestFederation {
  readonly federation: Federation;
  /** In the members' order. */
  readonly keys: readonly PrivateKey[];
}

/** What a federation is made of. */
export interface FederationOptions {
  /** Members; 1 when left out. */
  readonly size?: number;
  readonly parameters?: Partial<Parameters>;
  /** Time of the first document; a minute ago when left out. */
  readonly timeMs?: number;
  /** The members' keys; new ones when left out. */
  readonly keys?: readonly PrivateKey[];
}

/** Makes a federation whose certificates are empty. */
export function makeFederation(options: FederationOptions = {}): TestFederation {
  const keys = options.keys ?? Array.from({ length: options.size ?? 1 }, generatePrivateKey);
  return { federation: federationOf(platformCrypto.hash, documentOf(keys, options)), keys };
}

const DAY_MS = 86_400_000;

/** A federation with real certificates, and whoever issues them. */
export interface CertifiedFederation extends TestFederation {
  /** A certificate for another member, in DER; valid as the first ones unless told otherwise. */
  readonly issue: (
    member: Pick<Member, "name" | "key">,
    validity?: Partial<Validity>,
  ) => Promise<Member["certificate"]>;
}

/** Makes a federation with an authority and real certificates, valid for a day before and after its time. */
export async function certifiedFederation(options: FederationOptions = {}): Promise<CertifiedFederation> {
  const { federation: { document }, keys } = makeFederation(options);
  const validity = { notBeforeMs: document.time - DAY_MS, notAfterMs: document.time + DAY_MS };
  const authorityKey = generatePrivateKey();
  const authority = await createAuthority({ name: "authority", key: authorityKey, ...validity });
  const issue: CertifiedFederation["issue"] = ({ name, key: publicKey }, other = {}) =>
    issueMember({ authority, authorityKey, name, publicKey, ...validity, ...other });
  const members = await Promise.all(
    document.members.map(async (member) => ({ ...member, certificate: await issue(member) })),
  );
  return { federation: federationOf(platformCrypto.hash, { ...document, authority, members }), keys, issue };
}

function documentOf(
  keys: readonly PrivateKey[],
  { parameters, timeMs = Date.now() - 60_000 }: FederationOptions,
): FederationDocument {
  return {
    version: 1,
    genesisId: ZERO_HASH,
    sequence: 0,
    previous: ZERO_HASH,
    time: timeMs,
    name: "test",
    authority: new Uint8Array(),
    members: keys.map(({ publicKey }, index) => ({
      name: `member-${index}`,
      key: publicKey,
      certificate: new Uint8Array(),
      peerAddress: `127.0.0.1:${7000 + index}`,
      apiUrl: `http://127.0.0.1:${8000 + index}`,
    })),
    parameters: { ...DEFAULT_PARAMETERS, ...parameters },
  };
}

/** The time of {@link testFederation}'s document, in milliseconds. */
export const GENESIS_MS = 1_800_000_000_000;

/** The key of the member at `index` of a {@link testFederation}. */
export function memberKey(index: number): PrivateKey {
  return testKey(`member ${index}`);
}

/** A federation of `n` members that is the same at every run. */
export function testFederation(n: number, parameters: Partial<Parameters> = {}): Federation {
  const keys = Array.from({ length: n }, (_, index) => memberKey(index));
  return makeFederation({ keys, parameters, timeMs: GENESIS_MS }).federation;
}

/** Certifies a header by the first quorum, by that many first members, or by those at these indexes. */
export function certify(
  { federation, keys }: TestFederation,
  { header, round = 0, signers = federation.quorum }: {
    readonly header: Header;
    readonly round?: number;
    readonly signers?: number | readonly number[] | undefined;
  },
): Certificate {
  const subject = {
    height: header.height,
    round: asRound(round),
    blockHash: blockHash(platformCrypto.hash, header),
  };
  const message = commitMessage(federation, subject);
  const indexes = typeof signers === "number" ? Array.from({ length: signers }, (_, i) => i) : signers;
  const votes = new Map(indexes.map((index) => [index, (keys[index] as PrivateKey).sign(message)]));
  return makeCertificate(federation, { subject, votes });
}
