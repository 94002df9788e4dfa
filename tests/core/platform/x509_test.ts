import { deepEqual, equal, ok } from "node:assert/strict";
import { type Bytes, concat, equal as sameBytes, toHex, utf8 } from "../../../core/bytes.ts";
import type { Verdict } from "../../../core/errors.ts";
import { LIMITS } from "../../../core/limits.ts";
import type { PublicKey } from "../../../core/brands.ts";
import { generatePrivateKey } from "../../../core/platform/private_key.ts";
import {
  certificateFromPem,
  certificateToPem,
  checkMember,
  memberKeyOf,
} from "../../../core/platform/x509.ts";
import { createAuthority, issueMember } from "../../../core/platform/x509_issue.ts";
import vectors from "../../vectors/x509_openssl.json" with { type: "json" };

const fromBase64 = (text: string): Bytes => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const DAY_MS = 24 * 60 * 60 * 1000;
const NOW_MS = 1_800_000_000_000;

function vector(name: string): { certificate: Bytes; authority: Bytes; atMs: number } {
  const found = vectors.cases.find((one) => one.name === name);
  ok(found, name);
  return {
    certificate: fromBase64(found.certificate),
    authority: fromBase64(found.authority),
    atMs: vectors.atMs,
  };
}

function refused(verdict: Verdict<PublicKey>, detail: RegExp): void {
  ok(!verdict.ok, "accepted");
  equal(verdict.code, "federation-certificate");
  ok(detail.test(verdict.detail), verdict.detail);
}

const accepted = [
  "ed25519",
  "ecdsa-p256-sha256",
  "ecdsa-p384-sha384",
  "ecdsa-p521-sha512",
  "rsa-sha256",
  "rsa-sha512",
  "rsa-pss-sha256",
  "member-web-server",
];
for (const name of accepted) {
  Deno.test(`checkMember() accepts openssl's ${name}, and nothing that differs in one bit of the signature`, async () => {
    const check = vector(name);
    const verdict = await checkMember(check);
    ok(verdict.ok, JSON.stringify(verdict));
    equal(toHex(verdict.value), vectors.memberKey);
    const changed = check.certificate.slice();
    changed[changed.length - 5] = (changed[changed.length - 5] as number) ^ 1;
    refused(await checkMember({ ...check, certificate: changed }), /does not verify|cannot be read/);
  });
}

const refusedCases: Record<string, RegExp> = {
  "rsa-sha1": /signed by RSASSA-PKCS1-v1_5 with SHA-1/,
  "ecdsa-secp256k1": /does not verify/,
  "ed448": /does not verify/,
  "no-ca": /no CA certificate/,
  "not-for-certificates": /not for signing certificates/,
  "name-constraints": /authority.* critical extension not known here: 2\.5\.29\.30/,
  "member-is-ca": /it is a CA's/,
  "member-critical": /it has a critical extension not known here: 1\.2\.3\.4/,
  "member-not-for-signing": /not for signing/,
  "member-rsa": /no Ed25519 key/,
};
for (const [name, detail] of Object.entries(refusedCases)) {
  Deno.test(`checkMember() refuses openssl's ${name}`, async () =>
    refused(await checkMember(vector(name)), detail));
}

Deno.test("the tests name every certificate of the vectors", () => {
  deepEqual(vectors.cases.map(({ name }) => name).sort(), [...accepted, ...Object.keys(refusedCases)].sort());
});

async function ourCase() {
  const [authorityKey, member] = [generatePrivateKey(), generatePrivateKey()];
  const validity = { notBeforeMs: NOW_MS, notAfterMs: NOW_MS + 10 * DAY_MS };
  const authority = await createAuthority({ name: "authority", key: authorityKey, ...validity });
  const certificate = await issueMember({
    authority,
    authorityKey,
    name: "node-1",
    publicKey: member.publicKey,
    notBeforeMs: NOW_MS + DAY_MS,
    notAfterMs: NOW_MS + 20 * DAY_MS,
  });
  return { authority, authorityKey, certificate, member };
}
const ours = await ourCase();

Deno.test("checkMember() accepts what issueMember() makes", async () => {
  const verdict = await checkMember({ ...ours, atMs: NOW_MS + 2 * DAY_MS });
  ok(verdict.ok, JSON.stringify(verdict));
  deepEqual(verdict.value, ours.member.publicKey);
});

Deno.test("checkMember() refuses one millisecond before a certificate's time and after its last second", async () => {
  const at = (atMs: number) => checkMember({ ...ours, atMs });
  refused(await at(NOW_MS + DAY_MS - 1), /certificate: it is valid from/);
  ok((await at(NOW_MS + DAY_MS)).ok);
  ok((await at(NOW_MS + 10 * DAY_MS + 999)).ok);
  refused(await at(NOW_MS + 10 * DAY_MS + 1000), /the authority's certificate is valid from/);
  refused(await at(NOW_MS - 1), /the authority's certificate is valid from/);
  const late = { ...ours, authority: await longAuthority() };
  refused(await checkMember({ ...late, atMs: NOW_MS + 20 * DAY_MS + 1000 }), /certificate: it is valid from/);
});

function longAuthority(): Promise<Bytes> {
  const key = ours.authorityKey;
  return createAuthority({ name: "authority", key, notBeforeMs: 0, notAfterMs: NOW_MS + 3650 * DAY_MS });
}

Deno.test("checkMember() refuses the certificate of another authority with the same name", async () => {
  const validity = { notBeforeMs: NOW_MS, notAfterMs: NOW_MS + 10 * DAY_MS };
  const authority = await createAuthority({ name: "authority", key: generatePrivateKey(), ...validity });
  const atMs = NOW_MS + 2 * DAY_MS;
  refused(await checkMember({ ...ours, authority, atMs }), /does not verify/);
});

Deno.test("checkMember() refuses an authority with the right key and another name", async () => {
  const validity = { notBeforeMs: NOW_MS, notAfterMs: NOW_MS + 10 * DAY_MS };
  const authority = await createAuthority({ name: "other", key: ours.authorityKey, ...validity });
  const atMs = NOW_MS + 2 * DAY_MS;
  refused(await checkMember({ ...ours, authority, atMs }), /another name/);
});

Deno.test("checkMember() refuses the authority itself and a self-signed certificate as a member", async () => {
  const atMs = NOW_MS + 2 * DAY_MS;
  refused(await checkMember({ ...ours, certificate: ours.authority, atMs }), /it is a CA's/);
  refused(await checkMember({ ...ours, authority: ours.certificate, atMs }), /no CA certificate/);
});

const notDer: Record<string, Uint8Array> = {
  "nothing": new Uint8Array(),
  "one byte": new Uint8Array([0x30]),
  "a trailing byte": concat(ours.certificate, new Uint8Array(1)),
  "a cut end": ours.certificate.subarray(0, -1),
  "PEM": utf8(certificateToPem(ours.certificate)),
  "base64": utf8(btoa(String.fromCharCode(...ours.certificate))),
  "indefinite length": new Uint8Array([0x30, 0x80, 0, 0]),
  "an empty sequence": new Uint8Array([0x30, 2, 5, 0]),
  "deep nesting": nested(16_000),
  "more bytes than the limit": concat(ours.certificate, new Uint8Array(LIMITS.x509Bytes)),
};
for (const [what, bytes] of Object.entries(notDer)) {
  Deno.test(`checkMember() and memberKeyOf() refuse ${what}`, async () => {
    const atMs = NOW_MS + 2 * DAY_MS;
    refused(memberKeyOf(bytes), /it is no X\.509/);
    refused(await checkMember({ ...ours, certificate: bytes, atMs }), /it is no X\.509/);
    refused(await checkMember({ ...ours, authority: bytes, atMs }), /the authority's is no X\.509/);
  });
}

/** Sequences in each other, each declaring the bytes that remain. */
function nested(length: number): Bytes {
  const bytes = new Uint8Array(length);
  for (let at = 0; at + 4 <= length; at += 4) {
    bytes.set([0x30, 0x82, (length - at - 4) >> 8, (length - at - 4) & 0xff], at);
  }
  return bytes;
}

Deno.test("checkMember() takes no certificate with any one byte changed, and never throws", async () => {
  const atMs = NOW_MS + 2 * DAY_MS;
  for (let at = 0; at < ours.certificate.length; at++) {
    const certificate = ours.certificate.slice();
    certificate[at] = (certificate[at] as number) ^ 0x55;
    const verdict = await checkMember({ authority: ours.authority, certificate, atMs });
    ok(!verdict.ok, `byte ${at}`);
    equal(verdict.code, "federation-certificate");
    memberKeyOf(certificate);
  }
});

Deno.test("checkMember() never throws, whichever byte of the authority is changed", async () => {
  const atMs = NOW_MS + 2 * DAY_MS;
  for (let at = 0; at < ours.authority.length; at++) {
    const authority = ours.authority.slice();
    authority[at] = (authority[at] as number) ^ 0x55;
    await checkMember({ certificate: ours.certificate, authority, atMs });
  }
});

Deno.test("memberKeyOf() gives the key of a certificate that it does not judge", () => {
  const verdict = memberKeyOf(vector("member-is-ca").certificate);
  ok(verdict.ok);
  equal(toHex(verdict.value), vectors.memberKey);
  refused(memberKeyOf(vector("member-rsa").certificate), /no Ed25519 key/);
});

Deno.test("memberKeyOf() refuses a key of small order", () => {
  const at = ours.certificate.findIndex((_, i) =>
    sameBytes(ours.certificate.subarray(i, i + 32), ours.member.publicKey)
  );
  ok(at > 0);
  const certificate = ours.certificate.slice();
  certificate.set(new Uint8Array(32), at);
  refused(memberKeyOf(certificate), /full order/);
});

Deno.test("certificateFromPem() reads what certificateToPem() writes, and text around it", () => {
  const pem = certificateToPem(ours.certificate);
  deepEqual(certificateFromPem(pem), ours.certificate);
  deepEqual(certificateFromPem(`Certificate:\n    Data: x\n${pem}\nend\n`), ours.certificate);
  deepEqual(certificateFromPem(pem.replaceAll("\n", "\r\n")), ours.certificate);
});

Deno.test("certificateFromPem() refuses none, several, and what is no certificate", () => {
  const pem = certificateToPem(ours.certificate);
  equal(certificateFromPem(""), undefined);
  equal(certificateFromPem(pem + certificateToPem(ours.authority)), undefined);
  equal(certificateFromPem(pem.replaceAll("CERTIFICATE", "PUBLIC KEY")), undefined);
  equal(certificateFromPem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), undefined);
  equal(certificateFromPem(pem.replace("-----END CERTIFICATE-----", "")), undefined);
});
