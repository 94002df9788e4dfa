/** Evidence: who is accused, and who never is. */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import type { Hash, Height, Round } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import { encodeCbor } from "../../core/cbor.ts";
import { LIMITS } from "../../core/limits.ts";
import { contradict, decodeEvidence, encodeEvidence, judgeEvidence } from "../../consensus/evidence.ts";
import {
  bareVote,
  type BlockVote,
  type BlockVoteKind,
  type PreparedReference,
  type Vote,
  type VoteSubject,
} from "../../consensus/vote.ts";
import { ED25519, makeFederation } from "./support/fixtures.ts";
import {
  blockBy,
  commit,
  hashOf,
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
    "PREPARE and COMMIT for two blocks in one round",
    prepare(scene, { sender, proposal: A }),
    commit(scene, { sender, proposal: B }),
    true,
  ],
  [
    "a proposal, and a PREPARE for another block in its round",
    prePrepare(scene, { sender, proposal: A }),
    prepare(scene, { sender, proposal: B }),
    true,
  ],
  [
    "a ROUND-CHANGE that names another block than the PREPARE of its lock's round",
    prepare(scene, { sender, proposal: A }),
    roundChange(scene, { sender, round: 2, prepared: lock(B) }),
    true,
  ],
  [
    "a ROUND-CHANGE that has forgotten the lock of an earlier one",
    roundChange(scene, { sender, round: 1, prepared: lock(A) }),
    roundChange(scene, { sender, round: 2 }),
    true,
  ],
  [
    "a ROUND-CHANGE with a lock that an earlier one has denied",
    roundChange(scene, { sender, round: 2 }),
    roundChange(scene, { sender, round: 3, prepared: lock(A, 1) }),
    true,
  ],
  [
    "a ROUND-CHANGE with a lock of a round that an earlier one entered",
    roundChange(scene, { sender, round: 2 }),
    roundChange(scene, { sender, round: 3, prepared: lock(A, 2) }),
    false,
  ],
];

for (const [what, a, b, wanted] of ROWS) {
  Deno.test(`contradict() says ${wanted ? "yes" : "no"} to ${what}`, () => {
    assert.equal(contradict(a, b), wanted);
    assert.equal(contradict(b, a), wanted);
  });
}

/** The rows that prove something, as bytes. */
const PROOFS = ROWS.filter(([, , , wanted]) => wanted).map(([what, a, b]) => {
  const evidence = { federationHash: scene.federation.hash, first: bareVote(a), second: bareVote(b) };
  return { what, evidence, bytes: encodeEvidence(evidence) };
});
const elsewhere = { federation: makeFederation(5), crypto: ED25519.crypto };

function accepts(bytes: Uint8Array): boolean {
  const decoded = decodeEvidence(bytes);
  return decoded.ok && judgeEvidence(decoded.value, context).ok;
}

for (const { what, evidence, bytes } of PROOFS) {
  Deno.test(`evidence of ${what} convinces who gets it as bytes, and knows the federation`, () => {
    assert(accepts(bytes));
    assert(bytes.length < LIMITS.evidenceBytes / 2);
    const other = judgeEvidence(evidence, elsewhere);
    assert.equal(other.ok ? "accepted" : other.code, "evidence-proof");
  });

  Deno.test(`evidence of ${what} convinces nobody once any byte of it is changed`, () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        assert.equal(accepts(bytes.with(at, bytes[at] as number ^ mask)), false);
      }),
      { numRuns: 300 },
    );
  });
}

Deno.test("evidence convinces nobody when any field of a vote is another one's", () => {
  const votes = ROWS.flatMap(([, a, b]) => [bareVote(a), bareVote(b)]);
  for (const { what, evidence } of PROOFS) {
    for (const place of ["first", "second"] as const) {
      for (const other of votes) {
        if ((other.kind === "round-change") !== (evidence[place].kind === "round-change")) continue;
        for (const field of Object.keys(other) as (keyof Vote)[]) {
          const vote = { ...evidence[place], [field]: other[field] } as Vote;
          if (isDeepStrictEqual(vote, evidence[place])) continue;
          const verdict = judgeEvidence({ ...evidence, [place]: vote }, context);
          assert.equal(verdict.ok, false, `${what}: ${field} of the ${place}`);
        }
      }
    }
  }
});

Deno.test("evidence against another member, or somebody who is none, does not hold", () => {
  for (const { evidence: { federationHash, first, second } } of PROOFS) {
    for (const framed of [0, 1, 2, 4, LIMITS.members - 1]) {
      const votes = { first: { ...first, sender: framed }, second: { ...second, sender: framed } };
      const verdict = judgeEvidence({ federationHash, ...votes }, context);
      assert.equal(verdict.ok ? "accepted" : verdict.code, "evidence-proof");
    }
  }
});

Deno.test("decodeEvidence() refuses another version, other shapes and too many bytes", () => {
  const [{ bytes }] = PROOFS as [typeof PROOFS[number]];
  const version = bytes.with(1, 2);
  for (
    const [item, code] of [
      [version, "evidence-format"],
      [encodeCbor([]), "evidence-format"],
      [bytes.subarray(0, -1), "cbor"],
      [new Uint8Array(LIMITS.evidenceBytes + 1), "too-large"],
    ] as const
  ) {
    const verdict = decodeEvidence(item);
    assert.equal(verdict.ok ? "accepted" : verdict.code, code);
  }
});

// All that a correct member may sign in three rounds and when it leaves them, with two blocks to choose from.
type Signed = readonly Vote[];
const BLOCKS = [A, B].map(hashOf);

function vote(subject: VoteSubject): Vote {
  return { ...subject, sender, signature: new Uint8Array(64) } as Vote;
}

function blockVotes(round: number, blockHash: Hash): readonly Signed[] {
  const of = (kind: BlockVoteKind) =>
    vote({ kind, height: 1 as Height, round: round as Round, blockHash } as VoteSubject);
  const [proposed, prepared, committed] = [of("pre-prepare"), of("prepare"), of("commit")];
  return [[prepared], [prepared, committed], [proposed], [proposed, prepared], [
    proposed,
    prepared,
    committed,
  ]];
}

interface History {
  readonly votes: Signed;
  readonly lock: PreparedReference | null;
}

function nextRound({ votes, lock }: History, round: number): readonly History[] {
  const asked = vote({ kind: "round-change", height: 1 as Height, round: round as Round, prepared: lock });
  const before = round === 0 ? [votes] : [votes, [...votes, asked]];
  return before.flatMap((each) =>
    [[], ...BLOCKS.flatMap((blockHash) => blockVotes(round, blockHash))].map((cast: Signed) => {
      const commit = cast.find(({ kind }) => kind === "commit") as BlockVote | undefined;
      return { votes: [...each, ...cast], lock: commit ?? lock };
    })
  );
}

const nameOf = (each: Vote) =>
  `${each.kind} ${each.round} ${
    each.kind === "round-change"
      ? each.prepared === null ? "" : `${each.prepared.round} ${toHex(each.prepared.blockHash)}`
      : toHex(each.blockHash)
  }`;

Deno.test("contradict() is said of exactly those votes that no run of a correct member has both", () => {
  let histories: readonly History[] = [{ votes: [], lock: null }];
  for (const round of [0, 1, 2, 3]) histories = histories.flatMap((history) => nextRound(history, round));
  const universe = new Map<string, Vote>();
  const together = new Set<string>();
  for (const { votes } of histories) {
    const names = votes.map(nameOf);
    names.forEach((name, i) => universe.set(name, votes[i] as Vote));
    for (const a of names) for (const b of names) together.add(`${a} & ${b}`);
  }
  assert.equal(universe.size, 4 * 2 * 3 + 3 + 2 * (1 + 2 + 3));
  for (const [a, voteA] of universe) {
    for (const [b, voteB] of universe) {
      assert.equal(contradict(voteA, voteB), !together.has(`${a} & ${b}`), `${a} and ${b}`);
    }
  }
});
