/**
 * Session keys and sealed frames: what two members say after the handshake is confidential and cannot be altered,
 * dropped, repeated or reordered without the connection ending.
 *
 * Key agreement is X25519 (RFC 7748) with fresh keys a connection, so that a member's long-lived key, stolen later,
 * opens nothing recorded earlier. HKDF-SHA-256 (RFC 5869) over the shared secret, salted with the handshake's
 * transcript, gives one key a direction. A frame is AES-256-GCM (NIST SP 800-38D) over [kind ‖ payload]; its nonce is
 * four zero bytes and the frame's number in its direction, which never travels.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
} from "node:crypto";
import type { Hash } from "../../core/brands.ts";
import { type Bytes, concat, fromHex, u64be } from "../../core/bytes.ts";
import { assert } from "../../core/errors.ts";

/** Which end of the connection: the one that connected, or the one that accepted. */
export type Role = "dialer" | "listener";

/** What a sealed frame is. */
export const KIND = { data: 0, ping: 1, proof: 2, adoption: 3 } as const;

/** An X25519 key pair for one handshake. */
export interface Ephemeral {
  /** 32 bytes. */
  readonly publicKey: Bytes;
  /** The shared secret, 32 bytes; `undefined` for a peer's key of small order, which would make it public. */
  readonly agree: (peer: Bytes) => Bytes | undefined;
}

/** One connection's two directions. Each is used by one caller at a time, in order. */
export interface Session {
  /** Seals the next frame to the peer. */
  readonly seal: (kind: number, payload: Uint8Array) => Promise<Bytes>;
  /** Opens the next frame from the peer; `undefined` when it is not that. */
  readonly open: (sealed: Bytes) => Promise<{ readonly kind: number; readonly payload: Bytes } | undefined>;
}

/** Bytes that sealing adds: the kind and the tag. */
export const SEAL_BYTES = 17;

const TAG_BYTES = 16;
/** From here on the work leaves the event loop: 40 MiB would hold up the votes for a quarter of a second. */
const ASYNC_BYTES = 32 * 1024;
/** SubjectPublicKeyInfo of an X25519 key up to the key's 32 bytes (RFC 8410 §4). */
const SPKI_PREFIX = fromHex("302a300506032b656e032100") as Bytes;

/** Makes a fresh key pair. */
export function generateEphemeral(): Ephemeral {
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  return {
    publicKey: new Uint8Array(publicKey.export({ type: "spki", format: "der" }).subarray(-32)),
    agree: (peer) => {
      try {
        const der = Buffer.from(concat(SPKI_PREFIX, peer));
        const shared = diffieHellman({
          privateKey,
          publicKey: createPublicKey({ key: der, format: "der", type: "spki" }),
        });
        // RFC 7748 §6.1: some platforms refuse by themselves, some give zeros.
        return shared.every((byte) => byte === 0) ? undefined : new Uint8Array(shared);
      } catch {
        return undefined;
      }
    },
  };
}

/** The keys of both directions: HKDF-SHA-256, dialer's first. */
export function sessionKeys(
  { shared, transcript }: { shared: Bytes; transcript: Hash },
): Readonly<Record<Role, Bytes>> {
  const bytes = new Uint8Array(hkdfSync("sha256", shared, transcript, "vnfchain/session/1", 64));
  return { dialer: bytes.slice(0, 32), listener: bytes.slice(32) };
}

/** Begins a session for one end, by its role. */
export async function beginSession(keys: Readonly<Record<Role, Bytes>>, role: Role): Promise<Session> {
  const out = await makeKey(keys[role]);
  const inward = await makeKey(keys[role === "dialer" ? "listener" : "dialer"]);
  return {
    seal: (kind, payload) => seal(out, concat(Uint8Array.of(kind), payload)),
    open: async (sealed) => {
      const plain = sealed.length < SEAL_BYTES ? undefined : await open(inward, sealed);
      return plain === undefined ? undefined : { kind: plain[0] as number, payload: plain.subarray(1) };
    },
  };
}

/** A key and the number of the next frame under it. */
interface DirectionKey {
  readonly raw: Bytes;
  readonly web: CryptoKey;
  count: number;
}

async function makeKey(raw: Bytes): Promise<DirectionKey> {
  const web = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  return { raw, web, count: 0 };
}

function nextNonce(key: DirectionKey): Bytes {
  assert(key.count < Number.MAX_SAFE_INTEGER, "a session's frame numbers are used up");
  return concat(new Uint8Array(4), u64be(key.count++));
}

async function seal(key: DirectionKey, plain: Bytes): Promise<Bytes> {
  const iv = nextNonce(key);
  if (plain.length >= ASYNC_BYTES) {
    return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key.web, plain));
  }
  const cipher = createCipheriv("aes-256-gcm", key.raw, iv, { authTagLength: TAG_BYTES });
  return concat(cipher.update(plain), cipher.final(), cipher.getAuthTag());
}

async function open(key: DirectionKey, sealed: Bytes): Promise<Bytes | undefined> {
  const iv = nextNonce(key);
  try {
    if (sealed.length >= ASYNC_BYTES) {
      return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key.web, sealed));
    }
    const decipher = createDecipheriv("aes-256-gcm", key.raw, iv, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    return concat(decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final());
  } catch {
    return undefined;
  }
}
