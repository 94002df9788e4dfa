import { deepEqual, equal, match, ok } from "node:assert/strict";
import { bech32, bech32m } from "@scure/base";
import { ed25519 } from "@noble/curves/ed25519.js";
import { type Bytes, fromHex } from "../../core/bytes.ts";
import { parsePublicKey, publicKeyFromText, publicKeyToText } from "../../core/keys.ts";
import table from "../vectors/small_order_keys.json" with { type: "json" };

const hex = (text: string) => fromHex(text) as Bytes;
/** The public key of RFC 8032 §7.1 TEST 1. */
const KEY = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
const key = parsePublicKey(KEY);
const text = key === undefined ? "" : publicKeyToText(key);

Deno.test("parsePublicKey() takes a key, again as well", () => {
  deepEqual(parsePublicKey(KEY), KEY);
  deepEqual(parsePublicKey(KEY), KEY);
});

for (const { key, order } of table.smallOrder) {
  Deno.test(`parsePublicKey() refuses the point of order ${order} ${key}`, () => {
    equal(parsePublicKey(hex(key)), undefined);
    equal(parsePublicKey(hex(key)), undefined); // nor when it was seen before
  });
}

for (const { key, why } of table.nonCanonical) {
  Deno.test(`parsePublicKey() refuses ${key}: ${why}`, () => equal(parsePublicKey(hex(key)), undefined));
}

for (const key of table.notOnCurve) {
  Deno.test(`parsePublicKey() refuses ${key}: not on the curve`, () => {
    equal(parsePublicKey(hex(key)), undefined);
  });
}

Deno.test("parsePublicKey() refuses other lengths", () => {
  for (const length of [0, 31, 33, 64]) equal(parsePublicKey(new Uint8Array(length).fill(1)), undefined);
});

Deno.test("parsePublicKey() keeps refusing and taking after more keys than it remembers", () => {
  const point = ed25519.Point.BASE;
  let sum = point;
  for (let i = 0; i < 5000; i++) {
    sum = sum.add(point);
    if (i % 1000 === 0) ok(parsePublicKey(sum.toBytes() as Bytes));
  }
  deepEqual(parsePublicKey(KEY), KEY);
  equal(parsePublicKey(hex(table.smallOrder[0]?.key ?? "")), undefined);
});

Deno.test("publicKeyToText() writes vc1 and 58 characters, which publicKeyFromText() reads", () => {
  match(text, /^vc1[02-9ac-hj-np-z]{58}$/);
  deepEqual(publicKeyFromText(text), KEY);
});

Deno.test("publicKeyFromText() takes all upper case, as BIP 173 wants, and refuses mixed case", () => {
  deepEqual(publicKeyFromText(text.toUpperCase()), KEY);
  equal(publicKeyFromText(text.slice(0, -1) + text.slice(-1).toUpperCase() + "Q"), undefined);
  equal(publicKeyFromText("VC" + text.slice(2)), undefined);
});

Deno.test("publicKeyFromText() refuses every change of one character", () => {
  const letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
  for (let i = 3; i < text.length; i++) {
    const other = letters[(letters.indexOf(text[i] as string) + 1 + i % 31) % 32] as string;
    equal(publicKeyFromText(text.slice(0, i) + other + text.slice(i + 1)), undefined, `character ${i}`);
  }
});

const encoded = (prefix: string, bytes: Uint8Array) => bech32.encode(prefix, bech32.toWords(bytes));
const wrongTexts = {
  "another prefix": encoded("vd", KEY),
  "a longer prefix": encoded("vcc", KEY),
  "31 bytes": encoded("vc", KEY.subarray(1)),
  "33 bytes": encoded("vc", new Uint8Array([...KEY, 0])),
  "the checksum of bech32m": bech32m.encode("vc", bech32m.toWords(KEY)),
  "padding that is not zero": bech32.encode("vc", bech32.toWords(KEY).with(-1, 31)),
  "a superfluous word": bech32.encode("vc", [...bech32.toWords(KEY), 0]),
  "a key of small order": encoded("vc", hex(table.smallOrder[0]?.key ?? "")),
  "a key not in canonical form": encoded("vc", hex(table.nonCanonical[0]?.key ?? "")),
  "a cut text": text.slice(0, -1),
  "a text with a character more": text + "q",
  "surrounding space": ` ${text}`,
  "a line feed": `${text}\n`,
  "nothing": "",
  "the prefix alone": "vc1",
  "hexadecimal digits": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
  "100,000 characters": "vc1" + "q".repeat(100_000),
};
for (const [what, wrong] of Object.entries(wrongTexts)) {
  Deno.test(`publicKeyFromText() refuses ${what}`, () => equal(publicKeyFromText(wrong), undefined));
}
