import { deepEqual, equal, notDeepEqual, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import type { PublicKey } from "../../../core/brands.ts";
import { type Bytes, concat, fromHex, toHex, utf8 } from "../../../core/bytes.ts";
import { platformCrypto, randomBytes } from "../../../core/platform/crypto.ts";
import { generatePrivateKey, privateKeyFromSeed } from "../../../core/platform/private_key.ts";
import table from "../../vectors/small_order_keys.json" with { type: "json" };
import { RFC_8032 } from "./rfc_8032.ts";

const hex = (text: string) => fromHex(text) as Bytes;
/** The order of the base point. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const toNumber = (bytes: Uint8Array) => BigInt("0x" + toHex(new Uint8Array(bytes).reverse()));
const toBytes = (value: bigint) => hex(value.toString(16).padStart(64, "0")).reverse();

Deno.test("platformCrypto.hash() gives SHA-256 (FIPS 180-2, appendix B)", () => {
  const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  const nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  equal(toHex(platformCrypto.hash(utf8("abc"))), abc);
  equal(toHex(platformCrypto.hash(new Uint8Array())), nothing);
});

for (const { name, publicKey, message, signature } of RFC_8032) {
  Deno.test(`platformCrypto.verify() accepts RFC 8032 §7.1 ${name}, and nothing that differs in one bit`, () => {
    const [key, text, signed] = [hex(publicKey) as PublicKey, hex(message), hex(signature)];
    ok(platformCrypto.verify(key, text, signed));
    for (let bit = 0; bit < 512; bit += 7) {
      const changed = signed.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      ok(!platformCrypto.verify(key, text, changed), `bit ${bit}`);
    }
    ok(!platformCrypto.verify(key, concat(text, new Uint8Array(1)), signed));
  });
}

Deno.test("platformCrypto.verify() refuses S at or above the group's order", () => {
  const key = generatePrivateKey();
  const message = utf8("message");
  const signature = key.sign(message);
  const s = toNumber(signature.subarray(32));
  for (let raised = s + L; raised < 2n ** 256n; raised += L) {
    ok(!platformCrypto.verify(key.publicKey, message, concat(signature.subarray(0, 32), toBytes(raised))));
  }
});

/** A signature whose R is a point of order 1, in the encoding given: only its encoding can be wrong. */
function signedWithIdentity(identity: Bytes): { key: PublicKey; message: Bytes; signature: Bytes } {
  const seed = new Uint8Array(32).fill(7);
  const { publicKey } = privateKeyFromSeed(seed);
  const message = utf8("message");
  const digest = createHash("sha512").update(concat(identity, publicKey, message)).digest();
  const s = toNumber(digest) % L * ed25519.utils.getExtendedPublicKey(seed).scalar % L;
  return { key: publicKey, message, signature: concat(identity, toBytes(s)) };
}

Deno.test("platformCrypto.verify() refuses R in another than its canonical form", () => {
  const canonical = signedWithIdentity(toBytes(1n));
  ok(platformCrypto.verify(canonical.key, canonical.message, canonical.signature), "the construction holds");
  for (const identity of [toBytes(2n ** 255n - 18n), toBytes(2n ** 255n + 1n), toBytes(2n ** 256n - 18n)]) {
    const { key, message, signature } = signedWithIdentity(identity);
    ok(!platformCrypto.verify(key, message, signature), toHex(identity));
  }
});

Deno.test("platformCrypto.verify() never throws, whatever the bytes", () => {
  const bytes = fc.uint8Array({ maxLength: 80 });
  const sized = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  fc.assert(
    fc.property(fc.oneof(bytes, sized(32)), bytes, fc.oneof(bytes, sized(64)), (key, message, signature) => {
      equal(platformCrypto.verify(key as Uint8Array as PublicKey, message, signature), false);
    }),
  );
});

Deno.test("platformCrypto.verify() does not throw on keys that are refused when parsed", () => {
  const keys = [...table.smallOrder.map(({ key }) => key), ...table.nonCanonical.map(({ key }) => key)];
  const signature = generatePrivateKey().sign(utf8("m"));
  for (const key of [...keys, ...table.notOnCurve]) {
    equal(platformCrypto.verify(hex(key) as PublicKey, utf8("m"), signature), false);
  }
});

Deno.test("platformCrypto.verify() tells keys apart after more of them than it remembers", () => {
  const first = generatePrivateKey();
  const message = utf8("message");
  const signature = first.sign(message);
  ok(platformCrypto.verify(first.publicKey, message, signature));
  let point = ed25519.Point.BASE;
  for (let i = 0; i < 4200; i++) {
    point = point.add(ed25519.Point.BASE);
    ok(!platformCrypto.verify(point.toBytes() as Bytes as PublicKey, message, signature));
  }
  ok(platformCrypto.verify(first.publicKey, message, signature));
});

Deno.test("randomBytes() gives as many as asked for, different each time", () => {
  for (const count of [0, 1, 32, 100_000]) equal(randomBytes(count).length, count);
  notDeepEqual(randomBytes(32), randomBytes(32));
  deepEqual(randomBytes(32).buffer.byteLength, 32); // no view into a pool that others share
});
