/**
 * Sealing content into an envelope and opening it (design: bytes, encryption 1): AES-256-GCM under a fresh content key,
 * which HPKE (RFC 9180, base mode; DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM) wraps to each reader.
 *
 * Opening refuses with `cbor`, `envelope-format` and, for everything else, `decryption`: no key of ours, another header
 * (`context`), an altered ciphertext, or a content key that the envelope does not commit to. No wrap says whose it is;
 * each is tried.
 *
 * @module
 */
import { Aes256Gcm, CipherSuite, HkdfSha256, HpkeError } from "@hpke/core";
import { DhkemX25519HkdfSha256 } from "@hpke/dhkem-x25519";
import type { PublicKey } from "../brands.ts";
import { type Bytes, toHex } from "../bytes.ts";
import {
  additionalData,
  asContentKey,
  commitmentTo,
  CONTENT_KEY_BYTES,
  type ContentKey,
  decodeEnvelope,
  encodeEnvelope,
  encryptionKey,
  type Envelope,
  isCommitted,
  type Wrap,
} from "../envelope.ts";
import { accept, assert, refuse, type Verdict } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import { type AgreementKey, agreementPublicKey } from "./agreement.ts";
import { platformCrypto } from "./crypto.ts";

/** Gives that many random bytes, fit for keys. */
export type RandomFunction = (length: number) => Bytes;

/** What an envelope opened to. */
export interface Opened {
  /** Still padded. */
  readonly plaintext: Bytes;
  /** Opens this envelope alone: what a disclosure shows. */
  readonly contentKey: ContentKey;
}

const { hash } = platformCrypto;

const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});

/** Twelve zero bytes: a content key encrypts once. */
const NONCE = new Uint8Array(12);

/** Seals padded content for 1 to {@link LIMITS.envelopeWraps} readers; one named twice gets one wrap. */
export async function seal(
  content: Bytes,
  options: {
    readonly context: Bytes;
    readonly recipients: readonly PublicKey[];
    readonly random: RandomFunction;
  },
): Promise<Bytes> {
  const readers = new Map(options.recipients.map((key) => [toHex(key), key]));
  assert(readers.size > 0 && readers.size <= LIMITS.envelopeWraps, `envelope is for ${readers.size} readers`);
  const contentKey = asContentKey(options.random(CONTENT_KEY_BYTES));
  const data = additionalData(options.context);
  const wraps: Wrap[] = [];
  for (const reader of readers.values()) {
    wraps.push(await wrap(contentKey, { reader, info: data, random: options.random }));
  }
  const gcm = { name: "AES-GCM", iv: NONCE, additionalData: data };
  const ciphertext = await crypto.subtle.encrypt(gcm, await aesKey(contentKey, "encrypt"), content);
  return encodeEnvelope({
    version: 1,
    commitment: commitmentTo(hash, contentKey),
    wraps,
    ciphertext: new Uint8Array(ciphertext),
  });
}

/** Opens an envelope with whichever of the keys fits. */
export async function open(
  bytes: Bytes,
  options: { readonly context: Bytes; readonly keys: readonly AgreementKey[] },
): Promise<Verdict<Opened>> {
  const envelope = decodeEnvelope(bytes);
  if (!envelope.ok) return envelope;
  const info = additionalData(options.context);
  for (const key of options.keys) {
    for (const candidate of envelope.value.wraps) {
      const contentKey = await unwrap(candidate, { key, info });
      if (contentKey === undefined || !isCommitted(hash, { envelope: envelope.value, contentKey })) {
        continue;
      }
      return await decrypt(envelope.value, { contentKey, data: info });
    }
  }
  return refuse("decryption", "no wrap gives a key of ours the content key that the envelope commits to");
}

/** Opens an envelope with a content key that its reader disclosed. */
export async function openWithContentKey(
  bytes: Bytes,
  options: { readonly context: Bytes; readonly contentKey: ContentKey },
): Promise<Verdict<Opened>> {
  const envelope = decodeEnvelope(bytes);
  if (!envelope.ok) return envelope;
  const { contentKey } = options;
  if (!isCommitted(hash, { envelope: envelope.value, contentKey })) {
    return refuse("decryption", "the envelope commits to another content key");
  }
  return await decrypt(envelope.value, { contentKey, data: additionalData(options.context) });
}

async function wrap(
  contentKey: ContentKey,
  options: { reader: PublicKey; info: Bytes; random: RandomFunction },
): Promise<Wrap> {
  const sealed = await suite.seal({
    recipientPublicKey: await suite.kem.deserializePublicKey(agreementPublicKey(options.reader)),
    info: options.info,
    // The ephemeral key pair as RFC 9180 §7.1.2 generates one: DeriveKeyPair(random(Nsk)).
    ekm: options.random(32),
  }, contentKey);
  return { enc: new Uint8Array(sealed.enc), wrapped: new Uint8Array(sealed.ct) };
}

/** The wrapped content key, or nothing when the wrap is for another key, under another header, or altered. */
async function unwrap(
  candidate: Wrap,
  options: { key: AgreementKey; info: Bytes },
): Promise<ContentKey | undefined> {
  const recipientKey = await suite.kem.deserializePrivateKey(options.key);
  try {
    const params = { recipientKey, enc: candidate.enc, info: options.info };
    return asContentKey(new Uint8Array(await suite.open(params, candidate.wrapped)));
  } catch (error) {
    if (error instanceof HpkeError) return undefined;
    throw error;
  }
}

async function decrypt(
  envelope: Envelope,
  options: { contentKey: ContentKey; data: Bytes },
): Promise<Verdict<Opened>> {
  const gcm = { name: "AES-GCM", iv: NONCE, additionalData: options.data };
  const key = await aesKey(options.contentKey, "decrypt");
  try {
    const plaintext = new Uint8Array(await crypto.subtle.decrypt(gcm, key, envelope.ciphertext));
    return accept({ plaintext, contentKey: options.contentKey });
  } catch (error) {
    // WebCrypto's one error for a tag that does not match, and for a ciphertext too short to have one.
    if (error instanceof DOMException && error.name === "OperationError") {
      return refuse("decryption", "the ciphertext was altered, or belongs under another header");
    }
    throw error;
  }
}

function aesKey(contentKey: ContentKey, usage: "encrypt" | "decrypt"): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", encryptionKey(hash, contentKey), "AES-GCM", false, [usage]);
}
