/**
 * @module
 */
import assert from "node:assert/strict";
import {
  checkGreeting,
  checkProof,
  decodeGreeting,
  decodeProof,
  encodeGreeting,
  encodeProof,
  type Greeting,
  HELLO_BYTES_MAX,
  proofMessage,
} from "../../../consensus/tcp/handshake_message.ts";
import { asHash, asSignature, type PublicKey } from "../../../core/brands.ts";
import { type Bytes, utf8 } from "../../../core/bytes.ts";
import { encodeCbor } from "../../../core/cbor.ts";
import { platformCrypto, randomBytes } from "../../../core/platform/crypto.ts";
import { generatePrivateKey, type PrivateKey } from "../../../core/platform/private_key.ts";
import { circleOf, makeFederation } from "./support.ts";

const from = makeFederation(3);
const { federation } = from;
const [first, second, third] = from.keys as readonly [PrivateKey, PrivateKey, PrivateKey];
const circle = circleOf(federation, first);
const stranger = generatePrivateKey();

function greetingOf(key: PublicKey): Greeting {
  return {
    version: 1,
    genesisId: federation.genesisId,
    federation: federation.hash,
    key,
    nonce: randomBytes(32),
    agreementKey: randomBytes(32),
  };
}

Deno.test("decodeGreeting() reads back what encodeGreeting() wrote", () => {
  const greeting = greetingOf(first.publicKey);
  assert.deepEqual(decodeGreeting(encodeGreeting(greeting)), { ok: true, value: greeting });
});

const SMALL_ORDER = new Uint8Array(32) as PublicKey;
SMALL_ORDER[0] = 1;

const BAD_GREETINGS: Record<string, Bytes> = {
  "no bytes": new Uint8Array(),
  "another version": encodeCbor([
    2,
    federation.genesisId,
    federation.hash,
    first.publicKey,
    randomBytes(32),
    randomBytes(32),
  ]),
  "a short nonce": encodeCbor([
    1,
    federation.genesisId,
    federation.hash,
    first.publicKey,
    randomBytes(31),
    randomBytes(32),
  ]),
  "a key of small order": encodeGreeting(greetingOf(SMALL_ORDER)),
  "one element too many": encodeCbor([
    1,
    federation.genesisId,
    federation.hash,
    first.publicKey,
    randomBytes(32),
    randomBytes(32),
    0,
  ]),
};

for (const [what, bytes] of Object.entries(BAD_GREETINGS)) {
  Deno.test(`decodeGreeting() refuses ${what}`, () => {
    const verdict = decodeGreeting(bytes);
    assert(!verdict.ok);
    assert.match(verdict.code, /^(handshake-format|cbor)$/);
  });
}

const GREETINGS = [
  { what: "a member", greeting: greetingOf(second.publicKey), expected: null, wanted: 1 },
  { what: "the member dialed", greeting: greetingOf(second.publicKey), expected: 1, wanted: 1 },
  {
    what: "a member with another federation document",
    greeting: { ...greetingOf(second.publicKey), federation: asHash(randomBytes(32)) },
    expected: null,
    wanted: 1,
  },
  {
    what: "another member than the one dialed",
    greeting: greetingOf(third.publicKey),
    expected: 1,
    wanted: "handshake-member",
  },
  {
    what: "a stranger",
    greeting: greetingOf(stranger.publicKey),
    expected: null,
    wanted: "handshake-member",
  },
  { what: "ourselves", greeting: greetingOf(first.publicKey), expected: null, wanted: "handshake-self" },
  {
    what: "a member of another chain",
    greeting: { ...greetingOf(second.publicKey), genesisId: asHash(randomBytes(32)) },
    expected: null,
    wanted: "handshake-chain",
  },
];

for (const { what, greeting, expected, wanted } of GREETINGS) {
  Deno.test(`checkGreeting() on ${what}: ${wanted}`, () => {
    const verdict = checkGreeting(greeting, { circle, self: first.publicKey, expected });
    assert.equal(verdict.ok ? verdict.value : verdict.code, wanted);
  });
}

/** What the second member signs as dialer to the first; `checkProof()` sees it from the first's side. */
function proofOf(changes: Partial<Parameters<typeof proofMessage>[1]> = {}, signer = second) {
  const message = proofMessage(platformCrypto.hash, {
    genesisId: federation.genesisId,
    role: "dialer",
    ownKey: second.publicKey,
    peerKey: first.publicKey,
    greetings: { own: utf8("greeting of the second"), peer: utf8("greeting of the first") },
    hello: utf8("hello"),
    ...changes,
  });
  return { signature: signer.sign(message), hello: utf8("hello") };
}

const SEEN = {
  crypto: platformCrypto,
  genesisId: federation.genesisId,
  role: "dialer",
  peerKey: second.publicKey,
  ownKey: first.publicKey,
  greetings: { own: utf8("greeting of the first"), peer: utf8("greeting of the second") },
} as const;

Deno.test("checkProof() accepts a proof about exactly what was seen", () => {
  assert.deepEqual(checkProof(proofOf(), SEEN), { ok: true, value: utf8("hello") });
});

const BAD_PROOFS = {
  "for another chain": proofOf({ genesisId: asHash(randomBytes(32)) }),
  "for the other role": proofOf({ role: "listener" }),
  "by another key": proofOf({}, third),
  "naming another signer": proofOf({ ownKey: third.publicKey }),
  "meant for another member": proofOf({ peerKey: third.publicKey }),
  "over an older greeting of ours": proofOf({
    greetings: { own: utf8("greeting of the second"), peer: utf8("older") },
  }),
  "over an older greeting of its own": proofOf({
    greetings: { own: utf8("older"), peer: utf8("greeting of the first") },
  }),
  "over the greetings the other way round": proofOf({
    greetings: { own: utf8("greeting of the first"), peer: utf8("greeting of the second") },
  }),
  "with another hello": { ...proofOf(), hello: utf8("other") },
  "without a signature": { ...proofOf(), signature: asSignature(new Uint8Array(64)) },
};

for (const [what, proof] of Object.entries(BAD_PROOFS)) {
  Deno.test(`checkProof() refuses a proof ${what}`, () => {
    const verdict = checkProof(proof, SEEN);
    assert.equal(verdict.ok ? "accepted" : verdict.code, "handshake-signature");
  });
}

Deno.test("decodeProof() takes the largest hello and refuses one byte more", () => {
  const { signature } = proofOf();
  const sizes = [HELLO_BYTES_MAX, HELLO_BYTES_MAX + 1];
  const verdicts = sizes.map((size) => decodeProof(encodeProof({ signature, hello: new Uint8Array(size) })));
  assert.deepEqual(verdicts.map((verdict) => verdict.ok), [true, false]);
});
