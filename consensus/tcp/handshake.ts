/**
 * The mutual handshake over a socket, and the agreement on which connection of two members lives.
 *
 * Order: dialer's greeting, listener's greeting, dialer's proof, listener's proof, adoption. The listener says nothing
 * before it has seen a member's key, and signs and tells nothing before the dialer has proved that it holds it. Both
 * may dial at once, so of each pair the member with the smaller key decides: it adopts a connection by sending a
 * number greater than all before, and on both sides the highest number replaces the others. Refused with `handshake-*`
 * codes, `frame-seal` and `too-large`; the caller closes, without a word to the peer. Time is bounded by the caller.
 *
 * @module
 */
import type { PublicKey, Signature } from "../../core/brands.ts";
import { type Bytes, compare, u64be } from "../../core/bytes.ts";
import { accept, assert, refuse, type Verdict } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import type { Circle } from "./circle.ts";
import { encodeFrame } from "./frame.ts";
import {
  checkGreeting,
  checkProof,
  decodeGreeting,
  decodeProof,
  encodeGreeting,
  encodeProof,
  type Greeting,
  type Greetings,
  HELLO_BYTES_MAX,
  proofMessage,
  transcriptHash,
} from "./handshake_message.ts";
import {
  beginSession,
  type Ephemeral,
  generateEphemeral,
  KIND,
  type Role,
  type Session,
  sessionKeys,
} from "./session.ts";
import type { FrameSocket } from "./socket.ts";

/** Who we are: the key by which the others know us. */
export interface Identity {
  readonly publicKey: PublicKey;
  readonly sign: (message: Uint8Array) => Signature;
}

/** What a handshake needs to know. */
export interface HandshakeContext {
  readonly self: Identity;
  /** Who may be met. */
  readonly circle: Circle;
  readonly crypto: CryptoPort;
  /** Random bytes, fit for nonces. */
  readonly random: (count: number) => Bytes;
  /** What a member is told first; at most {@link HELLO_BYTES_MAX} bytes. */
  readonly hello: (member: number) => Bytes;
}

/** A peer that has proved who it is. */
export interface Authenticated {
  /** Its number (core/roster.ts). */
  readonly member: number;
  /** What it says first. */
  readonly hello: Bytes;
  readonly session: Session;
}

/** How one side goes about it. */
export type Side = {
  readonly role: "listener";
  /**
   * Told just before our proof is sent, with which the peer may hold the connection for good: from here on there is no
   * reason to dial it.
   */
  readonly proved: (member: number) => void;
} | {
  readonly role: "dialer";
  /** The member that was dialed. */
  readonly expected: number;
  /** Asked just before the proof is sent: false when a connection with the member has come about meanwhile. */
  readonly stillWanted: () => boolean;
};

/** Greetings and proofs. */
export async function authenticate(
  socket: FrameSocket,
  { context, side }: { context: HandshakeContext; side: Side },
): Promise<Verdict<Authenticated>> {
  const met = side.role === "dialer"
    ? await greetFirst(socket, { context, expected: side.expected })
    : await greetSecond(socket, context);
  if (!met.ok) return met;
  const exchange: Exchange = { ...met.value, context, role: side.role };
  const session = await sessionOf(exchange);
  if (session === undefined) return refuse("handshake-format", "the peer's agreement key is of small order");
  if (side.role === "dialer") {
    if (!side.stillWanted()) return refuse("handshake-superseded", "the member has been met meanwhile");
    await sendProof(socket, { exchange, session });
  }
  const hello = await readProof(socket, { exchange, session });
  if (!hello.ok) return hello;
  if (side.role === "listener") {
    side.proved(met.value.member);
    await sendProof(socket, { exchange, session });
  }
  return accept({ member: met.value.member, hello: hello.value, session });
}

/** Whether we are the one of the two that decides which connection lives. */
export function decides(own: PublicKey, peer: PublicKey): boolean {
  return compare(own, peer) < 0;
}

/** Sends `number`, which adopts this connection; false when the connection is over. */
export async function sendAdoption(
  socket: FrameSocket,
  { session, number }: { session: Session; number: number },
): Promise<boolean> {
  return await socket.write(encodeFrame(await session.seal(KIND.adoption, u64be(number))));
}

/** Waits for the number by which the peer adopts this connection. */
export async function readAdoption(socket: FrameSocket, session: Session): Promise<Verdict<number>> {
  const payload = await readSealed(socket, { session, kind: KIND.adoption });
  if (!payload.ok) return payload;
  if (payload.value.length !== 8) return refuse("handshake-format", "an adoption is not of 8 bytes");
  const { buffer, byteOffset } = payload.value;
  const number = Number(new DataView(buffer, byteOffset, 8).getBigUint64(0));
  return Number.isSafeInteger(number)
    ? accept(number)
    : refuse("handshake-format", "the adoption's number is too high");
}

/** Both greetings were exchanged, and the peer claims to be a member. */
interface Met {
  readonly member: number;
  readonly greetings: Greetings;
  readonly ephemeral: Ephemeral;
  readonly peerAgreementKey: Bytes;
}

interface Exchange extends Met {
  readonly context: HandshakeContext;
  readonly role: Role;
}

async function greetFirst(
  socket: FrameSocket,
  { context, expected }: { context: HandshakeContext; expected: number },
): Promise<Verdict<Met>> {
  const own = ownGreeting(context);
  await socket.write(encodeFrame(own.bytes));
  const peer = await readGreeting(socket, { context, expected });
  return peer.ok ? accept(metWith(own, peer.value)) : peer;
}

async function greetSecond(socket: FrameSocket, context: HandshakeContext): Promise<Verdict<Met>> {
  const peer = await readGreeting(socket, { context, expected: null });
  if (!peer.ok) return peer;
  const own = ownGreeting(context);
  await socket.write(encodeFrame(own.bytes));
  return accept(metWith(own, peer.value));
}

interface PeerGreeting {
  readonly bytes: Bytes;
  readonly member: number;
  readonly greeting: Greeting;
}

function metWith(
  own: { bytes: Bytes; ephemeral: Ephemeral },
  { bytes, member, greeting }: PeerGreeting,
): Met {
  return {
    member,
    greetings: { own: own.bytes, peer: bytes },
    ephemeral: own.ephemeral,
    peerAgreementKey: greeting.agreementKey,
  };
}

function ownGreeting({ circle, self, random }: HandshakeContext): { bytes: Bytes; ephemeral: Ephemeral } {
  const federation = circle.federation();
  const ephemeral = generateEphemeral();
  const bytes = encodeGreeting({
    version: 1,
    genesisId: federation.genesisId,
    federation: federation.hash,
    key: self.publicKey,
    nonce: random(32),
    agreementKey: ephemeral.publicKey,
  });
  return { bytes, ephemeral };
}

async function readGreeting(
  socket: FrameSocket,
  { context, expected }: { context: HandshakeContext; expected: number | null },
): Promise<Verdict<PeerGreeting>> {
  const bytes = await readFrame(socket);
  if (!bytes.ok) return bytes;
  const greeting = decodeGreeting(bytes.value);
  if (!greeting.ok) return greeting;
  const { circle, self } = context;
  const member = checkGreeting(greeting.value, { circle, self: self.publicKey, expected });
  return member.ok ? accept({ bytes: bytes.value, member: member.value, greeting: greeting.value }) : member;
}

async function sessionOf({ role, greetings, ephemeral, peerAgreementKey, context }: Exchange) {
  const shared = ephemeral.agree(peerAgreementKey);
  if (shared === undefined) return undefined;
  const { own, peer } = greetings;
  const byRole = role === "dialer" ? { dialer: own, listener: peer } : { dialer: peer, listener: own };
  return await beginSession(
    sessionKeys({ shared, transcript: transcriptHash(context.crypto.hash, byRole) }),
    role,
  );
}

async function sendProof(
  socket: FrameSocket,
  { exchange, session }: { exchange: Exchange; session: Session },
): Promise<void> {
  const { context: { self, circle, crypto, hello }, member, role, greetings } = exchange;
  const own = hello(member);
  assert(own.length <= HELLO_BYTES_MAX, `hello has ${own.length} bytes, at most ${HELLO_BYTES_MAX}`);
  const message = proofMessage(crypto.hash, {
    genesisId: circle.federation().genesisId,
    role,
    ownKey: self.publicKey,
    peerKey: circle.member(member).key,
    greetings,
    hello: own,
  });
  const proof = encodeProof({ signature: self.sign(message), hello: own });
  await socket.write(encodeFrame(await session.seal(KIND.proof, proof)));
}

async function readProof(
  socket: FrameSocket,
  { exchange, session }: { exchange: Exchange; session: Session },
): Promise<Verdict<Bytes>> {
  const payload = await readSealed(socket, { session, kind: KIND.proof });
  if (!payload.ok) return payload;
  const proof = decodeProof(payload.value);
  if (!proof.ok) return proof;
  const { context: { self, circle, crypto }, member, role, greetings } = exchange;
  return checkProof(proof.value, {
    crypto,
    genesisId: circle.federation().genesisId,
    role: role === "dialer" ? "listener" : "dialer",
    peerKey: circle.member(member).key,
    ownKey: self.publicKey,
    greetings,
  });
}

async function readSealed(
  socket: FrameSocket,
  { session, kind }: { session: Session; kind: number },
): Promise<Verdict<Bytes>> {
  const sealed = await readFrame(socket);
  if (!sealed.ok) return sealed;
  const opened = await session.open(sealed.value);
  if (opened === undefined) {
    return refuse("frame-seal", "a handshake frame does not open under the session's key");
  }
  if (opened.kind !== kind) {
    return refuse("handshake-format", `a frame of kind ${opened.kind}, wanted ${kind}`);
  }
  return accept(opened.payload);
}

async function readFrame(socket: FrameSocket): Promise<Verdict<Bytes>> {
  const frame = await socket.read(LIMITS.handshakeFrameBytes);
  return frame ?? refuse("handshake-closed", "the peer closed in the middle of the handshake");
}
