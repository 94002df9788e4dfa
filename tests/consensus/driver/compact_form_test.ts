import assert from "node:assert/strict";
import fc from "fast-check";
import { compactOf } from "../../../consensus/driver/compact_make.ts";
import {
  expandCertificate,
  expandProposal,
  expandVote,
  searchIds,
} from "../../../consensus/driver/compact_expand.ts";
import { type CompactForm, prefixOf, shortIds } from "../../../consensus/driver/compact_form.ts";
import { decodeFrame, encodeFrame } from "../../../consensus/driver/frames.ts";
import type { Message } from "../../../consensus/message.ts";
import { encodeMessage } from "../../../consensus/wire.ts";
import { asHeight, asSignature, type Hash, type Round, type Signature } from "../../../core/brands.ts";
import { equal, toHex } from "../../../core/bytes.ts";
import { sha256 } from "../../support/sha256.ts";
import { makeFederation } from "../support/fixtures.ts";
import { roundChange } from "../support/messages.ts";
import { blockOf, compact, idsOf, proposalOf, type SecondBlock, secondBlock } from "./compact_scene.ts";

/** Through the bytes of a frame. */
function travelled(form: CompactForm): CompactForm {
  const frame = decodeFrame(encodeFrame(form));
  assert(frame.ok && frame.value.kind === form.kind);
  return frame.value as CompactForm;
}

/** What a member makes of a form that knows all that it refers to. */
function expanded(
  { kind, form }: CompactForm,
  { scene, blockHash, known }: { scene: SecondBlock; blockHash: Hash; known: ReturnType<typeof idsOf> },
): Message {
  if (kind !== "proposal") return expandVote(form, { kind, sender: 2, blockHash });
  const { tip, commits } = scene;
  const search = searchIds(sha256, form);
  search.offer(known);
  const ids = search.found();
  assert(ids !== undefined && form.parentCertificate !== null);
  const signatureOf = (member: number) => commits[member]?.signature;
  const parentCertificate = expandCertificate(form.parentCertificate, { tip, signatureOf });
  assert(parentCertificate !== undefined);
  return expandProposal(form, { tip, sender: 0, ids, parentCertificate, hash: sha256 });
}

const signatures = fc.uint8Array({ minLength: 64, maxLength: 64 }).map(asSignature);
const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => bytes as Hash);
const heights = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }).map(asHeight);

Deno.test("a compact vote expands to the message that was sent, byte for byte", () => {
  const scene = secondBlock();
  const kinds = fc.constantFrom("prepare" as const, "commit" as const);
  fc.assert(fc.property(kinds, heights, signatures, hashes, (kind, height, signature, blockHash) => {
    const message = { kind, height, round: 0 as Round, sender: 2, signature, blockHash };
    const found = expanded(travelled(compact(message)), { scene, blockHash, known: [] });
    assert.equal(toHex(encodeMessage(found)), toHex(encodeMessage(message)));
  }));
});

Deno.test("a compact proposal expands to the message that was sent, byte for byte", () => {
  const scenes = [4, 7, 10].map(secondBlock);
  const cases = fc.record({
    scene: fc.constantFrom(...scenes),
    count: fc.integer({ min: 0, max: 300 }),
    others: fc.integer({ min: 0, max: 300 }),
  });
  fc.assert(
    fc.property(cases, fc.infiniteStream(fc.integer()), ({ scene, count, others }, order) => {
      const ids = idsOf(count);
      const message = proposalOf(scene, ids);
      const rank = new Map(
        [...ids, ...idsOf(others, "other")].map((id) => [id, order.next().value as number]),
      );
      const known = [...rank.keys()].sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0));
      const found = expanded(travelled(compact(message)), { scene, blockHash: message.blockHash, known });
      assert.equal(toHex(encodeMessage(found)), toHex(encodeMessage(message)));
    }),
    { numRuns: 60 },
  );
});

Deno.test("a federation that is about to change is the one that the receiver knows of", () => {
  const scene = secondBlock();
  const tip = { ...scene.tip, nextFederation: makeFederation(7) };
  const proposal = blockOf({ ...scene, tip }, { ids: [] });
  const { form } = compact({ ...proposalOf(scene, []), proposal });
  assert("stateRoot" in form);
  const { parentCertificate } = proposal;
  const found = expandProposal(form, { tip, sender: 0, ids: [], parentCertificate, hash: sha256 });
  assert.deepEqual(found.proposal, proposal);
  assert(!equal(found.proposal.header.nextFederation, found.proposal.header.federation));
});

Deno.test("a vote takes at most 78 bytes at any height below 2^32", () => {
  const signature = new Uint8Array(64) as Signature;
  const vote = (height: number) => ({
    kind: "commit" as const,
    height: asHeight(height),
    round: 0 as Round,
    sender: 399,
    signature,
    blockHash: sha256(new Uint8Array()),
  });
  assert.deepEqual(
    [1, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1].map((height) =>
      encodeFrame(compact(vote(height))).length
    ),
    [73, 73, 74, 74, 75, 75, 77, 77],
  );
});

Deno.test("a proposal of 100 transactions takes less than a quarter of their ids", () => {
  const scene = secondBlock();
  const message = proposalOf(scene, idsOf(100));
  assert.equal(encodeFrame(compact(message)).length, 719);
  assert(encodeMessage(message).length > 4 * 719);
});

Deno.test("what is not of round 0, or has no sender, has no compact form", () => {
  const scene = secondBlock();
  assert.equal(compactOf(sha256, roundChange(scene, { sender: 1, round: 1, height: 2 })), null);
  const message = { ...proposalOf(scene, []), round: 1 as Round };
  assert.equal(compactOf(sha256, message), null);
  assert.equal(compactOf(sha256, { ...message, kind: "prepare" } as never), null);
});

Deno.test("a search for short ids takes nothing for another and says when one is missing", () => {
  const scene = secondBlock();
  const ids = idsOf(20);
  const { form } = compact(proposalOf(scene, ids));
  assert("shortIds" in form);
  const search = searchIds(sha256, form);
  search.offer([...idsOf(500, "other"), ...ids.slice(1)]);
  assert.equal(search.found(), undefined);
  search.offer(ids);
  assert.deepEqual(search.found(), ids);
});

Deno.test("a short id that stands twice is never found", () => {
  const scene = secondBlock();
  const [id] = idsOf(1);
  assert(id !== undefined);
  const { form } = compact(proposalOf(scene, [id, id]));
  assert("shortIds" in form);
  const search = searchIds(sha256, form);
  search.offer([id, id]);
  assert.equal(search.found(), undefined);
});

Deno.test("short ids of one transaction differ from block to block", () => {
  const [id] = idsOf(1);
  assert(id !== undefined);
  const stateRoot = sha256(new Uint8Array());
  const [a, b] = [1, 2].map((time) => shortIds(sha256, { stateRoot, time })(id));
  assert(a !== undefined && b !== undefined && !equal(a, b));
  assert.equal(a.length, 6);
});

Deno.test("a certificate whose signers do not fit the federation, or of whom one is unknown, is not expanded", () => {
  const { tip, commits } = secondBlock();
  const signatureOf = (member: number) => member === 2 ? undefined : commits[member]?.signature;
  const bitmap = (bits: number, length = 1) => new Uint8Array(length).fill(bits);
  const round = 0 as Round;
  const expand = (bytes: ReturnType<typeof bitmap>) =>
    expandCertificate({ round, bitmap: bytes }, { tip, signatureOf });
  assert.equal(expand(bitmap(0b0111)), undefined);
  assert.equal(expand(bitmap(0b10011)), undefined);
  assert.equal(expand(bitmap(0b0011, 2)), undefined);
  assert.equal(expand(bitmap(0b1011))?.signatures.length, 3);
});

Deno.test("compact frames of another form are refused", () => {
  const cases = [
    [8, 0x82, 0x01, 0x40],
    [8, 0x81, 0x01],
    [9, 0x83, 0x01, 0x40, 0x40],
    [10, 0x86, 1, 1, 0x40, 0xf6, 0x41, 1, 0x40],
    [11, 0x80],
    [11, 0xf6],
  ];
  for (const bytes of cases) {
    const verdict = decodeFrame(new Uint8Array(bytes));
    assert(!verdict.ok && verdict.code === "message-format", `${bytes}`);
  }
});

Deno.test("short ids that are no whole number of them are refused", () => {
  const { form } = compact(proposalOf(secondBlock(), idsOf(2)));
  assert("shortIds" in form);
  const frame = (count: number) =>
    decodeFrame(encodeFrame({ kind: "proposal", form: { ...form, shortIds: new Uint8Array(count) } }));
  assert(frame(12).ok);
  assert(!frame(11).ok);
});

Deno.test("a prefix is the beginning of a hash", () => {
  assert.deepEqual(prefixOf(sha256(new Uint8Array())), sha256(new Uint8Array()).subarray(0, 4));
});
