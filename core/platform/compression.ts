/**
 * Compression of content: none, gzip (RFC 1952), zstd (RFC 8878).
 *
 * Decompression yields exactly the declared length or a refusal, and never more than that plus one chunk in memory.
 * The libraries are lenient where this is not: they give back a prefix of truncated zstd, join concatenated members,
 * and ignore what follows. Refused with `compression`: damaged, cut, trailing and concatenated bytes, and output beyond
 * the declared length; with `content-length`: output short of it.
 *
 * Streams and not the one-shot functions, because older runtimes ignore their `maxOutputLength`; for the same reason
 * nothing relies on the count of bytes consumed.
 *
 * @module
 */
import type { Transform } from "node:stream";
import * as zlib from "node:zlib";
import { type Bytes, concat } from "../bytes.ts";
import { accept, refuse, type Verdict, VnfchainError } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import type { Compression } from "../transaction.ts";
import { checkZstdFrame } from "../zstd_frame.ts";

const CHUNK_BYTES = 64 * 1024;

/** The part of `node:zlib` that older runtimes lack. */
export type ZstdLibrary = Pick<typeof zlib, "createZstdCompress" | "createZstdDecompress">;

/** The runtime's zstd; throws `zstd-missing` when it has none, which is no fault of the input. */
export function requireZstd(library: Partial<ZstdLibrary> = zlib): ZstdLibrary {
  const { createZstdCompress, createZstdDecompress } = library;
  if (createZstdCompress === undefined || createZstdDecompress === undefined) {
    throw new VnfchainError("zstd: this runtime does not have it", {
      code: "zstd-missing",
      hint: "publish with --compress gzip, or run a build with a newer Deno",
    });
  }
  return { createZstdCompress, createZstdDecompress };
}

/** Compresses; throws {@link VnfchainError} `zstd-missing` where the runtime cannot. */
export async function compress(bytes: Bytes, algorithm: Compression): Promise<Bytes> {
  if (algorithm === 0) return bytes;
  const stream = algorithm === 1
    ? zlib.createGzip({ chunkSize: CHUNK_BYTES })
    : requireZstd().createZstdCompress({ chunkSize: CHUNK_BYTES });
  const result = await run(stream, { input: bytes, outputMax: Infinity });
  if (!result.ok) throw new VnfchainError(`compress: ${result.problem}`, { code: "compression" });
  return result.output;
}

/** Decompresses untrusted bytes to exactly `length` bytes; throws `zstd-missing` where the runtime cannot. */
export async function decompress(
  bytes: Bytes,
  options: { readonly algorithm: Compression; readonly length: number },
): Promise<Verdict<Bytes>> {
  const { algorithm, length } = options;
  if (length > LIMITS.contentBytes) {
    return refuse("too-large", `content has ${length} bytes, at most ${LIMITS.contentBytes}`);
  }
  const output = algorithm === 0 ? accept(bytes) : await (algorithm === 1 ? gunzip : unzstd)(bytes, length);
  if (!output.ok || output.value.length === length) return output;
  return refuse("content-length", `content has ${output.value.length} bytes, declared were ${length}`);
}

/** CM = 8 and no flags: the optional header fields carry nothing that a configuration needs. */
const GZIP_START = [0x1f, 0x8b, 8, 0];
const GZIP_HEADER_BYTES = 10;
const GZIP_TRAILER_BYTES = 8;

/** One gzip member that fills the bytes, RFC 1952 §2.3. */
async function gunzip(bytes: Bytes, length: number): Promise<Verdict<Bytes>> {
  const bodyEnd = bytes.length - GZIP_TRAILER_BYTES;
  if (bodyEnd <= GZIP_HEADER_BYTES || GZIP_START.some((byte, i) => bytes[i] !== byte)) {
    return refuse("compression", "gzip: cut off, or not a plain gzip header");
  }
  const inflate = (end: number) =>
    run(zlib.createInflateRaw({ chunkSize: CHUNK_BYTES }), {
      input: bytes.subarray(GZIP_HEADER_BYTES, end),
      outputMax: length,
    });
  const whole = await inflate(bodyEnd);
  if (!whole.ok) return refuse("compression", `gzip: ${whole.problem}`);
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + bodyEnd);
  if (trailer.getUint32(0, true) !== zlib.crc32(whole.output)) {
    return refuse("compression", "gzip: wrong CRC");
  }
  if (trailer.getUint32(4, true) !== whole.output.length) return refuse("compression", "gzip: wrong length");
  // The deflated stream ends where the trailer begins if, and only if, it is incomplete without its last byte.
  if ((await inflate(bodyEnd - 1)).ok) return refuse("compression", "gzip: bytes after the deflated stream");
  return accept(whole.output);
}

/** One zstd frame that fills the bytes. */
async function unzstd(bytes: Bytes, length: number): Promise<Verdict<Bytes>> {
  const library = requireZstd();
  const frame = checkZstdFrame(bytes, length);
  if (!frame.ok) return frame;
  const stream = library.createZstdDecompress({ chunkSize: CHUNK_BYTES });
  const result = await run(stream, { input: bytes, outputMax: length });
  return result.ok ? accept(result.output) : refuse("compression", `zstd: ${result.problem}`);
}

type RunResult = { readonly ok: true; readonly output: Bytes } | {
  readonly ok: false;
  readonly problem: string;
};

/** Runs all the input through a stream, and stops it as soon as there is more output than wanted. */
function run(stream: Transform, options: { input: Bytes; outputMax: number }): Promise<RunResult> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  return new Promise((resolve) => {
    stream.on("data", (chunk: Uint8Array) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length <= options.outputMax) return;
      stream.destroy();
      resolve({ ok: false, problem: `output beyond the ${options.outputMax} bytes declared` });
    });
    stream.on("end", () => resolve({ ok: true, output: concat(...chunks) }));
    stream.on("error", (error: Error) => resolve({ ok: false, problem: error.message }));
    stream.end(options.input);
  });
}
