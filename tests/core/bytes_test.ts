import { deepEqual, equal as same, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { compare, concat, equal, fromHex, toHex, u32be, u64be, utf8 } from "../../core/bytes.ts";
import { AssertionError } from "../../core/errors.ts";

const bytes = (...values: number[]) => new Uint8Array(values);

Deno.test("concat() joins in the order given and copies", () => {
  const first = bytes(1, 2);
  const joined = concat(first, bytes(), bytes(3));
  first[0] = 9;
  deepEqual(joined, bytes(1, 2, 3));
});

Deno.test("equal() tells a prefix and a changed byte from the same", () => {
  ok(equal(bytes(1, 2), bytes(1, 2)));
  ok(equal(bytes(), bytes()));
  ok(!equal(bytes(1, 2), bytes(1)));
  ok(!equal(bytes(1, 2), bytes(1, 3)));
});

Deno.test("compare() orders by unsigned bytes, a prefix first", () => {
  const sorted = [bytes(), bytes(0), bytes(0, 0), bytes(1), bytes(0x7f), bytes(0x80), bytes(0xff)];
  deepEqual([...sorted].reverse().sort(compare), sorted);
});

Deno.test("compare() is antisymmetric and 0 only for the same bytes", () => {
  const any = fc.uint8Array({ maxLength: 4 });
  fc.assert(fc.property(any, any, (a, b) => {
    same(Math.sign(compare(a, b)), 0 - Math.sign(compare(b, a)));
    same(compare(a, b) === 0, toHex(a) === toHex(b));
  }));
});

Deno.test("fromHex() reads what toHex() writes", () => {
  fc.assert(fc.property(fc.uint8Array(), (value) => deepEqual(fromHex(toHex(value)), new Uint8Array(value))));
});

Deno.test("fromHex() takes either case; toHex() writes lower case", () => {
  deepEqual(fromHex("AbcD"), bytes(0xab, 0xcd));
  same(toHex(bytes(0xab, 0x0d)), "ab0d");
});

for (const text of ["a", "0g", "0x12", " 12", "12\n", "١٢", "-1"]) {
  Deno.test(`fromHex() refuses ${JSON.stringify(text)}`, () => same(fromHex(text), undefined));
}

Deno.test("utf8() encodes beyond ASCII", () => {
  deepEqual(utf8("é€"), bytes(0xc3, 0xa9, 0xe2, 0x82, 0xac));
});

Deno.test("u32be() and u64be() write the most significant byte first", () => {
  deepEqual(u32be(0x01020304), bytes(1, 2, 3, 4));
  deepEqual(u32be(0xffffffff), bytes(255, 255, 255, 255));
  deepEqual(u64be(0x0102030405), bytes(0, 0, 0, 1, 2, 3, 4, 5));
  deepEqual(u64be(Number.MAX_SAFE_INTEGER), bytes(0, 0x1f, 255, 255, 255, 255, 255, 255));
});

Deno.test("u32be() and u64be() assert integers that fit", () => {
  for (const value of [-1, 0.5, NaN, 2 ** 32]) throws(() => u32be(value), AssertionError);
  for (const value of [-1, 0.5, NaN, 2 ** 53]) throws(() => u64be(value), AssertionError);
});
