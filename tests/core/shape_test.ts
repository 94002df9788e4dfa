/**
 * Shapes: each gives back what it wrote, and refuses with the format's code and the field's path what it does not
 * declare.
 *
 * @module
 */
import assert from "node:assert/strict";
import { ed25519 } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import { fromHex } from "../../core/bytes.ts";
import { type Cbor, encodeCbor } from "../../core/cbor.ts";
import {
  bytesOf,
  bytesUpTo,
  cidShape,
  constant,
  decodeShape,
  encodeShape,
  hashShape,
  heightShape,
  list,
  mapped,
  nullable,
  publicKeyShape,
  record,
  roundShape,
  type Shape,
  signatureShape,
  text,
  txIdShape,
  uint,
} from "../../core/shape.ts";

const FORMAT = { what: "thing", code: "header-format" } as const;

function assertTaken<T>(shape: Shape<T>, value: T): void {
  assert.deepEqual(decodeShape(shape, encodeShape(shape, value), FORMAT), { ok: true, value });
}

/** Fails unless the shape refuses the value with the format's code; gives the detail. */
function detailOf(shape: Shape<unknown>, value: Cbor): string {
  const verdict = decodeShape(shape, encodeCbor(value), FORMAT);
  assert.ok(!verdict.ok, `taken: ${JSON.stringify(value)}`);
  assert.equal(verdict.code, FORMAT.code);
  return verdict.detail;
}

/** A value of every kind of CBOR. */
const KINDS: readonly Cbor[] = [
  0,
  1,
  "",
  "a",
  true,
  false,
  null,
  new Uint8Array(0),
  [],
  [1],
  new Map([["a", 1]]),
];

/** Fails unless the shape refuses all values of other kinds. */
function assertRefusesOthers(shape: Shape<unknown>, isKind: (value: Cbor) => boolean): void {
  for (const value of KINDS) if (!isKind(value)) detailOf(shape, value);
}

Deno.test("decodeShape() refuses what is no deterministic CBOR with code cbor", () => {
  for (const bytes of [[], [0x00, 0x00], [0x18, 0x00], [0xf7]]) {
    const verdict = decodeShape(uint(), new Uint8Array(bytes), FORMAT);
    assert.ok(!verdict.ok);
    assert.equal(verdict.code, "cbor");
  }
});

Deno.test("decodeShape() lets a bug in a shape through instead of refusing", () => {
  const broken: Shape<number> = {
    encode: (value) => value,
    decode: () => {
      throw new TypeError("bug");
    },
  };
  assert.throws(() => decodeShape(broken, encodeCbor(1), FORMAT), TypeError);
});

Deno.test("decodeShape() never throws and takes only what encodes to the same bytes", () => {
  const shape = record({ a: uint(9), b: list(text(4), 3), c: nullable(record({ d: bytesUpTo(2) })) });
  const kind = fc.oneof(
    fc.nat(12),
    fc.string({ maxLength: 5 }),
    fc.uint8Array({ maxLength: 3 }),
    fc.constant(null),
    fc.array(fc.oneof(fc.string({ maxLength: 5 }), fc.uint8Array({ maxLength: 3 })), { maxLength: 4 }),
  );
  const property = fc.property(fc.array(kind, { minLength: 2, maxLength: 4 }), (value) => {
    const bytes = encodeCbor(value);
    const verdict = decodeShape(shape, bytes, FORMAT);
    if (verdict.ok) assert.deepEqual(encodeShape(shape, verdict.value), bytes);
  });
  fc.assert(property, { numRuns: 3000 });
});

Deno.test("uint() takes integers up to its maximum and nothing else", () => {
  for (const value of [0, 1, 255]) assertTaken(uint(255), value);
  assertTaken(uint(), Number.MAX_SAFE_INTEGER);
  assert.equal(detailOf(uint(255), 256), "thing is not an integer up to 255");
  assertRefusesOthers(uint(255), (value) => typeof value === "number");
});

Deno.test("constant() takes its number and nothing else", () => {
  assertTaken(constant(1), 1);
  for (const value of [0, 2, 2 ** 53 - 1]) assert.equal(detailOf(constant(1), value), "thing is not 1");
  assertRefusesOthers(constant(1), (value) => value === 1);
});

Deno.test("bytesOf() takes exactly its length", () => {
  assertTaken(bytesOf(2), new Uint8Array([1, 2]));
  for (const length of [0, 1, 3]) detailOf(bytesOf(2), new Uint8Array(length));
  assertRefusesOthers(bytesOf(2), () => false);
});

Deno.test("bytesUpTo() takes lengths up to its maximum", () => {
  for (const length of [0, 1, 2]) assertTaken(bytesUpTo(2), new Uint8Array(length));
  detailOf(bytesUpTo(2), new Uint8Array(3));
  assertRefusesOthers(bytesUpTo(2), (value) => value instanceof Uint8Array);
});

Deno.test("text() counts bytes of UTF-8, not characters", () => {
  for (const value of ["", "abcd", "\u00e9\u00e9", "\ud83d\ude00"]) assertTaken(text(4), value);
  for (const value of ["abcde", "\u00e9\u00e9a", "\ud83d\ude00a"]) detailOf(text(4), value);
  assertRefusesOthers(text(4), (value) => typeof value === "string");
});

Deno.test("nullable() takes null beside its shape", () => {
  assertTaken(nullable(uint(1)), null);
  assertTaken(nullable(uint(1)), 1);
  assertRefusesOthers(nullable(uint(1)), (value) => value === null || typeof value === "number");
});

Deno.test("list() takes up to its maximum and names the element that is wrong", () => {
  for (const value of [[], [1], [1, 2]]) assertTaken(list(uint(9), 2), value);
  assert.equal(detailOf(list(uint(9), 2), [1, 2, 3]), "thing is not a list of at most 2");
  assert.equal(detailOf(list(uint(9), 2), [1, "a"]), "thing[1] is not an integer up to 9");
  assertRefusesOthers(list(uint(9), 2), (value) => Array.isArray(value));
});

const POINT = record({ x: uint(9), label: text(3) });

Deno.test("record() is an array in the order of its fields", () => {
  assertTaken(POINT, { x: 1, label: "a" });
  assert.deepEqual(encodeShape(POINT, { label: "a", x: 1 }), encodeCbor([1, "a"]));
});

Deno.test("record() refuses another number of fields and names the field that is wrong", () => {
  for (const value of [[], [1], [1, "a", 2]]) {
    assert.equal(detailOf(POINT, value), "thing is not an array of 2");
  }
  assert.equal(detailOf(POINT, ["a", 1]), "thing.x is not an integer up to 9");
  assert.equal(
    detailOf(record({ inner: list(POINT, 9) }), [[[1, "a"], [1, 2]]]),
    "thing.inner[1].label is not a text of at most 3 bytes",
  );
  assertRefusesOthers(POINT, () => false);
});

Deno.test("mapped() refuses what its function does not take", () => {
  const even = mapped(uint(), {
    encode: (half: number) => half * 2,
    decode: (value) => value % 2 === 0 ? value / 2 : undefined,
    wanted: "an even number",
  });
  assertTaken(even, 0);
  assertTaken(even, 21);
  assert.equal(detailOf(even, 3), "thing is not an even number");
});

Deno.test("hashes, ids and signatures take exactly their length", () => {
  const sized = [[hashShape, 32], [txIdShape, 32], [cidShape, 32], [signatureShape, 64]] as const;
  for (const [shape, length] of sized) {
    const bytes = new Uint8Array(length).fill(7);
    assert.deepEqual(decodeShape<Uint8Array>(shape, encodeCbor(bytes), FORMAT), { ok: true, value: bytes });
    for (const wrong of [0, length - 1, length + 1]) detailOf(shape, new Uint8Array(wrong));
    assertRefusesOthers(shape, () => false);
  }
});

Deno.test("heights and rounds take every safe integer from 0", () => {
  for (const shape of [heightShape, roundShape]) {
    for (const value of [0, 1, 2 ** 53 - 1]) {
      assert.ok(decodeShape<number>(shape, encodeCbor(value), FORMAT).ok);
    }
    assertRefusesOthers(shape, (value) => typeof value === "number");
  }
});

Deno.test("publicKeyShape takes a key of full order", () => {
  const key = ed25519.getPublicKey(new Uint8Array(32).fill(1));
  assert.deepEqual(decodeShape(publicKeyShape, encodeCbor(key), FORMAT), {
    ok: true,
    value: new Uint8Array(key),
  });
});

// Points of small order and encodings with y ≥ p (RFC 8032 §5.1.3)
const BAD_KEYS = [
  "0100000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "0100000000000000000000000000000000000000000000000000000000000080",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "0200000000000000000000000000000000000000000000000000000000000000",
];

Deno.test("publicKeyShape refuses small order, encodings that are not canonical, and what is no point", () => {
  for (const key of BAD_KEYS) detailOf(publicKeyShape, fromHex(key) as Uint8Array);
  assertRefusesOthers(publicKeyShape, () => false);
});
