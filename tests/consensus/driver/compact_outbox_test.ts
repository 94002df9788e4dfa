import assert from "node:assert/strict";
import { makeCompactOutbox } from "../../../consensus/driver/compact_outbox.ts";
import { decodeFrame } from "../../../consensus/driver/frames.ts";
import { decodeMessage } from "../../../consensus/wire.ts";
import { asHeight, type Height, type Round } from "../../../core/brands.ts";
import type { Bytes } from "../../../core/bytes.ts";
import { sha256 } from "../../support/sha256.ts";
import { commit, prepare, roundChange } from "../support/messages.ts";
import { idsOf, proposalOf, secondBlock } from "./compact_scene.ts";

const scene = secondBlock();
const proposal = proposalOf(scene, idsOf(2));
const vote = prepare(scene, { sender: 0, height: 2, proposal: proposal.proposal });
const height = asHeight(2);

function outbox() {
  const sent: string[] = [];
  const clock = { nowMs: 0 };
  const made = makeCompactOutbox({
    send: (member, frame) => void sent.push(`${member}: ${name(frame)}`),
    broadcast: (frame) => void sent.push(`all: ${name(frame)}`),
    hash: sha256,
    monotonicMs: () => clock.nowMs,
  });
  return { ...made, clock, taken: () => sent.splice(0) };
}

function name(bytes: Bytes): string {
  const frame = decodeFrame(bytes);
  assert(frame.ok);
  if (frame.value.kind !== "message") return `compact ${frame.value.kind}`;
  const message = decodeMessage(frame.value.bytes);
  assert(message.ok && message.value.kind !== "decided");
  return `full ${message.value.kind} ${message.value.height}/${message.value.round}`;
}

Deno.test("what goes to all is compact the first time and full after that", () => {
  const { send, taken } = outbox();
  for (const message of [proposal, vote, proposal, vote]) send("all", message);
  assert.deepEqual(taken(), [
    "all: compact proposal",
    "all: compact prepare",
    "all: full pre-prepare 2/0",
    "all: full prepare 2/0",
  ]);
});

Deno.test("what goes to one member is full, and so is what is of a higher round", () => {
  const { send, taken } = outbox();
  send(1, vote);
  send("all", { ...vote, round: 1 as Round });
  send("all", roundChange(scene, { sender: 0, round: 1, height: 2 }));
  assert.deepEqual(taken(), ["1: full prepare 2/0", "all: full prepare 2/1", "all: full round-change 2/1"]);
});

Deno.test("who asks gets every message of the height in full, each once in a while", () => {
  const { send, answer, taken, clock } = outbox();
  send("all", proposal);
  taken();
  assert(answer(3, height));
  assert.deepEqual(taken(), ["3: full pre-prepare 2/0"]);
  send("all", vote);
  taken();
  assert(answer(3, height));
  assert.deepEqual(taken(), ["3: full prepare 2/0"]);
  assert(answer(3, height));
  assert.deepEqual(taken(), []);
  assert(answer(1, height));
  assert.deepEqual(taken(), ["1: full pre-prepare 2/0", "1: full prepare 2/0"]);
  clock.nowMs = 1_000;
  assert(answer(3, height));
  assert.deepEqual(taken(), ["3: full pre-prepare 2/0", "3: full prepare 2/0"]);
});

Deno.test("the votes of the last height are kept, older ones are not", () => {
  const { send, answer, taken } = outbox();
  send("all", vote);
  send("all", { ...vote, height: 3 as Height });
  assert(answer(1, height));
  send("all", { ...vote, height: 4 as Height });
  taken();
  assert.equal(answer(2, height), false);
  assert.deepEqual(taken(), []);
});

Deno.test("of a height only the last votes above round 0 are kept", () => {
  const { send, answer, taken } = outbox();
  for (let round = 0; round < 9; round++) {
    send("all", { ...vote, round: round as Round });
    send("all", commit(scene, { sender: 0, height: 2, round, proposal: proposal.proposal }));
  }
  taken();
  answer(1, height);
  assert.deepEqual(taken(), [
    "1: full prepare 2/0",
    "1: full commit 2/0",
    "1: full prepare 2/8",
    "1: full commit 2/8",
  ]);
});

Deno.test("who has asked for a proposal gets the next ones in full before the compact form", () => {
  const { send, answer, taken } = outbox();
  send("all", proposal);
  answer(3, height);
  taken();
  send("all", { ...proposal, height: 18 as Height });
  assert.deepEqual(taken(), ["3: full pre-prepare 18/0", "all: compact proposal"]);
  send("all", { ...proposal, height: 19 as Height });
  assert.deepEqual(taken(), ["all: compact proposal"]);
});
