/**
 * Configurations, from a file's bytes to what stands in a transaction, and back (design: bytes, content): compress,
 * content map, pad, encrypt. Without encryption a configuration is the content map itself, unpadded.
 *
 * Opening judges in the opposite order, and each step sees only what the one before let pass: envelope, decryption,
 * padding, content map with its critical keys, decompression within the declared length, length, SHA-256.
 *
 * @module
 */
import type { PublicKey } from "../brands.ts";
import { type Bytes, equal } from "../bytes.ts";
import { type Content, type ContentType, decodeContent, encodeContent } from "../content.ts";
import type { ContentKey } from "../envelope.ts";
import { accept, refuse, type Verdict, VnfchainError } from "../errors.ts";
import { checkFileName } from "../file_name.ts";
import { LIMITS } from "../limits.ts";
import { padContent, unpadContent } from "../padding.ts";
import type { Compression, Encryption } from "../transaction.ts";
import type { AgreementKey } from "./agreement.ts";
import { compress, decompress } from "./compression.ts";
import { platformCrypto } from "./crypto.ts";
import { open, type Opened, openWithContentKey, type RandomFunction, seal } from "./seal.ts";

/** What goes into a configuration. */
export interface ConfigurationInput {
  /** Uncompressed; at most {@link LIMITS.contentBytes}. */
  readonly bytes: Bytes;
  /** What the bytes are. */
  readonly type: ContentType;
  /** The file's name, if it has one that matters. */
  readonly name?: string;
  /** As the transaction's header says. */
  readonly compression: Compression;
  /** As the transaction's header says. */
  readonly encryption: Encryption;
  /** The header that an envelope is bound to (see `envelopeContext`); unused without encryption. */
  readonly context: Bytes;
  /** Who may read it: recipient, sender, reading keys. Unused without encryption. */
  readonly recipients: readonly PublicKey[];
  /** Unused without encryption. */
  readonly random: RandomFunction;
}

/** How a configuration is to be opened. */
export interface ConfigurationOpening {
  /** As the transaction's header says. */
  readonly compression: Compression;
  /** As the transaction's header says. */
  readonly encryption: Encryption;
  /** The header that the envelope must be bound to. */
  readonly context: Bytes;
  /** Tried in this order. */
  readonly keys: readonly AgreementKey[];
}

/** A configuration that kept all its promises. */
export interface OpenedConfiguration {
  /** The content map; its `bytes` are compressed. */
  readonly content: Content;
  /** Uncompressed, of the declared length and hash. */
  readonly bytes: Bytes;
  /** What a disclosure of this configuration shows; null when it was not encrypted. */
  readonly contentKey: ContentKey | null;
}

/**
 * Makes a configuration. Throws {@link VnfchainError} `content-too-large`, `content-path` or `zstd-missing`: all of
 * them the author's own to mend.
 */
export async function packConfiguration(input: ConfigurationInput): Promise<Bytes> {
  const name = input.name ?? null;
  checkInput(input.bytes, name);
  const content = encodeContent({
    type: input.type,
    length: input.bytes.length,
    sha256: platformCrypto.hash(input.bytes),
    bytes: await compress(input.bytes, input.compression),
    name,
    critical: [],
    extra: new Map(),
  });
  return input.encryption === 0 ? content : await seal(padContent(content), input);
}

function checkInput(bytes: Bytes, name: string | null): void {
  if (bytes.length > LIMITS.contentBytes) {
    throw new VnfchainError(`content: ${bytes.length} bytes, at most ${LIMITS.contentBytes}`, {
      code: "content-too-large",
    });
  }
  const checked = name === null ? accept(null) : checkFileName(name);
  if (!checked.ok) throw new VnfchainError(`content: ${checked.detail}`, { code: checked.code });
}

/** Opens a configuration from a verified transaction with the keys at hand. */
export async function openConfiguration(
  configuration: Bytes,
  opening: ConfigurationOpening,
): Promise<Verdict<OpenedConfiguration>> {
  if (opening.encryption === 0) {
    return await openContent(configuration, { compression: opening.compression, contentKey: null });
  }
  return await openPlaintext(await open(configuration, opening), opening.compression);
}

/** Opens an encrypted configuration with its disclosed content key. */
export async function openDisclosedConfiguration(
  configuration: Bytes,
  opening: { readonly compression: Compression; readonly context: Bytes; readonly contentKey: ContentKey },
): Promise<Verdict<OpenedConfiguration>> {
  return await openPlaintext(await openWithContentKey(configuration, opening), opening.compression);
}

async function openPlaintext(
  opened: Verdict<Opened>,
  compression: Compression,
): Promise<Verdict<OpenedConfiguration>> {
  if (!opened.ok) return opened;
  const unpadded = unpadContent(opened.value.plaintext);
  if (!unpadded.ok) return unpadded;
  return await openContent(unpadded.value, { compression, contentKey: opened.value.contentKey });
}

async function openContent(
  encoded: Bytes,
  options: { compression: Compression; contentKey: ContentKey | null },
): Promise<Verdict<OpenedConfiguration>> {
  const content = decodeContent(encoded);
  if (!content.ok) return content;
  const { length, sha256, bytes: compressed } = content.value;
  const bytes = await decompress(compressed, { algorithm: options.compression, length });
  if (!bytes.ok) return bytes;
  if (!equal(platformCrypto.hash(bytes.value), sha256)) {
    return refuse("content-hash", "content does not have the SHA-256 that it declares");
  }
  return accept({ content: content.value, bytes: bytes.value, contentKey: options.contentKey });
}
