/**
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeFrame, FIRST_ALLOCATION_BYTES, makeFrameSplitter } from "../../../consensus/tcp/frame.ts";
import { type Bytes, concat, u32be, utf8 } from "../../../core/bytes.ts";
import { LIMITS } from "../../../core/limits.ts";

function split(stream: Bytes, sizes: readonly number[]): readonly Bytes[] {
  const splitter = makeFrameSplitter();
  const frames: Bytes[] = [];
  for (let offset = 0, i = 0; offset < stream.length; i++) {
    const size = Math.max(1, sizes[i % sizes.length] ?? 1);
    splitter.push(stream.subarray(offset, offset + size));
    offset += size;
    for (;;) {
      const frame = splitter.take(LIMITS.frameBytes);
      if (frame === "more") break;
      assert(frame.ok);
      frames.push(frame.value);
    }
  }
  return frames;
}

Deno.test("the splitter gives back the frames however the stream is cut", () => {
  fc.assert(fc.property(
    fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
    fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 6 }),
    (payloads, sizes) => {
      const stream = concat(...payloads.map(encodeFrame));
      assert.deepEqual(
        split(stream, sizes).map((frame) => [...frame]),
        payloads.map((payload) => [...payload]),
      );
    },
  ));
});

Deno.test("the splitter puts a large frame together from single bytes", () => {
  const payload = new Uint8Array(200_000).map((_, i) => i * 7);
  assert.deepEqual(split(concat(encodeFrame(payload), encodeFrame(utf8("next"))), [1]), [
    payload,
    utf8("next"),
  ]);
});

Deno.test("the splitter refuses a length above the limit before the payload comes", () => {
  const splitter = makeFrameSplitter();
  splitter.push(u32be(0xffffffff));
  const verdict = splitter.take(LIMITS.frameBytes);
  assert(verdict !== "more" && !verdict.ok);
  assert.equal(verdict.code, "too-large");
});

Deno.test("the splitter takes a frame of exactly the limit and refuses one byte more", () => {
  const verdicts = [10, 11].map((length) => {
    const splitter = makeFrameSplitter();
    splitter.push(encodeFrame(new Uint8Array(length)));
    const frame = splitter.take(10);
    return frame !== "more" && frame.ok;
  });
  assert.deepEqual(verdicts, [true, false]);
});

Deno.test("a large frame of which little has come holds little memory", () => {
  const before = Deno.memoryUsage().external;
  const splitters = Array.from({ length: 50 }, () => {
    const splitter = makeFrameSplitter();
    splitter.push(concat(u32be(LIMITS.frameBytes), new Uint8Array(10)));
    assert.equal(splitter.take(LIMITS.frameBytes), "more");
    return splitter;
  });
  const held = Deno.memoryUsage().external - before;
  assert(held <= splitters.length * 2 * FIRST_ALLOCATION_BYTES, `${held} bytes for 50 splitters`);
});
