/**
 * The handshake's messages and what is checked of them; the order of events stands in handshake.ts.
 *
 * Both sides send a greeting in the clear, then a proof under the session's keys: a signature over both greetings
 * as they travelled, the role, both keys and the hash of the opaque hello that comes with it. Both nonces are fresh,
 * so nothing can be replayed; the role and the order own-then-peer differ by side, so nothing can be reflected; both
 * keys are signed, so nothing can be passed on to a third member; both X25519 keys are signed, so nobody sits in
 * the middle. Refused with `handshake-*` codes.
 *
 * @module
 */
import type { Hash, PublicKey, Signature } from "../../core/brands.ts";
import { type Bytes, equal } from "../../core/bytes.ts";
import { encodeCbor } from "../../core/cbor.ts";
import { accept, refuse, type Verdict } from "../../core/errors.ts";
import { type HashFunction, taggedHash } from "../../core/hashing.ts";
import { LIMITS } from "../../core/limits.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import {
  bytesOf,
  bytesUpTo,
  constant,
  decodeShape,
  encodeShape,
  hashShape,
  publicKeyShape,
  record,
  type Shape,
  signatureShape,
} from "../../core/shape.ts";
import type { Circle } from "./circle.ts";
import type { Role } from "./session.ts";

/** Largest hello that fits a handshake frame beside signature, tag and CBOR heads. */
export const HELLO_BYTES_MAX: number = LIMITS.handshakeFrameBytes - 128;

/** The first message of each side. */
export interface Greeting {
  readonly version: 1;
  readonly genesisId: Hash;
  /** Hash of the document in force at the sender; a member that lags may still have the one before. */
  readonly federation: Hash;
  readonly key: PublicKey;
  /** 32 random bytes. */
  readonly nonce: Bytes;
  /** A fresh X25519 public key, 32 bytes. */
  readonly agreementKey: Bytes;
}

const greetingShape: Shape<Greeting> = record({
  version: constant(1),
  genesisId: hashShape,
  federation: hashShape,
  key: publicKeyShape,
  nonce: bytesOf(32),
  agreementKey: bytesOf(32),
});

/** The second message of each side. */
export interface Proof {
  readonly signature: Signature;
  /** What the side above has to say first; opaque here. */
  readonly hello: Bytes;
}

const proofShape: Shape<Proof> = record({ signature: signatureShape, hello: bytesUpTo(HELLO_BYTES_MAX) });

/** Encodes a greeting. */
export function encodeGreeting(greeting: Greeting): Bytes {
  return encodeShape(greetingShape, greeting);
}

/** Decodes untrusted bytes as a greeting. */
export function decodeGreeting(bytes: Uint8Array): Verdict<Greeting> {
  return decodeShape(greetingShape, bytes, { what: "greeting", code: "handshake-format" });
}

/** Encodes a proof. */
export function encodeProof(proof: Proof): Bytes {
  return encodeShape(proofShape, proof);
}

/** Decodes untrusted bytes as a proof; whether it holds is for {@link checkProof} to say. */
export function decodeProof(bytes: Uint8Array): Verdict<Proof> {
  return decodeShape(proofShape, bytes, { what: "proof", code: "handshake-format" });
}

/** Judges a greeting before anything is signed for its sender; gives the member's number. */
export function checkGreeting(
  { genesisId, key }: Pick<Greeting, "genesisId" | "key">,
  { circle, self, expected }: {
    circle: Circle;
    self: PublicKey;
    /** The member that was dialed; null for the side that accepted. */
    expected: number | null;
  },
): Verdict<number> {
  if (!equal(genesisId, circle.federation().genesisId)) {
    return refuse("handshake-chain", "the peer is of another chain");
  }
  if (equal(key, self)) {
    return refuse("handshake-self", "the peer shows our own key: we dialed ourselves, or it reflects");
  }
  const member = circle.numberOf(key);
  if (member === undefined) return refuse("handshake-member", "the peer's key is no member's");
  if (expected !== null && member !== expected) {
    const [found, wanted] = [circle.member(member).name, circle.member(expected).name];
    return refuse("handshake-member", `the peer is member ${found}, wanted ${wanted}`);
  }
  return accept(member);
}

/** Both greetings as one side sees them, encoded as they travelled. */
export interface Greetings {
  readonly own: Bytes;
  readonly peer: Bytes;
}

/** What both sides have seen, the same for both; salts the session's keys. */
export function transcriptHash(
  hash: HashFunction,
  { dialer, listener }: Readonly<Record<Role, Bytes>>,
): Hash {
  return taggedHash(hash, "vnfchain/handshake-transcript/1", encodeCbor([dialer, listener]));
}

/** What a side signs: `role` and `own` are the signer's. */
export function proofMessage(
  hash: HashFunction,
  proof: {
    readonly genesisId: Hash;
    readonly role: Role;
    readonly ownKey: PublicKey;
    readonly peerKey: PublicKey;
    readonly greetings: Greetings;
    readonly hello: Bytes;
  },
): Bytes {
  return encodeCbor([
    "vnfchain/handshake/1",
    proof.genesisId,
    proof.role,
    proof.ownKey,
    proof.peerKey,
    proof.greetings.own,
    proof.greetings.peer,
    taggedHash(hash, "vnfchain/handshake-hello/1", proof.hello),
  ]);
}

/** Judges the peer's proof; the message is put together here from what we have seen, not from what it claims. */
export function checkProof(
  { signature, hello }: Proof,
  { crypto, ...seen }: {
    crypto: CryptoPort;
    genesisId: Hash;
    /** The peer's role. */
    role: Role;
    peerKey: PublicKey;
    ownKey: PublicKey;
    greetings: Greetings;
  },
): Verdict<Bytes> {
  const message = proofMessage(crypto.hash, {
    genesisId: seen.genesisId,
    role: seen.role,
    ownKey: seen.peerKey,
    peerKey: seen.ownKey,
    greetings: { own: seen.greetings.peer, peer: seen.greetings.own },
    hello,
  });
  return crypto.verify(seen.peerKey, message, signature)
    ? accept(hello)
    : refuse("handshake-signature", "the peer does not prove that it holds its key");
}
