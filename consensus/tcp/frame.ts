/**
 * Frames on a byte stream: [length, 4 bytes, most significant first ‖ payload].
 *
 * A length beyond the limit is refused with `too-large` before anything is allocated for it. A frame that is still
 * coming in holds at most twice the bytes that have arrived, or {@link FIRST_ALLOCATION_BYTES}: whoever declares
 * 40 MiB and sends ten bytes costs 64 KiB.
 *
 * @module
 */
import { type Bytes, concat, u32be } from "../../core/bytes.ts";
import { assert, refuse, type Verdict } from "../../core/errors.ts";

/** Bytes before the payload. */
export const FRAME_HEADER_BYTES = 4;
/** What is allocated at most for a frame of which nothing has come yet. */
export const FIRST_ALLOCATION_BYTES = 64 * 1024;

/** A payload as it goes on the wire. */
export function encodeFrame(payload: Uint8Array): Bytes {
  return concat(u32be(payload.length), payload);
}

/** Takes a byte stream in pieces of any size and gives back its frames. */
export interface FrameSplitter {
  /** Adds bytes; asserts that `take` has said "more" before. The array is read until `take` says so again. */
  readonly push: (chunk: Uint8Array) => void;
  /** The next frame's payload, or a refusal after which the stream is of no use. */
  readonly take: (limitBytes: number) => Verdict<Bytes> | "more";
}

/** Makes a splitter at the beginning of a stream. */
export function makeFrameSplitter(): FrameSplitter {
  const head = new Uint8Array(FRAME_HEADER_BYTES);
  let headFilled = 0;
  let body: Bytes = new Uint8Array();
  let bodyFilled = 0;
  let chunk: Uint8Array = new Uint8Array();

  const moveTo = (target: Uint8Array, offset: number): number => {
    const part = chunk.subarray(0, target.length - offset);
    target.set(part, offset);
    chunk = chunk.subarray(part.length);
    return offset + part.length;
  };

  const grow = (length: number): void => {
    const present = Math.min(length, bodyFilled + chunk.length);
    if (present <= body.length) return;
    const capacity = Math.min(length, Math.max(present, 2 * body.length, FIRST_ALLOCATION_BYTES));
    const larger = new Uint8Array(capacity);
    larger.set(body.subarray(0, bodyFilled));
    body = larger;
  };

  return {
    push: (bytes) => {
      assert(chunk.length === 0, "bytes pushed while earlier ones are still to be taken");
      chunk = bytes;
    },
    take: (limitBytes) => {
      headFilled = moveTo(head, headFilled);
      if (headFilled < head.length) return "more";
      const length = new DataView(head.buffer).getUint32(0);
      if (length > limitBytes) {
        return refuse("too-large", `a frame of ${length} bytes, at most ${limitBytes}`);
      }
      grow(length);
      bodyFilled = moveTo(body, bodyFilled);
      if (bodyFilled < length) return "more";
      const value = body;
      [headFilled, bodyFilled, body] = [0, 0, new Uint8Array()];
      return { ok: true, value };
    },
  };
}
