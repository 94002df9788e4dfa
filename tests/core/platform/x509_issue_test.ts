import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import type { Bytes } from "../../../core/bytes.ts";
import { VnfchainError } from "../../../core/errors.ts";
import { generatePrivateKey } from "../../../core/platform/private_key.ts";
import {
  certificateFromPem,
  certificateToPem,
  checkMember,
  memberKeyOf,
} from "../../../core/platform/x509.ts";
import {
  createAuthority,
  createSigningRequest,
  issueMember,
  signingRequestToPem,
} from "../../../core/platform/x509_issue.ts";
import { HAS_OPENSSL, openssl } from "../../support/openssl.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const DAY_MS = 24 * 60 * 60 * 1000;
/** Behind and ahead of any clock that runs the tests. */
const VALIDITY = { notBeforeMs: 0, notAfterMs: Date.UTC(2200, 0) };
const authorityKey = generatePrivateKey();
const member = generatePrivateKey();
const authority = await createAuthority({ name: "Ünïon, O=vnfchain", key: authorityKey, ...VALIDITY });
const certificate = await issueMember({
  authority,
  authorityKey,
  name: "#0500",
  publicKey: member.publicKey,
  ...VALIDITY,
});

Deno.test("createAuthority() and issueMember() give a new serial number each time", async () => {
  const again = await createAuthority({ name: "Ünïon, O=vnfchain", key: authorityKey, ...VALIDITY });
  ok(text(again) !== text(authority));
});

Deno.test("createAuthority() and issueMember() refuse a name that is empty or longer than 64 characters", async () => {
  const wrong = (error: unknown) => error instanceof VnfchainError && error.code === "certificate-name";
  const options = { authority, authorityKey, publicKey: member.publicKey, ...VALIDITY };
  for (const name of ["", "é".repeat(65)]) {
    await rejects(createAuthority({ name, key: authorityKey, ...VALIDITY }), wrong);
    await rejects(issueMember({ name, ...options }), wrong);
    await rejects(createSigningRequest(name, member), wrong);
  }
  ok((await issueMember({ name: "é".repeat(64), ...options })).length > 0);
});

Deno.test("issueMember() refuses a certificate that is not that of the authority's key", async () => {
  const wrong = (error: unknown) => error instanceof VnfchainError && error.code === "certificate-authority";
  const options = { name: "n", publicKey: member.publicKey, ...VALIDITY };
  await rejects(issueMember({ authority, authorityKey: member, ...options }), wrong);
  await rejects(issueMember({ authority: new Uint8Array(9), authorityKey, ...options }), wrong);
});

Deno.test({
  name: "openssl verifies what issueMember() makes under what createAuthority() makes, by strict rules",
  ignore: !HAS_OPENSSL,
  fn: async () => {
    await using directory = await temporaryDirectory();
    const [ca, leaf] = [directory.file("ca.pem"), directory.file("leaf.pem")];
    await Deno.writeTextFile(ca, certificateToPem(authority));
    await Deno.writeTextFile(leaf, certificateToPem(certificate));
    match(text(openssl("verify", "-x509_strict", "-check_ss_sig", "-CAfile", ca, leaf)), /: OK/);
    const shown = text(
      openssl("x509", "-in", leaf, "-noout", "-subject", "-issuer", "-nameopt", "utf8,sep_multiline"),
    );
    match(shown, /subject=\s+CN=#0500\nissuer=\s+CN=Ünïon, O=vnfchain\n/);
  },
});

Deno.test({
  name: "openssl issues a certificate on createSigningRequest(), which checkMember() accepts",
  ignore: !HAS_OPENSSL,
  fn: async () => {
    await using directory = await temporaryDirectory();
    const [request, caKey, ca] = ["request.pem", "ca.key", "ca.pem"].map(directory.file) as [
      string,
      string,
      string,
    ];
    await Deno.writeTextFile(request, signingRequestToPem(await createSigningRequest("node-1", member)));
    openssl("req", "-in", request, "-verify", "-noout");
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", caKey);
    openssl("req", "-x509", "-new", "-key", caKey, "-subj", "/CN=ca", "-days", "3", "-out", ca);
    const issued = openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", caKey, "-days", "2");
    const der = (pem: string): Bytes => {
      const found = certificateFromPem(pem);
      ok(found);
      return found;
    };
    const verdict = await checkMember({
      certificate: der(text(issued)),
      authority: der(await Deno.readTextFile(ca)),
      atMs: Date.now() + DAY_MS,
    });
    ok(verdict.ok, JSON.stringify(verdict));
    deepEqual(verdict.value, member.publicKey);
  },
});

Deno.test("memberKeyOf() reads the key of an authority of ours too", () => {
  const verdict = memberKeyOf(authority);
  ok(verdict.ok);
  equal(text(verdict.value), text(authorityKey.publicKey));
});
