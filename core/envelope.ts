/**
 * The encryption envelope, the configuration's bytes when `encryption` is 1 (design: bytes, encryption 1): its shape,
 * and how everything in it derives from one content key. Sealing and opening stand in platform/seal.ts.
 *
 * A content key is fresh for each envelope, so the nonce is constant. AES-GCM does not commit to its key: one
 * ciphertext can be made that opens to two texts under two keys. So the envelope carries a commitment to the content
 * key, from which the AES key derives too: one commitment, one key, one text for all who open it.
 *
 * @module
 */
import type { Brand, Hash } from "./brands.ts";
import { type Bytes, concat, equal } from "./bytes.ts";
import { assert, type Verdict } from "./errors.ts";
import { type HashFunction, taggedHash, tagPrefix } from "./hashing.ts";
import { LIMITS } from "./limits.ts";
import {
  bytesOf,
  bytesUpTo,
  constant,
  decodeShape,
  encodeShape,
  hashShape,
  list,
  mapped,
  record,
  type Shape,
} from "./shape.ts";

/** What one envelope is encrypted under, 32 random bytes; whoever has it can read that envelope and no other. */
export type ContentKey = Brand<Bytes, "ContentKey">;

/** Bytes of a content key. */
export const CONTENT_KEY_BYTES = 32;

/** Brands 32 bytes as a content key; asserts the length. */
export function asContentKey(bytes: Uint8Array): ContentKey {
  assert(bytes.length === CONTENT_KEY_BYTES, `content key has ${bytes.length} bytes`);
  return bytes as ContentKey;
}

/** The content key, encrypted to one reader by HPKE (RFC 9180, base mode). */
export interface Wrap {
  /** The encapsulated key: an X25519 public key, 32 bytes. */
  readonly enc: Bytes;
  /** The content key and its tag, 48 bytes. */
  readonly wrapped: Bytes;
}

/** A decoded envelope. */
export interface Envelope {
  /** This format. */
  readonly version: 1;
  /** See {@link commitmentTo}. */
  readonly commitment: Hash;
  /** 1 to {@link LIMITS.envelopeWraps}, in no order that means anything. */
  readonly wraps: readonly Wrap[];
  /** AES-256-GCM, the 16-byte tag last. */
  readonly ciphertext: Bytes;
}

const wrapShape: Shape<Wrap> = record({ enc: bytesOf(32), wrapped: bytesOf(CONTENT_KEY_BYTES + 16) });
const wrapsShape: Shape<readonly Wrap[]> = mapped(list(wrapShape, LIMITS.envelopeWraps), {
  encode: (wraps: readonly Wrap[]) => wraps,
  decode: (wraps) => wraps.length > 0 ? wraps : undefined,
  wanted: "a list with at least one wrap",
});

/** [version, commitment, [[enc, wrapped], …], ciphertext] */
export const envelopeShape: Shape<Envelope> = record({
  version: constant(1),
  commitment: hashShape,
  wraps: wrapsShape,
  ciphertext: bytesUpTo(LIMITS.transactionBytesCeiling),
});

/** Encodes an envelope. */
export function encodeEnvelope(envelope: Envelope): Bytes {
  return encodeShape(envelopeShape, envelope);
}

/** Decodes untrusted bytes; refuses with `cbor` or `envelope-format`. */
export function decodeEnvelope(bytes: Uint8Array): Verdict<Envelope> {
  return decodeShape(envelopeShape, bytes, { what: "envelope", code: "envelope-format" });
}

/** The AES-256-GCM key. */
export function encryptionKey(hash: HashFunction, contentKey: ContentKey): Bytes {
  return taggedHash(hash, "vnfchain/content-encryption/1", contentKey);
}

/** What the envelope shows of its content key, so that nobody can be given another one. */
export function commitmentTo(hash: HashFunction, contentKey: ContentKey): Hash {
  return taggedHash(hash, "vnfchain/content-commitment/1", contentKey);
}

/** Whether this is the content key that the envelope commits to. */
export function isCommitted(
  hash: HashFunction,
  options: { envelope: Envelope; contentKey: ContentKey },
): boolean {
  // The commitment is public: nothing is learned from how long comparing takes.
  return equal(commitmentTo(hash, options.contentKey), options.envelope.commitment);
}

/** AES-GCM's additional data and HPKE's `info`: `context` is the header that the envelope stands under. */
export function additionalData(context: Bytes): Bytes {
  return concat(tagPrefix("vnfchain/envelope/1"), context);
}
