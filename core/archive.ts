/**
 * Archives: a whole chain in one file, for `audit`. A CBOR sequence (RFC 8742) of byte strings, so that a reader
 * knows each item's length before it reads it: first the archive's header, then one decided block each, from
 * height 1.
 *
 * @module
 */
import { type RawBlock, rawBlockShape } from "./block.ts";
import type { Bytes } from "./bytes.ts";
import { encodeCbor } from "./cbor.ts";
import { accept, refuse, type Verdict } from "./errors.ts";
import { decodeFederation, encodeFederation, type Federation } from "./federation.ts";
import type { HashFunction } from "./hashing.ts";
import { LIMITS } from "./limits.ts";
import { bytesUpTo, constant, decodeShape, encodeShape, record, type Shape, text } from "./shape.ts";

const FORMAT = "vnfchain/archive";

const archiveHeaderShape: Shape<
  { readonly format: string; readonly version: 1; readonly federation: Bytes }
> = record({
  format: text(FORMAT.length),
  version: constant(1),
  federation: bytesUpTo(LIMITS.federationBytes),
});

/** Wraps an item in its length, as it stands in an archive and in answers with many blocks. */
export function archiveItem(item: Bytes): Bytes {
  return encodeCbor(item);
}

/** The archive's first item: format name, version and the first federation document. */
export function encodeArchiveHeader(federation: Federation): Bytes {
  return encodeShape(archiveHeaderShape, {
    format: FORMAT,
    version: 1,
    federation: encodeFederation(federation.document),
  });
}

/** Reads the first item. */
export function decodeArchiveHeader(hash: HashFunction, item: Uint8Array): Verdict<Federation> {
  const decoded = decodeShape(archiveHeaderShape, item, { what: "archive", code: "block-format" });
  if (!decoded.ok) return decoded;
  if (decoded.value.format !== FORMAT) return refuse("block-format", "the file is no vnfchain archive");
  return decodeFederation(hash, decoded.value.federation);
}

/** Encodes a decided block. */
export function encodeRawBlock(block: Omit<RawBlock, "version">): Bytes {
  return encodeShape(rawBlockShape, { version: 1, ...block });
}

/** Decodes a decided block; nothing in it is verified yet. */
export function decodeRawBlock(bytes: Uint8Array): Verdict<RawBlock> {
  return decodeShape(rawBlockShape, bytes, { what: "block", code: "block-format" });
}

/**
 * Reads the head of an archive item (RFC 8949 §3): the item's length and where it begins; `"more"` when the head is
 * cut; a refusal for anything but a byte string within `maxBytes`.
 */
export function readItemHead(
  bytes: Uint8Array,
  { maxBytes }: { maxBytes: number },
): Verdict<{ readonly start: number; readonly length: number } | "more"> {
  const initial = bytes[0];
  if (initial === undefined) return accept("more");
  const low = initial & 0x1f;
  if (initial >> 5 !== 2 || low > 27) return refuse("block-format", "the archive is damaged: no byte string");
  if (low < 24) return accept({ start: 1, length: low });
  const width = 1 << (low - 24);
  if (bytes.length < 1 + width) return accept("more");
  const length = bytes.subarray(1, 1 + width).reduce((sum, byte) => sum * 256 + byte, 0);
  if (length > maxBytes) {
    return refuse("too-large", `an archive item of ${length} bytes, at most ${maxBytes}`);
  }
  return accept({ start: 1 + width, length });
}
