import assert from "node:assert/strict";
import fc from "fast-check";
import { asCid, asHash, asTxId, type PublicKey } from "../../core/brands.ts";
import { type Bytes, fromHex, toHex } from "../../core/bytes.ts";
import { makeCid } from "../../core/cid.ts";
import { platformCrypto as crypto } from "../../core/platform/crypto.ts";
import { privateKeyFromSeed } from "../../core/platform/private_key.ts";
import {
  type ConfigurationPayload,
  envelopeContext,
  nonceKey,
  type Payload,
  signTransaction,
} from "../../core/transaction.ts";
import { verifyTransaction } from "../../core/transaction_rules.ts";
import { testKey } from "../support/keys.ts";

interface Vectors {
  readonly genesisId: string;
  readonly keys: Readonly<Record<string, { readonly seed: string; readonly public: string }>>;
  readonly accepted: readonly {
    readonly name: string;
    readonly sender: string;
    readonly cose: string;
    readonly id: string;
  }[];
  readonly rejected: readonly { readonly name: string; readonly cose: string; readonly code: string }[];
}

const vectors = JSON.parse(
  await Deno.readTextFile(new URL("../vectors/transactions.json", import.meta.url)),
) as Vectors;
const genesisId = asHash(hex(vectors.genesisId));

function hex(text: string): Bytes {
  const bytes = fromHex(text);
  assert(bytes !== undefined);
  return bytes;
}

for (const { name, sender, cose, id } of vectors.accepted) {
  Deno.test(`verifyTransaction() accepts a transaction that another COSE library signed: ${name}`, () => {
    const verdict = verifyTransaction(hex(cose), { genesisId, crypto });
    assert(verdict.ok, verdict.ok ? "" : verdict.detail);
    assert.equal(toHex(verdict.value.id), id);
    assert.equal(toHex(verdict.value.payload.sender), vectors.keys[sender]?.public);
  });

  Deno.test(`signTransaction() gives the bytes that another COSE library gives: ${name}`, () => {
    const verdict = verifyTransaction(hex(cose), { genesisId, crypto });
    assert(verdict.ok);
    const key = privateKeyFromSeed(hex(vectors.keys[sender]?.seed ?? ""));
    const { sign } = key;
    const again = signTransaction(verdict.value.payload, { genesisId, hash: crypto.hash, sign });
    assert.equal(toHex(again.bytes), cose);
    assert.equal(toHex(again.id), id);
  });
}

for (const { name, cose, code } of vectors.rejected) {
  Deno.test(`verifyTransaction() refuses ${name} with ${code}`, () => {
    const verdict = verifyTransaction(hex(cose), { genesisId, crypto });
    assert.equal(verdict.ok ? "accepted" : verdict.code, code);
  });
}

const tenant = testKey("tenant");
const vnf = testKey("vnf");

function configuration(changes: Partial<ConfigurationPayload> = {}): ConfigurationPayload {
  return {
    version: 1,
    type: 1,
    cid: makeCid(crypto.hash, { owner: tenant.publicKey, random: new Uint8Array(16) }),
    vid: 1,
    compression: 0,
    encryption: 0,
    description: "",
    sender: tenant.publicKey,
    recipient: vnf.publicKey,
    timestamp: 1_800_000_000_000,
    nonce: new Uint8Array(16),
    body: { applyBefore: [], applyAfter: [], inReplyTo: null, configuration: new Uint8Array([1, 2, 3]) },
    ...changes,
  };
}

function signed(payload: Payload) {
  return signTransaction(payload, { genesisId, hash: crypto.hash, sign: tenant.sign });
}

Deno.test("verifyTransaction() refuses or leaves the meaning as it was, whichever byte is changed", () => {
  const { bytes, id } = signed(configuration());
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const altered = bytes.slice();
      altered[at] = (altered[at] as number) ^ change;
      const verdict = verifyTransaction(altered, { genesisId, crypto });
      assert(!verdict.ok, `accepted with byte ${at} changed; id ${toHex(id)}`);
    }),
    { numRuns: 500 },
  );
});

Deno.test("verifyTransaction() never throws, whatever the bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert(!verifyTransaction(bytes, { genesisId, crypto }).ok);
    }),
  );
});

Deno.test("verifyTransaction() keeps bytes of its own", () => {
  const { bytes } = signed(configuration());
  const input = bytes.slice();
  const verdict = verifyTransaction(input, { genesisId, crypto });
  assert(verdict.ok);
  input.fill(0);
  assert.equal(toHex(verdict.value.bytes), toHex(bytes));
});

const cid = asCid(new Uint8Array(32).fill(7));
const changes: readonly (readonly [string, Partial<ConfigurationPayload>])[] = [
  ["cid", { cid }],
  ["vid", { vid: 2 }],
  ["compression", { compression: 2 }],
  ["encryption", { encryption: 1 }],
  ["description", { description: "x" }],
  ["sender", { sender: vnf.publicKey }],
  ["recipient", { recipient: tenant.publicKey }],
  ["timestamp", { timestamp: 1 }],
  ["nonce", { nonce: new Uint8Array(16).fill(1) }],
  ["applyBefore", { body: { ...configuration().body, applyBefore: [{ cid, vid: null }] } }],
  ["applyAfter", { body: { ...configuration().body, applyAfter: [{ cid, vid: null }] } }],
  ["inReplyTo", { body: { ...configuration().body, inReplyTo: asTxId(cid) } }],
];

for (const [field, change] of changes) {
  Deno.test(`envelopeContext() binds ${field}`, () => {
    assert.notEqual(toHex(envelopeContext(configuration(change))), toHex(envelopeContext(configuration())));
  });
}

Deno.test("envelopeContext() leaves the configuration itself out", () => {
  const body = { ...configuration().body, configuration: new Uint8Array(9) };
  assert.equal(toHex(envelopeContext(configuration({ body }))), toHex(envelopeContext(configuration())));
});

Deno.test("nonceKey() differs by sender and by nonce, and by nothing else", () => {
  const key = (change: Partial<ConfigurationPayload>) => toHex(nonceKey(crypto.hash, configuration(change)));
  assert.notEqual(key({ sender: vnf.publicKey as PublicKey }), key({}));
  assert.notEqual(key({ nonce: new Uint8Array(16).fill(1) }), key({}));
  assert.equal(key({ vid: 5, timestamp: 9, description: "other" }), key({}));
});
