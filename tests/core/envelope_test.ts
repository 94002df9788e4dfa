/** The envelope's shape, and what derives from a content key. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { asHash, ZERO_HASH } from "../../core/brands.ts";
import { toHex, utf8 } from "../../core/bytes.ts";
import { type Cbor, encodeCbor } from "../../core/cbor.ts";
import {
  additionalData,
  asContentKey,
  commitmentTo,
  decodeEnvelope,
  encodeEnvelope,
  encryptionKey,
} from "../../core/envelope.ts";

const hash = (data: Uint8Array) => asHash(new Uint8Array(createHash("sha256").update(data).digest()));
const wrap: readonly Cbor[] = [new Uint8Array(32), new Uint8Array(48)];
const KEY = asContentKey(new Uint8Array(32).fill(1));

function codeOf(envelope: Cbor): string {
  const verdict = decodeEnvelope(encodeCbor(envelope));
  return verdict.ok ? "accepted" : verdict.code;
}

Deno.test("decodeEnvelope() gives back what encodeEnvelope() encoded", () => {
  const envelope = {
    version: 1 as const,
    commitment: ZERO_HASH,
    wraps: [{ enc: new Uint8Array(32).fill(1), wrapped: new Uint8Array(48).fill(2) }],
    ciphertext: new Uint8Array(20).fill(3),
  };
  assert.deepEqual(decodeEnvelope(encodeEnvelope(envelope)), { ok: true, value: envelope });
});

const rows: readonly (readonly [string, Cbor, string])[] = [
  ["accepts eight wraps", [1, ZERO_HASH, Array(8).fill(wrap), new Uint8Array(16)], "accepted"],
  ["refuses no wraps", [1, ZERO_HASH, [], new Uint8Array(16)], "envelope-format"],
  ["refuses nine wraps", [1, ZERO_HASH, Array(9).fill(wrap), new Uint8Array(16)], "envelope-format"],
  ["refuses version 2", [2, ZERO_HASH, [wrap], new Uint8Array(16)], "envelope-format"],
  ["refuses a short commitment", [1, new Uint8Array(31), [wrap], new Uint8Array(16)], "envelope-format"],
  [
    "refuses a short enc",
    [1, ZERO_HASH, [[new Uint8Array(31), wrap[1] as Cbor]], ZERO_HASH],
    "envelope-format",
  ],
  ["refuses a long wrap", [1, ZERO_HASH, [[ZERO_HASH, new Uint8Array(49)]], ZERO_HASH], "envelope-format"],
  ["refuses a fifth element", [1, ZERO_HASH, [wrap], new Uint8Array(16), null], "envelope-format"],
  ["refuses a map", new Map(), "envelope-format"],
];
for (const [what, envelope, code] of rows) {
  Deno.test(`decodeEnvelope() ${what}`, () => assert.equal(codeOf(envelope), code));
}

Deno.test("the AES key and the commitment derive from the content key under tags of their own", () => {
  const expected = (tag: string) => createHash("sha256").update(tag).update(KEY).digest("hex");
  assert.equal(toHex(encryptionKey(hash, KEY)), expected("vnfchain/content-encryption/1\0"));
  assert.equal(toHex(commitmentTo(hash, KEY)), expected("vnfchain/content-commitment/1\0"));
});

Deno.test("additionalData() is the tag, then the context", () => {
  assert.deepEqual(additionalData(utf8("header")), utf8("vnfchain/envelope/1\0header"));
});
