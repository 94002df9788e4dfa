/** The content map: round trip, and each way in which one may be wrong. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { asHash } from "../../core/brands.ts";
import { type Cbor, encodeCbor } from "../../core/cbor.ts";
import { type Content, decodeContent, encodeContent, RESERVED_KEYS } from "../../core/content.ts";
import { LIMITS } from "../../core/limits.ts";

const SHA256 = asHash(new Uint8Array(32).fill(7));
const plain: Content = {
  type: "file",
  length: 3,
  sha256: SHA256,
  bytes: new Uint8Array([1, 2, 3]),
  name: "nftables.conf",
  critical: [],
  extra: new Map(),
};

/** The encoded map of {@link plain} with some keys set, or taken out by `undefined`. */
function encodedWith(changes: Record<string, Cbor | undefined>) {
  const map = new Map<string, Cbor>([["type", "file"], ["length", 3], ["sha256", SHA256]]);
  map.set("bytes", plain.bytes).set("name", "nftables.conf");
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) map.delete(key);
    else map.set(key, value);
  }
  return encodeCbor(map);
}

function codeOf(bytes: Uint8Array): string {
  const verdict = decodeContent(bytes);
  return verdict.ok ? "accepted" : verdict.code;
}

Deno.test("decodeContent() gives back what encodeContent() encoded", () => {
  const contents: fc.Arbitrary<Content> = fc.record({
    type: fc.string({ minLength: 1, maxLength: 60 }),
    length: fc.nat(LIMITS.contentBytes),
    sha256: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(asHash),
    bytes: fc.uint8Array({ maxLength: 300 }).map((bytes) => new Uint8Array(bytes)),
    name: fc.option(fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,20}$/)),
    critical: fc.subarray(["type", "length", "sha256", "bytes"]),
    extra: fc.dictionary(fc.constantFrom(...RESERVED_KEYS, "__proto__", "later"), fc.nat())
      .map((entries) => new Map<string, Cbor>(Object.entries(entries))),
  }, { noNullPrototype: true });
  fc.assert(fc.property(contents, (content) => {
    assert.deepEqual(decodeContent(encodeContent(content)), { ok: true, value: content });
  }));
});

Deno.test("decodeContent() keeps the reserved keys and keys it does not know", () => {
  const verdict = decodeContent(encodedWith({ not_before: 5, later: [true, null] }));
  assert.ok(verdict.ok);
  assert.deepEqual(verdict.value.extra, new Map<string, Cbor>([["later", [true, null]], ["not_before", 5]]));
});

Deno.test("decodeContent() leaves a type that it does not know to the reader", () => {
  const verdict = decodeContent(encodedWith({ type: "later" }));
  assert.equal(verdict.ok && verdict.value.type, "later");
});

Deno.test("decodeContent() accepts a critical list of keys that it knows", () => {
  assert.equal(codeOf(encodedWith({ critical: ["name", "type", "critical"] })), "accepted");
});

for (const key of [...RESERVED_KEYS, "later"]) {
  Deno.test(`decodeContent() refuses ${key} when it is critical`, () => {
    assert.equal(codeOf(encodedWith({ critical: ["type", key], [key]: 1 })), "content-critical");
  });
}

Deno.test("decodeContent() refuses an unknown critical key before it judges other fields", () => {
  assert.equal(codeOf(encodedWith({ critical: ["later"], later: 1, bytes: "text" })), "content-critical");
});

const refusals: readonly (readonly [string, Record<string, Cbor | undefined>, string])[] = [
  ["no type", { type: undefined }, "content-format"],
  ["an empty type", { type: "" }, "content-format"],
  ["a type that is no text", { type: 1 }, "content-format"],
  ["a type of 256 bytes", { type: "é".repeat(128) }, "content-format"],
  ["no length", { length: undefined }, "content-format"],
  ["a length that is a text", { length: "3" }, "content-format"],
  ["a length above the limit", { length: LIMITS.contentBytes + 1 }, "too-large"],
  ["no hash", { sha256: undefined }, "content-format"],
  ["a hash of 31 bytes", { sha256: new Uint8Array(31) }, "content-format"],
  ["no bytes", { bytes: undefined }, "content-format"],
  ["bytes that are a text", { bytes: "abc" }, "content-format"],
  ["a name that is null", { name: null }, "content-format"],
  ["a name that is bytes", { name: new Uint8Array(1) }, "content-format"],
  ["a name with a directory", { name: "../passwd" }, "content-path"],
  ["critical that is a text", { critical: "later" }, "content-format"],
  ["critical that is empty", { critical: [] }, "content-format"],
  ["critical with a number", { critical: [1] }, "content-format"],
  ["critical with a key twice", { critical: ["type", "type"] }, "content-format"],
  ["critical with an absent key", { critical: ["name"], name: undefined }, "content-format"],
];

for (const [what, changes, code] of refusals) {
  Deno.test(`decodeContent() refuses ${what}`, () => assert.equal(codeOf(encodedWith(changes)), code));
}

Deno.test("decodeContent() refuses what is not a map, and bytes after it", () => {
  assert.equal(codeOf(encodeCbor(["file"])), "content-format");
  assert.equal(codeOf(new Uint8Array([...encodedWith({}), 0])), "cbor");
  assert.equal(codeOf(new Uint8Array()), "cbor");
});

Deno.test("encodeContent() asserts a file name, present critical keys, and no field among the extra", () => {
  assert.throws(() => encodeContent({ ...plain, name: "../x" }), /file name/);
  assert.throws(() => encodeContent({ ...plain, critical: ["later"] }), /absent/);
  assert.throws(() => encodeContent({ ...plain, extra: new Map([["length", 1]]) }), /extra/);
});
