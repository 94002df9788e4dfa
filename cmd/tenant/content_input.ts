/**
 * The content to publish, from a file or from standard input: bounded, with its base name where agents accept that
 * as a file name, and compressed by what makes it smaller.
 *
 * @module
 */
import { basename } from "node:path";
import { type Bytes, concat } from "../../core/bytes.ts";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import { checkFileName } from "../../core/file_name.ts";
import { LIMITS } from "../../core/limits.ts";
import { compress, requireZstd } from "../../core/platform/compression.ts";
import { COMPRESSION, type Compression } from "../../core/transaction.ts";
import type { CompressionName } from "./arguments.ts";

/** What is to be published. */
export interface ContentInput {
  readonly bytes: Bytes;
  /** Left out when it comes from standard input, or is none that {@link checkFileName} allows. */
  readonly name: string | undefined;
  /** Why there is no name, when the file has one. */
  readonly nameRefused: string | undefined;
}

/** Reads a file, or standard input for `-`. Throws `content-unreadable`, `content-too-large`. */
export async function readContent(path: string): Promise<ContentInput> {
  const bytes = await readBounded(path);
  if (path === "-") return { bytes, name: undefined, nameRefused: undefined };
  const name = checkFileName(basename(path));
  return name.ok
    ? { bytes, name: name.value, nameRefused: undefined }
    : { bytes, name: undefined, nameRefused: name.detail };
}

async function readBounded(path: string): Promise<Bytes> {
  const parts: Uint8Array[] = [];
  let total = 0;
  try {
    const stream = path === "-" ? Deno.stdin.readable : (await Deno.open(path)).readable;
    for await (const part of stream) {
      total += part.length;
      // Leaving the loop closes the file.
      if (total > LIMITS.contentBytes) break;
      parts.push(part);
    }
  } catch (cause) {
    throw new VnfchainError(`read content: ${path} cannot be read`, {
      code: "content-unreadable",
      hint: "name a regular file that this user may read, or - for standard input",
      exitCode: EXIT.usage,
      cause,
    });
  }
  if (total <= LIMITS.contentBytes) return concat(...parts);
  throw new VnfchainError(`read content: ${path} has more than ${LIMITS.contentBytes} bytes`, {
    code: "content-too-large",
    hint: "split it, and join the parts with --before and --after",
  });
}

/** A compression, and what the content becomes by it. */
export interface ChosenCompression {
  readonly name: CompressionName;
  readonly compression: Compression;
  /** Compressed, in bytes. */
  readonly length: number;
}

/** Below this, what a compressed format adds is more than it saves. */
const TINY_BYTES = 64;

/** Chooses: what was asked for, otherwise zstd, or gzip where the runtime lacks it, when that makes it smaller. */
export async function chooseCompression(
  bytes: Bytes,
  wanted: CompressionName | undefined,
): Promise<ChosenCompression> {
  const none: ChosenCompression = { name: "none", compression: COMPRESSION.none, length: bytes.length };
  if (wanted !== undefined) return await compressedBy(bytes, wanted);
  if (bytes.length < TINY_BYTES) return none;
  const compressed = await compressedBy(bytes, defaultCompression());
  return compressed.length < bytes.length ? compressed : none;
}

/** zstd, or gzip where the runtime lacks it. */
export function defaultCompression(): CompressionName {
  try {
    requireZstd();
    return "zstd";
  } catch (error) {
    if (error instanceof VnfchainError && error.code === "zstd-missing") return "gzip";
    throw error;
  }
}

async function compressedBy(bytes: Bytes, name: CompressionName): Promise<ChosenCompression> {
  const compression = COMPRESSION[name];
  return { name, compression, length: (await compress(bytes, compression)).length };
}
