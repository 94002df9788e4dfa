/** The walk over a zstd frame: frames written by hand after RFC 8878 §3.1.1. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { checkZstdFrame } from "../../core/zstd_frame.ts";

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
/** A last raw block of three bytes. */
const RAW = [0x19, 0, 0, 1, 2, 3];

function codeOf(bytes: readonly number[], length = 3): string {
  const verdict = checkZstdFrame(new Uint8Array(bytes), length);
  return verdict.ok ? "accepted" : verdict.code;
}

const rows: readonly (readonly [string, readonly number[], string])[] = [
  ["accepts one raw block", [...MAGIC, 0x00, 0x58, ...RAW], "accepted"],
  ["accepts a single segment of the declared size", [...MAGIC, 0x20, 3, ...RAW], "accepted"],
  ["accepts a checksum", [...MAGIC, 0x04, 0x58, ...RAW, 9, 9, 9, 9], "accepted"],
  ["accepts a block that is not the last before one that is", [
    ...MAGIC,
    0x00,
    0x58,
    0x18,
    0,
    0,
    1,
    2,
    3,
    0x01,
    0,
    0,
  ], "accepted"],
  ["accepts a run of one byte", [...MAGIC, 0x00, 0x58, 0x1b, 0, 0, 7], "accepted"],
  ["accepts a window of 8 MiB", [...MAGIC, 0x00, 13 << 3, ...RAW], "accepted"],
  ["refuses a window above 8 MiB", [...MAGIC, 0x00, (13 << 3) | 1, ...RAW], "compression"],
  ["refuses the largest window", [...MAGIC, 0x00, 0xff, ...RAW], "compression"],
  ["refuses another content size", [...MAGIC, 0x20, 4, ...RAW], "content-length"],
  ["refuses another content size in two bytes", [...MAGIC, 0x60, 0, 0, ...RAW], "content-length"],
  ["refuses another content size in four bytes", [...MAGIC, 0xa0, 4, 0, 0, 0, ...RAW], "content-length"],
  ["refuses a content size of 2^64−1", [...MAGIC, 0xe0, ...Array(8).fill(255), ...RAW], "content-length"],
  ["refuses a dictionary flag where no id follows", [...MAGIC, 0x01, 0x58, ...RAW], "compression"],
  ["refuses a dictionary id of one byte", [...MAGIC, 0x01, 0x58, 1, ...RAW], "compression"],
  ["refuses a dictionary id of four bytes", [...MAGIC, 0x03, 0x58, 1, 0, 0, 0, ...RAW], "compression"],
  ["refuses the reserved bit", [...MAGIC, 0x08, 0x58, ...RAW], "compression"],
  ["refuses the reserved block type", [...MAGIC, 0x00, 0x58, 0x1f, 0, 0, 1, 2, 3], "compression"],
  ["refuses a block above 128 KiB", [...MAGIC, 0x00, 0x58, 0x0b, 0x00, 0x10, 7], "compression"],
  ["refuses a skippable frame", [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0], "compression"],
  ["refuses a skippable frame before a frame", [
    0x50,
    0x2a,
    0x4d,
    0x18,
    0,
    0,
    0,
    0,
    ...MAGIC,
    0,
    0x58,
    ...RAW,
  ], "compression"],
  [
    "refuses a skippable frame after a frame",
    [...MAGIC, 0, 0x58, ...RAW, 0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0],
    "compression",
  ],
  ["refuses a second frame", [...MAGIC, 0, 0x58, ...RAW, ...MAGIC, 0, 0x58, ...RAW], "compression"],
  ["refuses a trailing byte", [...MAGIC, 0, 0x58, ...RAW, 0], "compression"],
  ["refuses a missing checksum", [...MAGIC, 0x04, 0x58, ...RAW, 9, 9, 9], "compression"],
  ["refuses a frame without a last block", [...MAGIC, 0, 0x58, 0x18, 0, 0, 1, 2, 3], "compression"],
  ["refuses nothing at all", [], "compression"],
];
for (const [what, bytes, code] of rows) {
  Deno.test(`checkZstdFrame() ${what}`, () => assert.equal(codeOf(bytes), code));
}

Deno.test("checkZstdFrame() adds 256 to a content size of two bytes", () => {
  assert.equal(codeOf([...MAGIC, 0x60, 44, 1, ...RAW], 556), "accepted");
});

Deno.test("checkZstdFrame() refuses a frame cut off anywhere", () => {
  const frame = [...MAGIC, 0x64, 0, 0, ...RAW, 1, 2, 3, 4];
  assert.equal(codeOf(frame, 256), "accepted");
  for (let end = 0; end < frame.length; end++) {
    assert.equal(codeOf(frame.slice(0, end), 256), "compression", `cut at ${end}`);
  }
});

Deno.test("checkZstdFrame() never throws", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, magic) => {
    checkZstdFrame(new Uint8Array([...(magic ? MAGIC : []), ...bytes]), 3);
  }));
});
