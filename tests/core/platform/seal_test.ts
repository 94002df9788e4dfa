/** Sealing and opening envelopes: vectors computed elsewhere, and every way to tamper with one. */
import assert from "node:assert/strict";
import { createDecipheriv } from "node:crypto";
import fc from "fast-check";
import { type Bytes, fromHex, toHex, utf8 } from "../../../core/bytes.ts";
import {
  additionalData,
  asContentKey,
  commitmentTo,
  type ContentKey,
  decodeEnvelope,
  encodeEnvelope,
  encryptionKey,
  type Envelope,
} from "../../../core/envelope.ts";
import { parsePublicKey } from "../../../core/keys.ts";
import { agreementKeyFromSeed } from "../../../core/platform/agreement.ts";
import { platformCrypto, randomBytes } from "../../../core/platform/crypto.ts";
import { privateKeyFromSeed } from "../../../core/platform/private_key.ts";
import { open, openWithContentKey, seal } from "../../../core/platform/seal.ts";
import type { PublicKey } from "../../../core/brands.ts";
import vectors from "../../vectors/envelope.json" with { type: "json" };
import { twoTextCiphertext } from "./two_text_ciphertext.ts";

const { hash } = platformCrypto;
const context = utf8("header");

function reader(fill: number) {
  const seed = new Uint8Array(32).fill(fill);
  return { publicKey: privateKeyFromSeed(seed).publicKey, key: agreementKeyFromSeed(seed) };
}
const alice = reader(1);
const bob = reader(2);
const eve = reader(3);
const both = [alice.publicKey, bob.publicKey];

const text = utf8("padded content");
const sealText = (recipients: readonly PublicKey[] = both) =>
  seal(text, { context, recipients, random: randomBytes });

function decoded(bytes: Bytes): Envelope {
  const envelope = decodeEnvelope(bytes);
  assert.ok(envelope.ok);
  return envelope.value;
}

async function codeOf(bytes: Bytes, options: { as?: typeof alice; context?: Bytes } = {}): Promise<string> {
  const verdict = await open(bytes, {
    context: options.context ?? context,
    keys: [(options.as ?? alice).key],
  });
  return verdict.ok ? "accepted" : verdict.code;
}

function flipped(bytes: Bytes, index: number): Bytes {
  const copy = bytes.slice();
  copy[index] = (copy[index] as number) ^ 1;
  return copy;
}

Deno.test("open() gives every reader what seal() sealed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 3000 }),
      fc.uint8Array({ maxLength: 200 }),
      async (bytes, header) => {
        const content = new Uint8Array(bytes);
        const options = { context: new Uint8Array(header) };
        const sealed = await seal(content, { ...options, recipients: both, random: randomBytes });
        for (const { key } of [alice, bob]) {
          const opened = await open(sealed, { ...options, keys: [eve.key, key] });
          assert.ok(opened.ok);
          assert.deepEqual(opened.value.plaintext, content);
          const { contentKey } = opened.value;
          assert.deepEqual(await openWithContentKey(sealed, { ...options, contentKey }), opened);
        }
      },
    ),
    { numRuns: 20 },
  );
});

for (const vector of [...vectors.envelopes, ...vectors.configurations]) {
  const bytes = (hex: string) => fromHex(hex) as Bytes;

  Deno.test(`seal() makes the envelope of the vector "${vector.name}"`, async () => {
    // Randomness in the order in which it is asked for: the content key, then an ephemeral key for each wrap.
    const stream = [vector.contentKey, ...vector.ephemeral].map(bytes).values();
    const sealed = await seal(bytes(vector.plaintext), {
      context: bytes(vector.context),
      recipients: vector.publicKeys.map((key) => parsePublicKey(bytes(key)) as PublicKey),
      random: () => stream.next().value as Bytes,
    });
    assert.equal(toHex(sealed), vector.envelope);
  });

  Deno.test(`open() opens the vector "${vector.name}" for each reader`, async () => {
    for (const seed of vector.seeds) {
      const keys = [agreementKeyFromSeed(bytes(seed))];
      const opened = await open(bytes(vector.envelope), { context: bytes(vector.context), keys });
      assert.ok(opened.ok);
      assert.equal(toHex(opened.value.plaintext), vector.plaintext);
      assert.equal(toHex(opened.value.contentKey), vector.contentKey);
    }
  });
}

Deno.test("seal() wraps once for a reader who is named twice", async () => {
  const sealed = await sealText([alice.publicKey, alice.publicKey]);
  assert.equal(decoded(sealed).wraps.length, 1);
});

Deno.test("seal() asserts one to eight readers", async () => {
  await assert.rejects(sealText([]), /0 readers/);
  const nine = Array.from({ length: 9 }, (_, i) => reader(10 + i).publicKey);
  await assert.rejects(sealText(nine), /9 readers/);
});

Deno.test("open() refuses a key that it was not sealed for, and no key", async () => {
  const sealed = await sealText();
  assert.equal(await codeOf(sealed, { as: eve }), "decryption");
  const none = await open(sealed, { context, keys: [] });
  assert.equal(none.ok ? "accepted" : none.code, "decryption");
});

Deno.test("open() refuses an envelope under another header", async () => {
  assert.equal(await codeOf(await sealText(), { context: utf8("headers") }), "decryption");
});

Deno.test("openWithContentKey() refuses an envelope under another header", async () => {
  const sealed = await sealText();
  const opened = await open(sealed, { context, keys: [alice.key] });
  assert.ok(opened.ok);
  const { contentKey } = opened.value;
  const verdict = await openWithContentKey(sealed, { context: utf8("headers"), contentKey });
  assert.equal(verdict.ok ? "accepted" : verdict.code, "decryption");
});

Deno.test("openWithContentKey() refuses another content key", async () => {
  const verdict = await openWithContentKey(await sealText(), {
    context,
    contentKey: asContentKey(randomBytes(32)),
  });
  assert.equal(verdict.ok ? "accepted" : verdict.code, "decryption");
});

Deno.test("open() refuses an envelope with any byte altered", async () => {
  const sealed = await sealText([alice.publicKey]);
  for (let i = 0; i < sealed.length; i++) {
    assert.match(await codeOf(flipped(sealed, i)), /^(decryption|cbor|envelope-format)$/, `byte ${i}`);
  }
});

Deno.test("open() refuses a ciphertext too short to have a tag", async () => {
  const envelope = decoded(await sealText());
  for (const length of [0, 1, 15, 16]) {
    const ciphertext = new Uint8Array(length);
    assert.equal(await codeOf(encodeEnvelope({ ...envelope, ciphertext })), "decryption");
  }
});

Deno.test("open() refuses wraps taken from another envelope", async () => {
  const [one, two] = [decoded(await sealText()), decoded(await sealText())];
  assert.equal(await codeOf(encodeEnvelope({ ...one, wraps: two.wraps })), "decryption");
  const moved = { ...one, wraps: two.wraps, commitment: two.commitment };
  assert.equal(await codeOf(encodeEnvelope(moved)), "decryption");
});

Deno.test("open() refuses a ciphertext valid under the wrapped key when the commitment is to another", async () => {
  const envelope = decoded(await sealText());
  const commitment = commitmentTo(hash, asContentKey(randomBytes(32)));
  assert.equal(await codeOf(encodeEnvelope({ ...envelope, commitment })), "decryption");
});

Deno.test("open() finds its wrap in any order and among others that do not hold", async () => {
  const envelope = decoded(await sealText());
  const noise = { enc: new Uint8Array(32), wrapped: new Uint8Array(48) };
  const wraps = [noise, ...[...envelope.wraps].reverse(), noise];
  assert.equal(await codeOf(encodeEnvelope({ ...envelope, wraps })), "accepted");
});

Deno.test("open() refuses wraps whose enc is a point of small order, and goes on", async () => {
  const envelope = decoded(await sealText([alice.publicKey]));
  const smallOrder = [0, 1].map((first) => {
    const enc = new Uint8Array(32);
    enc[0] = first;
    return { enc, wrapped: randomBytes(48) };
  });
  assert.equal(await codeOf(encodeEnvelope({ ...envelope, wraps: smallOrder })), "decryption");
  const wraps = [...smallOrder, ...envelope.wraps];
  assert.equal(await codeOf(encodeEnvelope({ ...envelope, wraps })), "accepted");
});

Deno.test("open() refuses noise without throwing", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      assert.match(await codeOf(new Uint8Array(bytes)), /^(cbor|envelope-format)$/);
    }),
  );
});

/** One envelope in which Alice's and Bob's wraps give different content keys, and both open the ciphertext. */
async function twoTextEnvelope(): Promise<
  { envelope: Envelope; contentKeys: readonly [ContentKey, ContentKey] }
> {
  const contentKeys = [asContentKey(randomBytes(32)), asContentKey(randomBytes(32))] as const;
  const wraps = await Promise.all(contentKeys.map(async (contentKey, i) => {
    const recipients = [both[i] as PublicKey];
    let first = true;
    const random = (length: number) => {
      const bytes = first ? contentKey : randomBytes(length);
      first = false;
      return bytes;
    };
    return decoded(await seal(text, { context, recipients, random })).wraps;
  }));
  const aesKeys = [encryptionKey(hash, contentKeys[0]), encryptionKey(hash, contentKeys[1])] as const;
  const ciphertext = twoTextCiphertext(aesKeys, additionalData(context));
  for (const key of aesKeys) {
    const gcm = createDecipheriv("aes-256-gcm", key, new Uint8Array(12));
    gcm.setAAD(additionalData(context)).setAuthTag(ciphertext.subarray(16));
    gcm.update(ciphertext.subarray(0, 16));
    gcm.final(); // throws unless the tag holds: AES-GCM alone accepts both
  }
  const commitment = commitmentTo(hash, contentKeys[0]);
  return { envelope: { version: 1, commitment, wraps: wraps.flat(), ciphertext }, contentKeys };
}

Deno.test("open() gives one text to all readers though the ciphertext opens to two", async () => {
  const { envelope, contentKeys } = await twoTextEnvelope();
  const bytes = encodeEnvelope(envelope);
  assert.equal(await codeOf(bytes, { as: alice }), "accepted");
  assert.equal(await codeOf(bytes, { as: bob }), "decryption");
  const disclosed = await openWithContentKey(bytes, { context, contentKey: contentKeys[1] });
  assert.equal(disclosed.ok ? "accepted" : disclosed.code, "decryption");
});
