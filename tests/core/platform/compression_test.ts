/** Compression: round trips, and everything that the libraries let pass and this must not. */
import assert from "node:assert/strict";
import * as zlib from "node:zlib";
import fc from "fast-check";
import { type Bytes, concat, utf8 } from "../../../core/bytes.ts";
import { VnfchainError } from "../../../core/errors.ts";
import { LIMITS } from "../../../core/limits.ts";
import { compress, decompress, requireZstd } from "../../../core/platform/compression.ts";
import type { Compression } from "../../../core/transaction.ts";

const GZIP: Compression = 1;
const ZSTD: Compression = 2;
const MIB = 1024 * 1024;
const TEXT = utf8("table inet filter { chain input { ip saddr 192.0.2.1 drop } }\n".repeat(3));

async function codeOf(bytes: Bytes, options: { algorithm: Compression; length: number }): Promise<string> {
  const verdict = await decompress(bytes, options);
  return verdict.ok ? "accepted" : verdict.code;
}

/** Bytes that compress somewhat, cheap to make. */
function sample(length: number): Bytes {
  return new Uint8Array(length).map((_, i) => (i * i) >> 5);
}

for (const algorithm of [0, 1, 2] as const) {
  Deno.test(`decompress() gives back what compress() compressed, algorithm ${algorithm}`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), async (bytes) => {
        const compressed = await compress(new Uint8Array(bytes), algorithm);
        const verdict = await decompress(compressed, { algorithm, length: bytes.length });
        assert.deepEqual(verdict, { ok: true, value: new Uint8Array(bytes) });
      }),
      { numRuns: 40 },
    );
  });

  for (const length of [0, 1, 65_535, 65_536, 65_537, 131_073, MIB]) {
    Deno.test(`decompress() gives back ${length} bytes, algorithm ${algorithm}`, async () => {
      const verdict = await decompress(await compress(sample(length), algorithm), { algorithm, length });
      assert.ok(verdict.ok);
      assert.ok(verdict.value.every((byte, i) => byte === ((i * i) >> 5 & 255)));
      assert.equal(verdict.value.length, length);
    });
  }

  Deno.test(`decompress() refuses another length than declared, algorithm ${algorithm}`, async () => {
    const compressed = await compress(TEXT, algorithm);
    assert.equal(await codeOf(compressed, { algorithm, length: TEXT.length + 1 }), "content-length");
    const shorter = await codeOf(compressed, { algorithm, length: TEXT.length - 1 });
    assert.equal(shorter, algorithm === 0 ? "content-length" : "compression");
    assert.equal(await codeOf(compressed, { algorithm, length: LIMITS.contentBytes + 1 }), "too-large");
  });
}

for (const [what, algorithm] of [["gzip", GZIP], ["zstd", ZSTD]] as const) {
  const length = TEXT.length;

  Deno.test(`decompress() refuses ${what} cut off at every byte`, async () => {
    const whole = await compress(TEXT, algorithm);
    for (let end = 0; end < whole.length; end++) {
      assert.equal(await codeOf(whole.slice(0, end), { algorithm, length }), "compression", `cut at ${end}`);
    }
  });

  Deno.test(`decompress() refuses ${what} with a byte after it`, async () => {
    const whole = await compress(TEXT, algorithm);
    for (const byte of [0, 1, 0x1f, 0x28]) {
      assert.equal(await codeOf(concat(whole, new Uint8Array([byte])), { algorithm, length }), "compression");
    }
  });

  Deno.test(`decompress() refuses two of ${what}, whichever length is declared`, async () => {
    const whole = await compress(TEXT, algorithm);
    const empty = await compress(new Uint8Array(), algorithm);
    const pairs = [concat(whole, whole), concat(whole, empty), concat(empty, whole)];
    for (const twice of pairs) {
      for (const declared of [0, length, 2 * length]) {
        assert.equal(await codeOf(twice, { algorithm, length: declared }), "compression");
      }
    }
  });

  Deno.test(`decompress() refuses a bomb in ${what} without unpacking it`, async () => {
    const bomb = await compress(new Uint8Array(LIMITS.contentBytes + 16 * MIB), algorithm);
    assert.ok(bomb.length < MIB);
    assert.equal(await codeOf(bomb, { algorithm, length: 1000 }), "compression");
    assert.equal(await codeOf(bomb, { algorithm, length: LIMITS.contentBytes }), "compression");
  });

  Deno.test(`decompress() refuses noise as ${what} and never throws`, async () => {
    const start = algorithm === GZIP
      ? [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
      : [0x28, 0xb5, 0x2f, 0xfd, 0, 0x58];
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.boolean(), async (noise, started) => {
        const bytes = new Uint8Array([...(started ? start : []), ...noise]);
        const verdict = await decompress(bytes, { algorithm, length: 1000 });
        assert.equal(verdict.ok, false);
      }),
    );
  });
}

Deno.test("decompress() refuses gzip with a wrong CRC or a wrong length in the trailer", async () => {
  const whole = await compress(TEXT, GZIP);
  for (const fromEnd of [8, 5, 4, 1]) {
    const altered = whole.slice();
    altered[whole.length - fromEnd] = (altered[whole.length - fromEnd] as number) ^ 1;
    assert.equal(await codeOf(altered, { algorithm: GZIP, length: TEXT.length }), "compression");
  }
});

Deno.test("decompress() refuses bytes hidden between gzip's deflated stream and its trailer", async () => {
  const whole = await compress(TEXT, GZIP);
  for (const hidden of [[0], [1, 2, 3], [...whole]]) {
    const bytes = concat(whole.subarray(0, -8), new Uint8Array(hidden), whole.subarray(-8));
    assert.equal(await codeOf(bytes, { algorithm: GZIP, length: TEXT.length }), "compression");
  }
});

Deno.test("decompress() refuses gzip with flags in its header", async () => {
  const whole = await compress(TEXT, GZIP);
  const withFlags = (flags: number, field: Bytes) =>
    concat(whole.subarray(0, 3), new Uint8Array([flags]), whole.subarray(4, 10), field, whole.subarray(10));
  for (const bytes of [withFlags(1, new Uint8Array()), withFlags(8, utf8("name\0"))]) {
    assert.deepEqual(new Uint8Array(zlib.gunzipSync(bytes)), TEXT);
    assert.equal(await codeOf(bytes, { algorithm: GZIP, length: TEXT.length }), "compression");
  }
});

Deno.test("decompress() refuses zstd with a skippable frame before or after it", async () => {
  const skippable = new Uint8Array([0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7]);
  const whole = await compress(TEXT, ZSTD);
  for (const bytes of [concat(skippable, whole), concat(whole, skippable)]) {
    assert.equal(await codeOf(bytes, { algorithm: ZSTD, length: TEXT.length }), "compression");
  }
});

Deno.test("decompress() refuses zstd whose blocks are damaged", async () => {
  const whole = (await compress(TEXT, ZSTD)).slice();
  whole.fill(0xff, 9, 20);
  assert.equal(await codeOf(whole, { algorithm: ZSTD, length: TEXT.length }), "compression");
});

Deno.test("decompress() refuses one algorithm's bytes under another's label", async () => {
  const options = { length: TEXT.length };
  assert.equal(await codeOf(await compress(TEXT, GZIP), { ...options, algorithm: ZSTD }), "compression");
  assert.equal(await codeOf(await compress(TEXT, ZSTD), { ...options, algorithm: GZIP }), "compression");
  assert.equal(await codeOf(await compress(TEXT, GZIP), { ...options, algorithm: 0 }), "content-length");
});

Deno.test("requireZstd() names the way out where the runtime has no zstd", () => {
  assert.throws(() => requireZstd({}), (error) => {
    assert.ok(error instanceof VnfchainError);
    assert.equal(error.code, "zstd-missing");
    assert.match(error.hint, /gzip/);
    return true;
  });
});
