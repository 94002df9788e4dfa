/**
 * The codec against RFC 8949, against vectors of another implementation, and against bytes made to break it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { concat, fromHex, toHex } from "../../core/bytes.ts";
import { type Cbor, type CborMap, decodeCbor, encodeCbor } from "../../core/cbor.ts";
import { AssertionError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";

function hex(text: string): Uint8Array {
  return fromHex(text) ?? assert.fail(`not hexadecimal: ${text}`);
}

function decoded(bytes: Uint8Array): Cbor {
  const verdict = decodeCbor(bytes);
  assert.ok(verdict.ok, verdict.ok ? "" : `${toHex(bytes.subarray(0, 40))}: ${verdict.detail}`);
  return verdict.value;
}

function assertRefused(bytes: Uint8Array, why: string): void {
  const verdict = decodeCbor(bytes);
  assert.ok(!verdict.ok, `${why}: ${toHex(bytes.subarray(0, 40))} was taken`);
  assert.equal(verdict.code, "cbor");
}

/** Fails unless both directions hold. */
function assertRoundTrip(value: Cbor, bytes: Uint8Array): void {
  assert.equal(toHex(encodeCbor(value)), toHex(bytes));
  assert.deepEqual(decoded(bytes), value);
}

const map = (...entries: readonly (readonly [string, Cbor])[]): CborMap => new Map(entries);

// RFC 8949, Appendix A: the examples within the subset
const APPENDIX_A: readonly (readonly [string, Cbor])[] = [
  ["00", 0],
  ["01", 1],
  ["0a", 10],
  ["17", 23],
  ["1818", 24],
  ["1819", 25],
  ["1864", 100],
  ["1903e8", 1000],
  ["1a000f4240", 1000000],
  ["1b000000e8d4a51000", 1000000000000],
  ["f4", false],
  ["f5", true],
  ["f6", null],
  ["40", new Uint8Array(0)],
  ["4401020304", new Uint8Array([1, 2, 3, 4])],
  ["60", ""],
  ["6161", "a"],
  ["6449455446", "IETF"],
  ["62225c", '"\\'],
  ["62c3bc", "\u00fc"],
  ["63e6b0b4", "\u6c34"],
  ["64f0908591", "\ud800\udd51"],
  ["80", []],
  ["83010203", [1, 2, 3]],
  ["8301820203820405", [1, [2, 3], [4, 5]]],
  ["98190102030405060708090a0b0c0d0e0f101112131415161718181819", Array.from({ length: 25 }, (_, i) => i + 1)],
  ["a0", map()],
  ["a26161016162820203", map(["a", 1], ["b", [2, 3]])],
  ["826161a161626163", ["a", map(["b", "c"])]],
  [
    "a56161614161626142616361436164614461656145",
    map(...[..."abcde"].map((c) => [c, c.toUpperCase()] as const)),
  ],
];

// RFC 8949, Appendix A: all others
const APPENDIX_A_REFUSED = [
  "1bffffffffffffffff c249010000000000000000 3bffffffffffffffff c349010000000000000000 20 29 3863 3903e7",
  "f90000 f98000 f93c00 fb3ff199999999999a f93e00 f97bff fa47c35000 fa7f7fffff fb7e37e43c8800759c f90001",
  "f90400 f9c400 fbc010666666666666 f97c00 f97e00 f9fc00 fa7f800000 fa7fc00000 faff800000",
  "fb7ff0000000000000 fb7ff8000000000000 fbfff0000000000000 f7 f0 f8ff",
  "c074323031332d30332d32315432303a30343a30305a c11a514b67b0 c1fb41d452d9e8200000",
  "d74401020304 d818456449455446 d82076687474703a2f2f7777772e6578616d706c652e636f6d",
  "a201020304 5f42010243030405ff 7f657374726561646d696e67ff 9fff 9f018202039f0405ffff 9f01820203820405ff",
  "83018202039f0405ff 83019f0203ff820405 9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff",
  "bf61610161629f0203ffff 826161bf61626163ff bf6346756ef563416d7421ff",
].flatMap((line) => line.split(" "));

Deno.test("the codec round-trips the examples of RFC 8949 that are in the subset", () => {
  for (const [bytes, value] of APPENDIX_A) assertRoundTrip(value, hex(bytes));
});

Deno.test("decodeCbor() refuses the examples of RFC 8949 that are not in the subset", () => {
  for (const bytes of APPENDIX_A_REFUSED) assertRefused(hex(bytes), "Appendix A");
});

type JsonValue = number | string | boolean | null | JsonValue[] | { bytes: string } | {
  map: [string, JsonValue][];
};

interface Vectors {
  readonly accept: readonly { readonly hex: string; readonly value: JsonValue }[];
  readonly refuse: readonly { readonly hex: string; readonly why: string }[];
}

const vectors = JSON.parse(
  readFileSync(new URL("../vectors/cbor.json", import.meta.url), "utf8"),
) as Vectors;

function fromJson(value: JsonValue): Cbor {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(fromJson);
  if ("bytes" in value) return hex(value.bytes);
  return new Map(value.map.map(([key, item]) => [key, fromJson(item)]));
}

Deno.test("the codec agrees with cbor2 on canonical encodings", () => {
  assert.ok(vectors.accept.length > 100);
  for (const { hex: bytes, value } of vectors.accept) assertRoundTrip(fromJson(value), hex(bytes));
});

Deno.test("decodeCbor() refuses the vectors outside the subset", () => {
  assert.ok(vectors.refuse.length > 100);
  for (const { hex: bytes, why } of vectors.refuse) assertRefused(hex(bytes), why);
});

Deno.test("decodeCbor() refuses huge declared lengths without allocating them", () => {
  for (
    const bytes of ["9b00000000ffffffff", "5b0000001000000000", "7b0000001000000000", "bb00000000ffffffff"]
  ) {
    assertRefused(hex(bytes), "declared length");
  }
});

Deno.test("decodeCbor() refuses 200,000 nested arrays", () => {
  assertRefused(new Uint8Array(200_000).fill(0x81), "depth");
});

Deno.test("decodeCbor() refuses 200,000 nested maps", () => {
  assertRefused(Uint8Array.from({ length: 400_000 }, (_, i) => i % 2 === 0 ? 0xa1 : 0x60), "depth");
});

Deno.test("decodeCbor() refuses nested headers that each declare the bytes remaining", () => {
  for (const major of [0x9a, 0xba]) {
    const bytes = new Uint8Array(100_000);
    for (let i = 0; i < LIMITS.cborDepth; i++) {
      bytes[5 * i] = major;
      new DataView(bytes.buffer).setUint32(5 * i + 1, bytes.length - 5 * (i + 1));
    }
    assertRefused(bytes, "one budget for the whole message");
  }
});

/** An array header of five bytes and as many items of one byte. */
function manyItems(count: number, item: number): Uint8Array {
  const bytes = new Uint8Array(5 + count).fill(item);
  bytes[0] = 0x9a;
  new DataView(bytes.buffer).setUint32(1, count);
  return bytes;
}

Deno.test("decodeCbor() refuses more elements than the limit, each a byte here and an object in memory", () => {
  for (const item of [0x00, 0x80, 0xa0]) {
    assert.ok(decodeCbor(manyItems(LIMITS.cborItems, item)).ok);
    assertRefused(manyItems(LIMITS.cborItems + 1, item), "elements");
    assertRefused(manyItems(16_000_000, item), "elements");
  }
});

Deno.test("decodeCbor() takes depth up to the limit and refuses it beyond", () => {
  const nested = (depth: number) => concat(new Uint8Array(depth).fill(0x81), new Uint8Array(1));
  assert.ok(decodeCbor(nested(LIMITS.cborDepth)).ok);
  assertRefused(nested(LIMITS.cborDepth + 1), "depth");
});

const DETAILS: readonly (readonly [string, string])[] = [
  ["830102f7", "byte 4: neither false, true nor null"],
  ["1817", "byte 2: integer or length not in its shortest form"],
  ["a2616100616100", "byte 6: map keys not in order"],
  ["a2616200616100", "byte 6: map keys not in order"],
  ["ba0001000000", "byte 5: more elements declared than bytes present or allowed"],
  ["9a0001000000", "byte 5: more elements declared than bytes present or allowed"],
  ["8120", "byte 2: negative integer"],
  ["c100", "byte 1: tag"],
  ["9fff", "byte 1: indefinite or reserved length"],
  ["4201", "byte 1: length beyond the bytes present"],
  ["62c328", "byte 3: invalid UTF-8"],
  ["a10000", "byte 1: map key is no text"],
  ["0000", "byte 1: trailing bytes"],
];

Deno.test("decodeCbor() says what is wrong and where it stopped", () => {
  for (const [bytes, detail] of DETAILS) {
    const verdict = decodeCbor(hex(bytes));
    assert.equal(verdict.ok ? "taken" : verdict.detail, `CBOR at ${detail}`);
  }
});

Deno.test("decodeCbor() takes __proto__ as a key like any other", () => {
  const value = map(["__proto__", 1], ["constructor", 2]);
  const result = decoded(encodeCbor(value)) as CborMap;
  assert.deepEqual([...result.entries()].sort(), [...value.entries()].sort());
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  assertRefused(hex("a2695f5f70726f746f5f5f00695f5f70726f746f5f5f01"), "repeated __proto__");
});

Deno.test("decodeCbor() gives byte strings of their own, whatever the class of the input", () => {
  for (const input of [hex("43010203"), Buffer.from("43010203", "hex")]) {
    const value = decoded(input) as Uint8Array;
    input.fill(0);
    assert.deepEqual(value, new Uint8Array([1, 2, 3]));
    assert.equal(Object.getPrototypeOf(value), Uint8Array.prototype);
  }
});

Deno.test("decodeCbor() leaves its input as it was", () => {
  const input = hex("820102");
  decoded(input);
  assert.deepEqual(input, hex("820102"));
});

Deno.test("decodeCbor() reads a view at an offset of its buffer", () => {
  assert.deepEqual(decoded(hex("ffff820102ff").subarray(2, 5)), [1, 2]);
});

Deno.test("encodeCbor() gives bytes of their own", () => {
  const bytes = encodeCbor([1, 2]);
  assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype);
  assert.equal(bytes.buffer.byteLength, bytes.length);
});

Deno.test("encodeCbor() sorts map keys by their encoding, whatever the order of insertion", () => {
  const keys = [
    "",
    "Z",
    "a",
    "aa",
    "\u00e9",
    "a".repeat(23),
    "a".repeat(24),
    "b".repeat(300),
    "a".repeat(300),
  ];
  const sorted = [...keys].sort((a, b) => Buffer.compare(encodeCbor(a), encodeCbor(b)));
  const there = encodeCbor(new Map(keys.map((key) => [key, 0])));
  const back = encodeCbor(new Map(keys.toReversed().map((key) => [key, 0])));
  assert.deepEqual(there, back);
  assert.deepEqual([...(decoded(there) as CborMap).keys()], sorted);
});

Deno.test("encodeCbor() asserts that its argument is in the subset", () => {
  const outside: readonly unknown[] = [
    -1,
    1.5,
    NaN,
    Infinity,
    2 ** 53,
    undefined,
    1n,
    {},
    new Date(0),
    [undefined],
    // deno-lint-ignore no-sparse-arrays
    [1, , 2],
    "\ud800",
    "a\udc00b",
    new Map([["\ud800", 1]]),
    new Map([["a", -1]]),
    () => 1,
    Symbol("x"),
  ];
  for (const value of outside) assert.throws(() => encodeCbor(value as Cbor), AssertionError);
});

Deno.test("the codec writes every integer at a width's edge in its shortest form", () => {
  const edges: readonly (readonly [number, number])[] = [
    [23, 1],
    [24, 2],
    [255, 2],
    [256, 3],
    [65535, 3],
    [65536, 5],
    [2 ** 32 - 1, 5],
    [2 ** 32, 9],
    [2 ** 53 - 1, 9],
  ];
  for (const [value, length] of edges) {
    assert.equal(encodeCbor(value).length, length, `${value}`);
    assertRoundTrip(value, encodeCbor(value));
  }
});

/** The head of a text, written by hand (RFC 8949 §3). */
function textHead(length: number): Uint8Array {
  if (length < 24) return new Uint8Array([0x60 + length]);
  if (length < 256) return new Uint8Array([0x78, length]);
  if (length < 65536) return new Uint8Array([0x79, length >> 8, length & 0xff]);
  return new Uint8Array([0x7a, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff]);
}

function assertText(text: string): void {
  const bytes = new TextEncoder().encode(text);
  assertRoundTrip(text, concat(textHead(bytes.length), bytes));
}

Deno.test("the codec writes the shortest head for texts of any length and any script", () => {
  for (const character of ["a", "\u00e9", "\u20ac", "\ud83d\ude00", "\ufeff"]) {
    for (let length = 0; length <= 300; length++) assertText(character.repeat(length));
    for (const length of [16383, 16384, 21845, 21846, 32767, 32768, 65535, 65536]) {
      assertText(character.repeat(length));
      assertText("a" + character.repeat(length - 1));
    }
  }
});

Deno.test("the codec round-trips Unicode texts of 0 to 300 characters", () => {
  const mixed = fc.string({
    unit: fc.oneof(
      fc.constant("a"),
      fc.constant("\u00e9"),
      fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
    ),
    maxLength: 300,
    size: "max",
  });
  fc.assert(fc.property(mixed, assertText), { numRuns: 2000 });
});

const value: fc.Arbitrary<Cbor> = fc.letrec<{ value: Cbor }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    fc.maxSafeNat(),
    fc.nat(300),
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom(true, false, null),
    fc.array(tie("value"), { maxLength: 30 }),
    fc.array(fc.tuple(fc.string({ unit: "binary", maxLength: 20 }), tie("value")), { maxLength: 20 })
      .map((entries) => new Map(entries)),
  ),
})).value;

Deno.test("decodeCbor() gives back what encodeCbor() wrote", () => {
  fc.assert(fc.property(value, (x) => assert.deepEqual(decoded(encodeCbor(x)), x)), { numRuns: 1000 });
});

/** Refused, or deterministic: nothing third. */
function assertDeterministicOrRefused(bytes: Uint8Array): void {
  const verdict = decodeCbor(bytes);
  if (verdict.ok) assert.equal(toHex(encodeCbor(verdict.value)), toHex(bytes));
  else assert.equal(verdict.code, "cbor");
}

Deno.test("decodeCbor() refuses random bytes or takes them as their one encoding", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), assertDeterministicOrRefused), { numRuns: 20_000 });
});

Deno.test("decodeCbor() refuses flipped encodings or takes them as their one encoding", () => {
  const flip = fc.record({ x: value, position: fc.nat(), mask: fc.integer({ min: 1, max: 255 }) });
  const property = fc.property(flip, ({ x, position, mask }) => {
    const bytes = encodeCbor(x);
    const at = position % bytes.length;
    bytes[at] = (bytes[at] ?? 0) ^ mask;
    assertDeterministicOrRefused(bytes);
  });
  fc.assert(property, { numRuns: 5000 });
});

Deno.test("decodeCbor() refuses every proper prefix of an encoding and every continuation", () => {
  const property = fc.property(value, fc.nat(255), (x, more) => {
    const bytes = encodeCbor(x);
    for (let length = 0; length < Math.min(bytes.length, 64); length++) {
      assertRefused(bytes.subarray(0, length), "prefix");
    }
    assertRefused(concat(bytes, new Uint8Array([more])), "trailing byte");
  });
  fc.assert(property, { numRuns: 300 });
});
