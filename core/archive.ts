/**
 * Archives: a whole chain in one file, for `audit`. A CBOR sequence (RFC 8742) of byte strings, so that a reader
 * knows each item's length before it reads it: first the archive's header, then one decided block each, from
 * height 1. Evidence against members stands in the header, so that a chain that was cut or does not hold has it too.
 *
 * @module
 */
import { type RawBlock, rawBlockShape } from "./block.ts";
import type { Bytes } from "./bytes.ts";
import { type Cbor, encodeCbor } from "./cbor.ts";
import { accept, refuse, type Verdict } from "./errors.ts";
import { decodeFederation, encodeFederation, type Federation } from "./federation.ts";
import type { HashFunction } from "./hashing.ts";
import { LIMITS } from "./limits.ts";
import { bytesUpTo, constant, decodeShape, encodeShape, list, record, type Shape, text } from "./shape.ts";

const FORMAT = "vnfchain/archive";

/** What stands at an archive's beginning. */
export interface ArchiveHeader {
  /** The first document; later ones follow from the chain. */
  readonly federation: Federation;
  /**
   * Evidence against members that contradicted themselves, encoded: what the exporting node has kept. No quorum
   * vouches for it; whoever reads the archive judges each piece.
   */
  readonly evidence: readonly Bytes[];
}

interface HeaderFields {
  readonly format: string;
  readonly federation: Bytes;
  readonly evidence: readonly Bytes[];
}

const first = { format: text(FORMAT.length) };
const second = { federation: bytesUpTo(LIMITS.federationBytes) };
const versionOne = record({ ...first, version: constant(1), ...second });
const versionTwo = record({
  ...first,
  version: constant(2),
  ...second,
  evidence: list(bytesUpTo(LIMITS.evidenceBytes), LIMITS.archiveEvidence),
});

/** Version 2 has a list of evidence; without any, an archive is of version 1. */
const archiveHeaderShape: Shape<HeaderFields> = {
  encode: (fields) =>
    fields.evidence.length === 0
      ? versionOne.encode({ version: 1, ...fields })
      : versionTwo.encode({ version: 2, ...fields }),
  decode: (value, path) =>
    Array.isArray(value) && (value as readonly Cbor[])[1] === 2
      ? versionTwo.decode(value, path)
      : { ...versionOne.decode(value, path), evidence: [] },
};

/** Wraps an item in its length, as it stands in an archive and in answers with many blocks. */
export function archiveItem(item: Bytes): Bytes {
  return encodeCbor(item);
}

/** The archive's first item: format name, version, the first federation document, and evidence where there is any. */
export function encodeArchiveHeader({ document }: Federation, evidence: readonly Bytes[] = []): Bytes {
  return encodeShape(archiveHeaderShape, {
    format: FORMAT,
    federation: encodeFederation(document),
    evidence,
  });
}

/** Reads the first item. The evidence in it is not judged. */
export function decodeArchiveHeader(hash: HashFunction, item: Uint8Array): Verdict<ArchiveHeader> {
  const decoded = decodeShape(archiveHeaderShape, item, { what: "archive", code: "block-format" });
  if (!decoded.ok) return decoded;
  const { format, evidence } = decoded.value;
  if (format !== FORMAT) return refuse("block-format", "the file is no vnfchain archive");
  const federation = decodeFederation(hash, decoded.value.federation);
  return federation.ok ? accept({ federation: federation.value, evidence }) : federation;
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
