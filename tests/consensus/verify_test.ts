/** What verification refuses, one message at a time; every message starts from one that holds. */
import assert from "node:assert/strict";
import { blockHash } from "../../core/block.ts";
import { asSignature, type Height, type Round } from "../../core/brands.ts";
import { LIMITS } from "../../core/limits.ts";
import type { RefusalCode } from "../../core/refusals.ts";
import { NO_JUSTIFICATION } from "../../consensus/justification.ts";
import type {
  Justification,
  MemberSignature,
  Message,
  PreparedCertificate,
} from "../../consensus/message.ts";
import { readMessage, verifyMessage } from "../../consensus/verify.ts";
import { decodeMessage, encodeMessage } from "../../consensus/wire.ts";
import { sha256 } from "../support/sha256.ts";
import { ED25519, makeFederation, makeProposal } from "./support/fixtures.ts";
import {
  blockBy,
  commit,
  hashOf,
  justifiedBy,
  makeScene,
  prepare,
  preparedBy,
  prePrepare,
  roundChange,
  signAs,
} from "./support/messages.ts";

const scene = makeScene(4);
const context = { federation: scene.federation, crypto: ED25519.crypto };
const A = blockBy(scene, 0, { content: "A" });
const B = blockBy(scene, 0, { content: "B" });
const C = blockBy(scene, 1, { round: 1, content: "C" });
const D = blockBy(scene, 2, { round: 2, content: "D" });

const by = [0, 1, 3];
const lockA = preparedBy(scene, { proposal: A, by });
const lockC = preparedBy(scene, { proposal: C, by, round: 1 });
const unlocked = (round: number, senders: readonly number[] = by) =>
  senders.map((sender) => roundChange(scene, { sender, round }));
const locked = (round: number, locks: readonly (PreparedCertificate | null)[]) =>
  locks.map((prepared, i) => roundChange(scene, { sender: by[i] as number, round, prepared }));
const proposalIn = (
  round: number,
  { proposal, justification }: { proposal: typeof A; justification: Justification },
) => prePrepare(scene, { sender: round % 4, round, proposal, justification });

const HOLD: readonly (readonly [string, Message])[] = [
  ["a proposal in round 0", prePrepare(scene, { sender: 0, proposal: A })],
  ["a PREPARE", prepare(scene, { sender: 3, proposal: A })],
  ["a COMMIT", commit(scene, { sender: 3, proposal: A })],
  ["a ROUND-CHANGE without a lock", roundChange(scene, { sender: 3, round: 1 })],
  ["a ROUND-CHANGE with a lock", roundChange(scene, { sender: 3, round: 1, prepared: lockA })],
  ["a ROUND-CHANGE to the last round", roundChange(scene, { sender: 3, round: LIMITS.rounds })],
  ["a new block in round 1", proposalIn(1, { proposal: C, justification: justifiedBy(unlocked(1)) })],
  [
    "a locked block proposed again",
    proposalIn(1, { proposal: A, justification: justifiedBy(locked(1, [null, lockA, null])) }),
  ],
  [
    "the highest lock of two",
    proposalIn(2, { proposal: C, justification: justifiedBy(locked(2, [lockA, null, lockC])) }),
  ],
  [
    "a justification by all members",
    proposalIn(1, { proposal: C, justification: justifiedBy(unlocked(1, [0, 1, 2, 3])) }),
  ],
];

for (const [what, message] of HOLD) {
  Deno.test(`readMessage() takes ${what}, as it was sent`, () => {
    const verdict = readMessage(encodeMessage(message), context);
    assert.equal(verdict.ok, true, verdict.ok ? "" : verdict.detail);
    if (verdict.ok) assert.deepEqual(verdict.value.message, message);
  });
}

const justified = (change: Partial<Justification>, round = 1, proposal = C): Message =>
  proposalIn(round, { proposal, justification: { ...justifiedBy(unlocked(round)), ...change } });
const first = unlocked(1)[0] as MemberSignature & { prepared: null };
const entries = justifiedBy(unlocked(1)).roundChanges;
const otherScene = makeScene(5);

const REFUSED: readonly (readonly [string, Message, RefusalCode])[] = [
  [
    "a sender beyond the members",
    { ...prepare(scene, { sender: 3, proposal: A }), sender: 4 },
    "message-member",
  ],
  ["another sender", { ...prepare(scene, { sender: 3, proposal: A }), sender: 2 }, "message-signature"],
  [
    "another height",
    { ...prepare(scene, { sender: 3, proposal: A }), height: 2 as Height },
    "message-signature",
  ],
  [
    "another round",
    { ...prepare(scene, { sender: 3, proposal: A }), round: 1 as Round },
    "message-signature",
  ],
  [
    "a PREPARE's signature as a COMMIT's",
    { ...prepare(scene, { sender: 3, proposal: A }), kind: "commit" },
    "message-signature",
  ],
  ["a vote of another federation", prepare(otherScene, { sender: 3, proposal: A }), "message-signature"],
  [
    "a signature of zeros",
    { ...prepare(scene, { sender: 3, proposal: A }), signature: asSignature(new Uint8Array(64)) },
    "message-signature",
  ],
  ["height 0", roundChange(scene, { sender: 3, round: 1, height: 0 }), "message-format"],
  ["a round above the limit", roundChange(scene, { sender: 3, round: LIMITS.rounds + 1 }), "message-format"],
  ["round 2^53−1", roundChange(scene, { sender: 3, round: Number.MAX_SAFE_INTEGER }), "message-format"],
  ["a ROUND-CHANGE to round 0", roundChange(scene, { sender: 3, round: 0 }), "message-format"],
  [
    "another block than the one signed",
    { ...prePrepare(scene, { sender: 0, proposal: A }), proposal: B },
    "message-format",
  ],
  ["a block of another height", prePrepare(scene, { sender: 0, proposal: A, height: 2 }), "block-link"],
  [
    "a block of another federation",
    signAs(scene, { ...prePrepare(scene, { sender: 0, proposal: foreign() }) }),
    "block-link",
  ],
  [
    "other ids than the header's",
    prePrepare(scene, { sender: 0, proposal: { ...A, ids: B.ids } }),
    "block-root",
  ],
  [
    "fewer ids than the header counts",
    prePrepare(scene, { sender: 0, proposal: { ...A, ids: [] } }),
    "block-root",
  ],
  [
    "a justification in round 0",
    prePrepare(scene, { sender: 0, proposal: A, justification: justifiedBy(unlocked(1)) }),
    "message-justification",
  ],
  ["a block of round 1 in round 0", prePrepare(scene, { sender: 0, proposal: C }), "message-justification"],
  ["round 1 without justification", justified(NO_JUSTIFICATION), "message-justification"],
  [
    "fewer ROUND-CHANGEs than a quorum",
    justified({ roundChanges: entries.slice(1) }),
    "message-justification",
  ],
  [
    "one ROUND-CHANGE twice",
    justified({ roundChanges: [first, first, ...entries.slice(2)] }),
    "message-justification",
  ],
  [
    "ROUND-CHANGEs out of order",
    justified({ roundChanges: [...entries].reverse() }),
    "message-justification",
  ],
  [
    "one ROUND-CHANGE under two names",
    justified({ roundChanges: [first, { ...first, sender: 1 }, ...entries.slice(2)] }),
    "message-justification",
  ],
  [
    "ROUND-CHANGEs for another round",
    justified({ roundChanges: justifiedBy(unlocked(2)).roundChanges }),
    "message-justification",
  ],
  [
    "ROUND-CHANGEs for another height",
    justified({
      roundChanges: justifiedBy(by.map((sender) =>
        roundChange(scene, { sender, round: 1, height: 2 })
      )).roundChanges,
    }),
    "message-justification",
  ],
  ["an old unprepared block", justified({}, 1, A), "message-justification"],
  [
    "a lock left out of a ROUND-CHANGE",
    justified({
      roundChanges: justifiedBy(locked(1, [null, lockA, null])).roundChanges.map((each) => ({
        ...each,
        prepared: null,
      })),
    }),
    "message-justification",
  ],
  [
    "a new block though one is prepared",
    justified({ roundChanges: justifiedBy(locked(1, [null, lockA, null])).roundChanges }),
    "message-justification",
  ],
  [
    "a prepared block without its PREPAREs",
    justified({ roundChanges: justifiedBy(locked(1, [null, lockA, null])).roundChanges }, 1, A),
    "message-justification",
  ],
  [
    "the lower of two locks",
    justified({ ...justifiedBy(locked(2, [lockA, null, lockC])), prepares: lockA.prepares }, 2, A),
    "message-justification",
  ],
  [
    "PREPAREs of another round",
    justified(
      {
        ...justifiedBy(locked(2, [null, null, lockC])),
        prepares: preparedBy(scene, { proposal: C, by, round: 0 }).prepares,
      },
      2,
      C,
    ),
    "message-justification",
  ],
  [
    "PREPAREs of another block",
    justified({ ...justifiedBy(locked(2, [null, null, lockC])), prepares: lockA.prepares }, 2, C),
    "message-justification",
  ],
  [
    "PREPAREs where nothing is prepared",
    justified({ prepares: lockA.prepares }),
    "message-justification",
  ],
  [
    "a lock without a quorum of PREPAREs",
    roundChange(scene, { sender: 3, round: 1, prepared: { ...lockA, prepares: lockA.prepares.slice(1) } }),
    "message-justification",
  ],
  [
    "a lock with one PREPARE twice",
    roundChange(scene, {
      sender: 3,
      round: 1,
      prepared: { ...lockA, prepares: [0, 0, 1].map((i) => lockA.prepares[i] as MemberSignature) },
    }),
    "message-justification",
  ],
  [
    "a lock of the round that is entered",
    roundChange(scene, { sender: 3, round: 1, prepared: lockC }),
    "message-justification",
  ],
  [
    "a lock on a block created later",
    roundChange(scene, { sender: 3, round: 2, prepared: preparedBy(scene, { proposal: D, by, round: 1 }) }),
    "message-justification",
  ],
  [
    "a lock with another block than its PREPAREs",
    roundChange(scene, { sender: 3, round: 1, prepared: { ...lockA, proposal: B } }),
    "message-format",
  ],
];

function foreign(): typeof A {
  return makeProposal({ ...scene.tip, federation: makeFederation(5) }, { proposer: 0 });
}

for (const [what, message, code] of REFUSED) {
  Deno.test(`verifyMessage() refuses ${what}`, () => {
    const verdict = verifyMessage(message, context);
    assert.equal(verdict.ok ? "taken" : verdict.code, code);
  });
}

Deno.test("decodeMessage() refuses more bytes than a frame has", () => {
  const verdict = decodeMessage(new Uint8Array(LIMITS.frameBytes + 1));
  assert.equal(verdict.ok ? "taken" : verdict.code, "too-large");
});

Deno.test("decodeMessage() refuses an unknown type, a missing field and an unknown version", () => {
  const bytes = encodeMessage(prepare(scene, { sender: 3, proposal: A }));
  // [version, type, …]: 0x87 is an array of seven.
  assert.equal(bytes[0], 0x87);
  for (const [index, value] of [[0, 0x86], [1, 2], [2, 9], [2, 4]] as const) {
    const changed = bytes.slice();
    changed[index] = value;
    assert.equal(decodeMessage(changed).ok, false);
  }
});

Deno.test("a block's hash in a vote is the one of its header", () => {
  assert.deepEqual(hashOf(A), blockHash(sha256, A.header));
});
