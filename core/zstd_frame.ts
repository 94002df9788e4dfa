/**
 * The structure of a zstd frame (RFC 8878 §3.1.1), walked without decompressing anything.
 *
 * The library gives back a prefix for a frame that is cut off, without an error, and ignores what follows one. So
 * what it is given is checked first: exactly one frame that fills the bytes. Refused with `compression`: skippable and
 * further frames, cut and trailing bytes, dictionaries, reserved bits and block types, blocks above 128 KiB, and
 * windows above {@link LIMITS.zstdWindowBytes}; with `content-length` a frame that declares another content size.
 *
 * @module
 */
import { accept, type Refusal, refuse, type Verdict } from "./errors.ts";
import { LIMITS } from "./limits.ts";

const MAGIC = 0xfd2fb528;
const BLOCK_BYTES_MAX = 128 * 1024;
const BLOCK = { raw: 0, rle: 1, compressed: 2, reserved: 3 } as const;

const refuseFrame = (what: string): Refusal => refuse("compression", `zstd frame: ${what}`);

/** Checks that `bytes` are one frame whose content may have `length` bytes. What the blocks hold is not looked at. */
export function checkZstdFrame(bytes: Uint8Array, length: number): Verdict<null> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = readHeader(view, length);
  if (!header.ok) return header;
  const blocksEnd = skipBlocks(view, header.value.blocksStart);
  if (!blocksEnd.ok) return blocksEnd;
  const end = blocksEnd.value + (header.value.hasChecksum ? 4 : 0);
  if (end > bytes.length) return refuseFrame("cut off");
  return end === bytes.length ? accept(null) : refuseFrame(`${bytes.length - end} bytes after it`);
}

/** Frame header, RFC 8878 §3.1.1.1. */
function readHeader(
  view: DataView,
  length: number,
): Verdict<{ readonly blocksStart: number; readonly hasChecksum: boolean }> {
  if (view.byteLength < 5) return refuseFrame("cut off");
  if (view.getUint32(0, true) !== MAGIC) return refuseFrame("wrong magic number");
  const descriptor = view.getUint8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  if ((descriptor & 0x08) !== 0) return refuseFrame("reserved bit is set");
  if ((descriptor & 0x03) !== 0) return refuseFrame("wants a dictionary");
  const windowBytes = singleSegment ? 0 : 1;
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
  const blocksStart = 5 + windowBytes + sizeBytes;
  if (view.byteLength < blocksStart) return refuseFrame("cut off");
  if (!singleSegment && windowSize(view.getUint8(5)) > LIMITS.zstdWindowBytes) {
    return refuseFrame(`window above ${LIMITS.zstdWindowBytes} bytes`);
  }
  // In a single segment the window is the content, so this bounds the window too.
  if (sizeBytes > 0 && contentSize(view, { offset: 5 + windowBytes, width: sizeBytes }) !== length) {
    return refuse("content-length", `zstd frame does not hold the ${length} bytes declared`);
  }
  return accept({ blocksStart, hasChecksum: (descriptor & 0x04) !== 0 });
}

/** Window_Descriptor, RFC 8878 §3.1.1.1.2. */
function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** Frame_Content_Size, RFC 8878 §3.1.1.1.4: two bytes hold the size less 256. */
function contentSize(view: DataView, field: { offset: number; width: number }): number {
  if (field.width === 1) return view.getUint8(field.offset);
  if (field.width === 2) return view.getUint16(field.offset, true) + 256;
  if (field.width === 4) return view.getUint32(field.offset, true);
  return Number(view.getBigUint64(field.offset, true));
}

/** Walks the block headers, RFC 8878 §3.1.1.2; gives the offset after the last block. */
function skipBlocks(view: DataView, start: number): Verdict<number> {
  let offset = start;
  for (;;) {
    if (offset + 3 > view.byteLength) return refuseFrame("cut off");
    const header = view.getUint16(offset, true) | (view.getUint8(offset + 2) << 16);
    const type = (header >> 1) & 3;
    const size = header >> 3;
    if (type === BLOCK.reserved) return refuseFrame("reserved block type");
    if (size > BLOCK_BYTES_MAX) return refuseFrame(`block of ${size} bytes`);
    offset += 3 + (type === BLOCK.rle ? 1 : size);
    if (offset > view.byteLength) return refuseFrame("cut off");
    if ((header & 1) === 1) return accept(offset);
  }
}
