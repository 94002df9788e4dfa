/** Configurations from end to end: pack, open, and each refusal on the way. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { asHash } from "../../../core/brands.ts";
import { type Bytes, fromHex, toHex, utf8 } from "../../../core/bytes.ts";
import { type Cbor, encodeCbor } from "../../../core/cbor.ts";
import { type Content, encodeContent } from "../../../core/content.ts";
import { VnfchainError } from "../../../core/errors.ts";
import { LIMITS } from "../../../core/limits.ts";
import { padContent } from "../../../core/padding.ts";
import { agreementKeyFromSeed } from "../../../core/platform/agreement.ts";
import { compress } from "../../../core/platform/compression.ts";
import {
  openConfiguration,
  openDisclosedConfiguration,
  packConfiguration,
} from "../../../core/platform/configuration.ts";
import { platformCrypto, randomBytes } from "../../../core/platform/crypto.ts";
import { privateKeyFromSeed } from "../../../core/platform/private_key.ts";
import { seal } from "../../../core/platform/seal.ts";
import type { Compression } from "../../../core/transaction.ts";
import vectors from "../../vectors/envelope.json" with { type: "json" };

const seed = new Uint8Array(32).fill(1);
const { publicKey } = privateKeyFromSeed(seed);
const key = agreementKeyFromSeed(seed);
const context = utf8("header");
const text = utf8("table inet filter {}\n");
const sealing = { context, recipients: [publicKey], random: randomBytes };
const packing = { ...sealing, type: "file", compression: 2, encryption: 1 } as const;
const opening = { context, keys: [key], compression: 2, encryption: 1 } as const;

const plain: Content = {
  type: "file",
  length: text.length,
  sha256: platformCrypto.hash(text),
  bytes: text,
  name: null,
  critical: [],
  extra: new Map(),
};

/** The code with which an unencrypted, uncompressed configuration is refused. */
async function codeOf(configuration: Bytes, compression: Compression = 0): Promise<string> {
  const verdict = await openConfiguration(configuration, { ...opening, encryption: 0, compression });
  return verdict.ok ? "accepted" : verdict.code;
}

for (const encryption of [0, 1] as const) {
  for (const compression of [0, 1, 2] as const) {
    const labels = { encryption, compression };

    Deno.test(`openConfiguration() gives back what was packed, ${JSON.stringify(labels)}`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (bytes) => {
          const input = { ...packing, ...labels, bytes: new Uint8Array(bytes), name: "nftables.conf" };
          const opened = await openConfiguration(await packConfiguration(input), { ...opening, ...labels });
          assert.ok(opened.ok);
          assert.deepEqual(opened.value.bytes, input.bytes);
          assert.equal(opened.value.content.type, "file");
          assert.equal(opened.value.content.name, "nftables.conf");
          assert.equal(opened.value.contentKey === null, encryption === 0);
        }),
        { numRuns: 15 },
      );
    });

    Deno.test(`openConfiguration() gives back 1 MB, ${JSON.stringify(labels)}`, async () => {
      const bytes = new Uint8Array(1_000_000).map((_, i) => (i * i) >> 5);
      const packed = await packConfiguration({ ...packing, ...labels, bytes });
      const opened = await openConfiguration(packed, { ...opening, ...labels });
      assert.ok(opened.ok);
      assert.equal(toHex(platformCrypto.hash(opened.value.bytes)), toHex(platformCrypto.hash(bytes)));
    });
  }
}

for (const vector of vectors.configurations) {
  Deno.test(`openConfiguration() opens the vector "${vector.name}"`, async () => {
    const opened = await openConfiguration(fromHex(vector.envelope) as Bytes, {
      compression: vector.compression as Compression,
      encryption: 1,
      context: fromHex(vector.context) as Bytes,
      keys: [agreementKeyFromSeed(fromHex(vector.seeds[1] as string) as Bytes)],
    });
    assert.ok(opened.ok);
    assert.equal(toHex(opened.value.bytes), vector.bytes);
    assert.equal(opened.value.content.name, "nftables.conf");
    assert.deepEqual(opened.value.content.extra, new Map([["change", "CHG-1"]]));
    assert.equal(toHex(encodeContent(opened.value.content)), vector.content);
  });
}

Deno.test("packConfiguration() hides the length in a bucket", async () => {
  const lengths = new Set<number>();
  for (const length of [0, 1, 100, 200]) {
    const input = { ...packing, compression: 0, bytes: new Uint8Array(length) } as const;
    lengths.add((await packConfiguration(input)).length);
  }
  assert.equal(lengths.size, 1);
});

Deno.test("packConfiguration() throws when the content is too large or its name is no file name", async () => {
  const codes = [
    [{ ...packing, bytes: new Uint8Array(LIMITS.contentBytes + 1) }, "content-too-large"],
    [{ ...packing, bytes: text, name: "../passwd" }, "content-path"],
  ] as const;
  for (const [input, code] of codes) {
    const hasCode = (error: unknown) => error instanceof VnfchainError && error.code === code;
    await assert.rejects(packConfiguration(input), hasCode);
  }
});

Deno.test("openDisclosedConfiguration() opens with the content key alone", async () => {
  const packed = await packConfiguration({ ...packing, bytes: text });
  const opened = await openConfiguration(packed, opening);
  assert.ok(opened.ok && opened.value.contentKey !== null);
  const { contentKey } = opened.value;
  assert.deepEqual(await openDisclosedConfiguration(packed, { compression: 2, context, contentKey }), opened);
});

Deno.test("openConfiguration() refuses another header and another key", async () => {
  const packed = await packConfiguration({ ...packing, bytes: text });
  const otherKey = agreementKeyFromSeed(new Uint8Array(32).fill(2));
  for (const change of [{ context: utf8("other") }, { keys: [otherKey] }]) {
    const verdict = await openConfiguration(packed, { ...opening, ...change });
    assert.equal(verdict.ok ? "accepted" : verdict.code, "decryption");
  }
});

Deno.test("openConfiguration() refuses a content map where an envelope is due, and the reverse", async () => {
  const verdict = await openConfiguration(encodeContent(plain), opening);
  assert.equal(verdict.ok ? "accepted" : verdict.code, "envelope-format");
  assert.equal(await codeOf(await packConfiguration({ ...packing, bytes: text })), "content-format");
});

Deno.test("openConfiguration() refuses an envelope around content without padding", async () => {
  const sealed = await seal(encodeContent(plain), sealing);
  const verdict = await openConfiguration(sealed, { ...opening, compression: 0 });
  assert.equal(verdict.ok ? "accepted" : verdict.code, "content-format");
});

Deno.test("openConfiguration() refuses a wrong length and a wrong hash", async () => {
  assert.equal(await codeOf(encodeContent(plain)), "accepted");
  assert.equal(await codeOf(encodeContent({ ...plain, length: text.length + 1 })), "content-length");
  assert.equal(await codeOf(encodeContent({ ...plain, sha256: asHash(new Uint8Array(32)) })), "content-hash");
});

Deno.test("openConfiguration() refuses a wrong hash behind encryption and compression", async () => {
  const bytes = await compress(text, 2);
  const content = encodeContent({ ...plain, bytes, sha256: platformCrypto.hash(bytes) });
  const verdict = await openConfiguration(await seal(padContent(content), sealing), opening);
  assert.equal(verdict.ok ? "accepted" : verdict.code, "content-hash");
});

Deno.test("openConfiguration() refuses an unknown critical key before it decompresses", async () => {
  const map = new Map<string, Cbor>([["type", "file"], ["length", 1], ["sha256", plain.sha256]]);
  map.set("bytes", new Uint8Array([1, 2])).set("not_before", 1).set("critical", ["not_before"]);
  assert.equal(await codeOf(encodeCbor(map), 2), "content-critical");
});

Deno.test("openConfiguration() refuses a bomb that declares what it holds, and one that does not", async () => {
  const length = LIMITS.contentBytes + 1;
  const bytes = await compress(new Uint8Array(length), 2);
  assert.equal(await codeOf(encodeContent({ ...plain, bytes, length }), 2), "too-large");
  assert.equal(await codeOf(encodeContent({ ...plain, bytes, length: 10 }), 2), "compression");
});

for (const compression of [0, 1, 2] as const) {
  Deno.test(`openConfiguration() never gives other bytes, whichever byte is altered, algorithm ${compression}`, async () => {
    const input = { ...packing, encryption: 0, compression, bytes: text } as const;
    const packed = await packConfiguration(input);
    for (let i = 0; i < packed.length; i++) {
      const altered = packed.slice();
      altered[i] = (altered[i] as number) ^ 0x41;
      const opened = await openConfiguration(altered, { ...opening, encryption: 0, compression });
      if (opened.ok) assert.deepEqual(opened.value.bytes, text);
    }
  });
}
