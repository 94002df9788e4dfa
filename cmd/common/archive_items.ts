/**
 * The items of an archive, or of a node's answer with many blocks: a CBOR sequence (RFC 8742) of byte strings, read
 * one at a time. An item's length is judged before memory is taken for it. Refused: anything but byte strings, items
 * above {@link LIMITS.frameBytes}, and an end in the middle of one.
 *
 * @module
 */
import { readItemHead } from "../../core/archive.ts";
import { type Bytes, concat } from "../../core/bytes.ts";
import { accept, refuse, type Verdict } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";

/** Fills the front of a buffer with what comes next; gives the number of bytes, null at the end. */
export type ReadBytes = (buffer: Uint8Array) => Promise<number | null>;

/** A CBOR head is at most this long (RFC 8949 §3). */
const HEAD_BYTES = 9;
const PORTION_BYTES = 64 * 1024;

/** The items in order; after a refusal nothing comes. */
export async function* readItems(read: ReadBytes): AsyncGenerator<Verdict<Bytes>, void, void> {
  let rest: Uint8Array = new Uint8Array();
  while (true) {
    rest = await atLeast(HEAD_BYTES, { rest, read });
    if (rest.length === 0) return;
    const head = readItemHead(rest, { maxBytes: LIMITS.frameBytes });
    if (!head.ok) return yield head;
    if (head.value === "more") return yield cut(rest.length);
    const { start, length } = head.value;
    const end = start + length;
    rest = await atLeast(end, { rest, read });
    if (rest.length < end) return yield cut(rest.length);
    yield accept(rest.slice(start, end) as Bytes);
    rest = rest.subarray(end);
  }
}

function cut(bytes: number): Verdict<never> {
  return refuse("block-format", `the archive ends in the middle of an item, ${bytes} bytes after its begin`);
}

/** What was read and not used yet, with more after it until it has `wanted` bytes or the end is reached. */
async function atLeast(
  wanted: number,
  { rest, read }: { rest: Uint8Array; read: ReadBytes },
): Promise<Uint8Array> {
  const parts = [rest];
  for (let total = rest.length; total < wanted;) {
    const buffer = new Uint8Array(Math.max(PORTION_BYTES, Math.min(wanted - total, 16 * PORTION_BYTES)));
    const count = await read(buffer);
    if (count === null) break;
    parts.push(buffer.subarray(0, count));
    total += count;
  }
  return parts.length === 1 ? rest : concat(...parts);
}

/** Reads from bytes in memory. */
export function readFrom(bytes: Uint8Array): ReadBytes {
  let offset = 0;
  return (buffer) => {
    if (offset === bytes.length) return Promise.resolve(null);
    const portion = bytes.subarray(offset, offset + buffer.length);
    buffer.set(portion);
    offset += portion.length;
    return Promise.resolve(portion.length);
  };
}
