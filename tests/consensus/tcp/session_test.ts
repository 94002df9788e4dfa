/**
 * @module
 */
import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { x25519 } from "@noble/curves/ed25519.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import {
  beginSession,
  generateEphemeral,
  KIND,
  SEAL_BYTES,
  sessionKeys,
} from "../../../consensus/tcp/session.ts";
import { asHash } from "../../../core/brands.ts";
import { type Bytes, concat, utf8 } from "../../../core/bytes.ts";
import { randomBytes } from "../../../core/platform/crypto.ts";

const SMALL = utf8("a vote");
const LARGE = randomBytes(100_000);

async function sessions() {
  const keys = sessionKeys({ shared: randomBytes(32), transcript: asHash(randomBytes(32)) });
  return { keys, dialer: await beginSession(keys, "dialer"), listener: await beginSession(keys, "listener") };
}

Deno.test("key agreement gives what another implementation of X25519 gives", () => {
  const ephemeral = generateEphemeral();
  const secret = x25519.utils.randomSecretKey();
  const shared = ephemeral.agree(x25519.getPublicKey(secret) as Bytes);
  assert.deepEqual(shared, x25519.getSharedSecret(secret, ephemeral.publicKey));
});

Deno.test("key agreement refuses keys of small order", () => {
  const one = new Uint8Array(32);
  one[0] = 1;
  assert.equal(generateEphemeral().agree(new Uint8Array(32)), undefined);
  assert.equal(generateEphemeral().agree(one), undefined);
});

Deno.test("session keys are what another implementation of HKDF gives", () => {
  const [shared, transcript] = [randomBytes(32), asHash(randomBytes(32))];
  const { dialer, listener } = sessionKeys({ shared, transcript });
  assert.deepEqual(
    concat(dialer, listener),
    hkdf(sha256, shared, transcript, utf8("vnfchain/session/1"), 64),
  );
});

for (const [size, payload] of Object.entries({ small: SMALL, large: LARGE })) {
  Deno.test(`a ${size} frame opens at the other end, both ways`, async () => {
    const { dialer, listener } = await sessions();
    for (const [from, to] of [[dialer, listener], [listener, dialer]] as const) {
      const sealed = await from.seal(KIND.data, payload);
      assert.equal(sealed.length, payload.length + SEAL_BYTES);
      assert.deepEqual(await to.open(sealed), { kind: KIND.data, payload });
    }
  });

  Deno.test(`a ${size} frame is AES-256-GCM over kind and payload with the frame's number as nonce`, async () => {
    const { keys, dialer } = await sessions();
    await dialer.seal(KIND.ping, new Uint8Array());
    const nonce = new Uint8Array(12);
    nonce[11] = 1;
    const cipher = createCipheriv("aes-256-gcm", keys.dialer, nonce);
    const text = cipher.update(concat(Uint8Array.of(KIND.data), payload));
    assert.deepEqual(
      await dialer.seal(KIND.data, payload),
      concat(text, cipher.final(), cipher.getAuthTag()),
    );
  });

  Deno.test(`a ${size} frame with a byte flipped does not open`, async () => {
    for (const where of [0, 1, payload.length, payload.length + SEAL_BYTES - 1]) {
      const { dialer, listener } = await sessions();
      const sealed = await dialer.seal(KIND.data, payload);
      sealed[where] = (sealed[where] as number) ^ 1;
      assert.equal(await listener.open(sealed), undefined);
    }
  });
}

Deno.test("a frame opens once", async () => {
  const { dialer, listener } = await sessions();
  const sealed = await dialer.seal(KIND.data, SMALL);
  assert.notEqual(await listener.open(sealed), undefined);
  assert.equal(await listener.open(sealed), undefined);
});

Deno.test("a frame does not open in place of the one before it", async () => {
  const { dialer, listener } = await sessions();
  await dialer.seal(KIND.data, SMALL);
  assert.equal(await listener.open(await dialer.seal(KIND.data, SMALL)), undefined);
});

Deno.test("a frame sent back to its sender does not open", async () => {
  const { dialer } = await sessions();
  assert.equal(await dialer.open(await dialer.seal(KIND.data, SMALL)), undefined);
});

Deno.test("a frame too short for a tag does not open", async () => {
  const { listener } = await sessions();
  for (let length = 0; length < SEAL_BYTES; length++) {
    assert.equal(await listener.open(new Uint8Array(length)), undefined);
  }
});
