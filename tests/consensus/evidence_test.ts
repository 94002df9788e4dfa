/** Evidence: who is accused, and who never is. */
import assert from "node:assert/strict";
import { decodeShape, encodeShape } from "../../core/shape.ts";
import { contradict, evidenceShape, provesMisbehaviour } from "../../consensus/evidence.ts";
import { bareVote, type Vote } from "../../consensus/vote.ts";
import { ED25519, makeFederation } from "./support/fixtures.ts";
import {
  blockBy,
  commit,
  makeScene,
  prepare,
  preparedBy,
  prePrepare,
  roundChange,
} from "./support/messages.ts";

const scene = makeScene(4);
const context = { federation: scene.federation, crypto: ED25519.crypto };
const A = blockBy(scene, 0, { content: "A" });
const B = blockBy(scene, 0, { content: "B" });
const sender = 3;
const lock = (proposal: typeof A, round = 0) => preparedBy(scene, { proposal, by: [0, 1, 2], round });

const ROWS: readonly (readonly [string, Vote, Vote, boolean])[] = [
  ["two PREPAREs", prepare(scene, { sender, proposal: A }), prepare(scene, { sender, proposal: B }), true],
  ["two COMMITs", commit(scene, { sender, proposal: A }), commit(scene, { sender, proposal: B }), true],
  [
    "two proposals",
    prePrepare(scene, { sender, proposal: A }),
    prePrepare(scene, { sender, proposal: B }),
    true,
  ],
  [
    "two ROUND-CHANGEs that name other locks",
    roundChange(scene, { sender, round: 1 }),
    roundChange(scene, { sender, round: 1, prepared: lock(A) }),
    true,
  ],
  [
    "a ROUND-CHANGE that disowns a COMMIT",
    commit(scene, { sender, proposal: A }),
    roundChange(scene, { sender, round: 1 }),
    true,
  ],
  [
    "a ROUND-CHANGE that names another lock than the COMMIT's",
    roundChange(scene, { sender, round: 1, prepared: lock(B) }),
    commit(scene, { sender, proposal: A }),
    true,
  ],
  [
    "a ROUND-CHANGE that owns up to a COMMIT",
    commit(scene, { sender, proposal: A }),
    roundChange(scene, { sender, round: 1, prepared: lock(A) }),
    false,
  ],
  [
    "a ROUND-CHANGE with a later lock than the COMMIT's",
    commit(scene, { sender, proposal: A }),
    roundChange(scene, { sender, round: 3, prepared: lock(B, 2) }),
    false,
  ],
  [
    "a COMMIT after the ROUND-CHANGE to its round",
    roundChange(scene, { sender, round: 1 }),
    commit(scene, { sender, round: 1, proposal: A }),
    false,
  ],
  ["one vote twice", prepare(scene, { sender, proposal: A }), prepare(scene, { sender, proposal: A }), false],
  [
    "votes of two rounds",
    prepare(scene, { sender, proposal: A }),
    prepare(scene, { sender, round: 1, proposal: B }),
    false,
  ],
  [
    "votes of two heights",
    prepare(scene, { sender, proposal: A }),
    prepare(scene, { sender, height: 2, proposal: B }),
    false,
  ],
  [
    "votes of two members",
    prepare(scene, { sender, proposal: A }),
    prepare(scene, { sender: 2, proposal: B }),
    false,
  ],
  [
    "votes of two kinds",
    prepare(scene, { sender, proposal: A }),
    commit(scene, { sender, proposal: B }),
    false,
  ],
];

for (const [what, a, b, wanted] of ROWS) {
  Deno.test(`contradict() says ${wanted ? "yes" : "no"} to ${what}`, () => {
    assert.equal(contradict(a, b), wanted);
    assert.equal(contradict(b, a), wanted);
  });
}

Deno.test("evidence convinces who gets it as bytes, and nobody when a vote is altered", () => {
  const [, first, second] = ROWS[0] as (typeof ROWS)[number];
  const evidence = {
    federationHash: scene.federation.hash,
    first: bareVote(first),
    second: bareVote(second),
  };
  const bytes = encodeShape(evidenceShape, evidence);
  const decoded = decodeShape(evidenceShape, bytes, { what: "evidence", code: "message-format" });
  assert(decoded.ok);
  assert.equal(provesMisbehaviour(decoded.value, context), true);
  assert.equal(
    provesMisbehaviour({ ...evidence, second: { ...evidence.second, sender: 2 } }, context),
    false,
  );
  const framed = {
    ...evidence,
    first: { ...evidence.first, sender: 2 },
    second: { ...evidence.second, sender: 2 },
  };
  assert.equal(provesMisbehaviour(framed, context), false);
  const elsewhere = { federation: makeFederation(5), crypto: ED25519.crypto };
  assert.equal(provesMisbehaviour(evidence, elsewhere), false);
});
