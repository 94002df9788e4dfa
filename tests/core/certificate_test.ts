import assert from "node:assert/strict";
import { asHash, asHeight, asRound, type Signature } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import {
  type Certificate,
  certificateHash,
  certificateShape,
  commitMessage,
  makeCertificate,
  signersOf,
  verifyCertificate,
} from "../../core/certificate.ts";
import { platformCrypto as crypto } from "../../core/platform/crypto.ts";
import { decodeShape, encodeShape } from "../../core/shape.ts";
import { memberKey, testFederation } from "../support/federation.ts";

const federation = testFederation(4);
const subject = { height: asHeight(9), round: asRound(2), blockHash: asHash(new Uint8Array(32).fill(5)) };
const block = { height: subject.height, hash: subject.blockHash };

function votes(members: readonly number[], about = subject): ReadonlyMap<number, Signature> {
  const message = commitMessage(federation, about);
  return new Map(members.map((index) => [index, memberKey(index).sign(message)]));
}

function verify(certificate: Certificate, changes: { height?: number; federation?: typeof federation } = {}) {
  const verdict = verifyCertificate(certificate, {
    federation: changes.federation ?? federation,
    block: { ...block, height: asHeight(changes.height ?? block.height) },
    crypto,
  });
  return verdict.ok ? "accepted" : verdict.code;
}

const good = makeCertificate(federation, { subject, votes: votes([3, 0, 1]) });
const [first, second, third] = good.signatures;
assert(first !== undefined && second !== undefined && third !== undefined);

Deno.test("makeCertificate() puts signatures in order of member index and marks the signers", () => {
  assert.deepEqual([...good.bitmap], [0b1011]);
  assert.deepEqual(signersOf(good.bitmap, 4), [0, 1, 3]);
  assert.equal(toHex(first), toHex(memberKey(0).sign(commitMessage(federation, subject))));
});

Deno.test("verifyCertificate() accepts a quorum, and all members", () => {
  assert.equal(verify(good), "accepted");
  assert.equal(verify(makeCertificate(federation, { subject, votes: votes([0, 1, 2, 3]) })), "accepted");
});

const rejects: readonly (readonly [string, Certificate, string])[] = [
  [
    "one signature less than a quorum",
    makeCertificate(federation, { subject, votes: votes([0, 3]) }),
    "certificate-quorum",
  ],
  ["a signature that stands twice", { ...good, signatures: [first, first, third] }, "certificate-signature"],
  ["signatures in another order", { ...good, signatures: [second, first, third] }, "certificate-signature"],
  ["more bits than signatures", { ...good, bitmap: new Uint8Array([0b1111]) }, "certificate-format"],
  ["fewer bits than signatures", { ...good, bitmap: new Uint8Array([0b0011]) }, "certificate-format"],
  ["a bit beyond the members", { ...good, bitmap: new Uint8Array([0b10011]) }, "certificate-format"],
  ["a bitmap of another length", { ...good, bitmap: new Uint8Array([0b1011, 0]) }, "certificate-format"],
  ["another member's bit", { ...good, bitmap: new Uint8Array([0b0111]) }, "certificate-signature"],
  ["another round", { ...good, round: asRound(3) }, "certificate-signature"],
  ["another height", { ...good, height: asHeight(8) }, "certificate-mismatch"],
  ["another block", { ...good, blockHash: asHash(new Uint8Array(32)) }, "certificate-mismatch"],
  ["a round beyond the limit", { ...good, round: asRound(2 ** 30) }, "certificate-format"],
];

for (const [name, certificate, code] of rejects) {
  Deno.test(`verifyCertificate() refuses ${name} with ${code}`, () =>
    assert.equal(verify(certificate), code));
}

Deno.test("verifyCertificate() refuses a certificate of another federation", () => {
  const other = testFederation(4, { heartbeatMs: 1 });
  assert.equal(verify(good, { federation: other }), "certificate-signature");
});

Deno.test("verifyCertificate() refuses a certificate for another height's block", () => {
  assert.equal(verify(good, { height: 10 }), "certificate-mismatch");
});

Deno.test("certificateHash() depends on which members signed", () => {
  const all = makeCertificate(federation, { subject, votes: votes([0, 1, 2, 3]) });
  assert.notEqual(toHex(certificateHash(crypto.hash, all)), toHex(certificateHash(crypto.hash, good)));
});

Deno.test("a certificate is the same after encoding and decoding", () => {
  const format = { what: "certificate", code: "certificate-format" } as const;
  const decoded = decodeShape(certificateShape, encodeShape(certificateShape, good), format);
  assert(decoded.ok);
  assert.deepEqual(decoded.value, good);
});
