/** Padding: what goes in comes out, sizes fall into few buckets, and little is wasted. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Bytes } from "../../core/bytes.ts";
import { bucketOf, padContent, unpadContent } from "../../core/padding.ts";

Deno.test("unpadContent() gives back what padContent() padded", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), (content) => {
    const verdict = unpadContent(padContent(content));
    assert.ok(verdict.ok);
    assert.deepEqual([...verdict.value], [...content]);
  }));
});

Deno.test("unpadContent() keeps content that ends in the mark and zeros", () => {
  const content = new Uint8Array([1, 0x80, 0, 0]);
  assert.deepEqual(unpadContent(padContent(content)), { ok: true, value: content });
});

Deno.test("unpadContent() accepts more padding than a bucket", () => {
  const padded = new Uint8Array(10_000);
  padded.set([7, 0x80]);
  assert.deepEqual(unpadContent(padded), { ok: true, value: new Uint8Array([7]) });
});

for (
  const [what, padded] of [["nothing", []], ["zeros alone", [0, 0]], ["another mark", [1, 0x81, 0]]] as const
) {
  Deno.test(`unpadContent() refuses ${what}`, () => {
    const verdict = unpadContent(new Uint8Array(padded) as Bytes);
    assert.equal(verdict.ok ? "accepted" : verdict.code, "content-format");
  });
}

Deno.test("bucketOf() follows Padmé above 512 bytes", () => {
  const rows = [[0, 512], [512, 512], [513, 544], [544, 544], [1000, 1024], [1025, 1088], [
    65537,
    67584,
  ]] as const;
  for (const [length, bucket] of rows) assert.equal(bucketOf(length), bucket);
});

Deno.test("bucketOf() wastes at most 12 % above the smallest bucket and never shrinks", () => {
  fc.assert(fc.property(fc.integer({ min: 512, max: 2 ** 29 }), (length) => {
    const bucket = bucketOf(length);
    assert.ok(bucket >= length && bucket <= length * 1.12, `${length} to ${bucket}`);
    assert.equal(bucketOf(bucket), bucket);
  }));
});
