import assert from "node:assert/strict";
import {
  archiveItem,
  decodeArchiveHeader,
  decodeRawBlock,
  encodeArchiveHeader,
  encodeRawBlock,
  readItemHead,
} from "../../core/archive.ts";
import { decodeCbor, encodeCbor } from "../../core/cbor.ts";
import { LIMITS } from "../../core/limits.ts";
import { platformCrypto as crypto, randomBytes } from "../../core/platform/crypto.ts";
import { makeFederation } from "../support/federation.ts";
import { TestChain } from "../support/test_chain.ts";

for (const evidence of [[], [randomBytes(400)], [randomBytes(1), new Uint8Array(), randomBytes(1024)]]) {
  Deno.test(`decodeArchiveHeader() gives the federation back, and ${evidence.length} pieces of evidence`, () => {
    const { federation } = makeFederation({ size: 4 });
    const bytes = encodeArchiveHeader(federation, evidence);
    const decoded = decodeArchiveHeader(crypto.hash, bytes);
    assert(decoded.ok);
    assert.deepEqual(decoded.value, { federation, evidence });
    const cbor = decodeCbor(bytes);
    assert(cbor.ok && Array.isArray(cbor.value));
    // An archive without evidence is what it was before there was any.
    assert.deepEqual([cbor.value[1], cbor.value.length], evidence.length === 0 ? [1, 3] : [2, 4]);
  });
}

Deno.test("decodeArchiveHeader() refuses evidence that is too long, or too much of it", () => {
  const { federation } = makeFederation();
  const long = [new Uint8Array(LIMITS.evidenceBytes + 1)];
  const many = Array.from({ length: LIMITS.archiveEvidence + 1 }, () => new Uint8Array());
  for (const evidence of [long, many]) {
    const decoded = decodeArchiveHeader(crypto.hash, encodeArchiveHeader(federation, evidence));
    assert.equal(decoded.ok ? "accepted" : decoded.code, "block-format");
  }
});

Deno.test("the largest archive header fits an item", () => {
  const bytes = LIMITS.federationBytes + LIMITS.archiveEvidence * (LIMITS.evidenceBytes + 3);
  assert(bytes + 100 < LIMITS.frameBytes && LIMITS.archiveEvidence + 10 < LIMITS.cborItems);
});

Deno.test("decodeArchiveHeader() refuses another format, and another version", () => {
  for (
    const item of [
      encodeCbor(["other", 1, new Uint8Array()]),
      encodeCbor(["vnfchain/archive", 2, new Uint8Array()]),
      encodeCbor(["vnfchain/archive", 1, new Uint8Array(), []]),
      encodeCbor(["vnfchain/archive", 3, new Uint8Array(), []]),
    ]
  ) {
    const decoded = decodeArchiveHeader(crypto.hash, item);
    assert.equal(decoded.ok ? "accepted" : decoded.code, "block-format");
  }
});

Deno.test("decodeRawBlock() gives a block back", () => {
  const block = new TestChain().commit();
  const decoded = decodeRawBlock(encodeRawBlock(block));
  assert(decoded.ok);
  assert.deepEqual(decoded.value, block);
});

for (const length of [0, 23, 24, 255, 256, 65_535, 65_536]) {
  Deno.test(`readItemHead() finds an item of ${length} bytes, and asks for more while its head is cut`, () => {
    const bytes = archiveItem(new Uint8Array(length));
    const start = bytes.length - length;
    assert.deepEqual(readItemHead(bytes, { maxBytes: 1 << 20 }), { ok: true, value: { start, length } });
    for (let cut = 0; cut < start; cut++) {
      assert.deepEqual(readItemHead(bytes.slice(0, cut), { maxBytes: 1 << 20 }), { ok: true, value: "more" });
    }
  });
}

const refused: readonly (readonly [string, readonly number[], string])[] = [
  ["a text", [0x61, 0x61], "block-format"],
  ["an indefinite length", [0x5f], "block-format"],
  ["a length above the limit", [0x5b, 0, 0, 0, 0x10, 0, 0, 0, 0], "too-large"],
  ["a length above 2^53", [0x5b, 255, 255, 255, 255, 255, 255, 255, 255], "too-large"],
];

for (const [name, bytes, code] of refused) {
  Deno.test(`readItemHead() refuses ${name} with ${code}`, () => {
    const verdict = readItemHead(new Uint8Array(bytes), { maxBytes: 1 << 20 });
    assert.equal(verdict.ok ? "accepted" : verdict.code, code);
  });
}
