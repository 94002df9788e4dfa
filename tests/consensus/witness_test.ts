/** Whichever way two contradicting votes reach a member, it keeps the proof; and what it keeps is bounded. */
import assert from "node:assert/strict";
import { parentOf } from "../../core/block_rules.ts";
import type { Height, Round } from "../../core/brands.ts";
import { makeCertificate } from "../../core/certificate.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Proposal } from "../../core/ports.ts";
import type { Action, Event } from "../../consensus/events.ts";
import { provesMisbehaviour } from "../../consensus/evidence.ts";
import { isOfInterest } from "../../consensus/interest.ts";
import type { RoundChange } from "../../consensus/message.ts";
import { highestVoteOf } from "../../consensus/peers.ts";
import { standingOf, type State } from "../../consensus/state.ts";
import { step } from "../../consensus/step.ts";
import { ED25519 } from "./support/fixtures.ts";
import {
  arrival,
  blockBy,
  commit,
  greetedMember,
  hashOf,
  justifiedBy,
  lines,
  makeScene,
  play,
  prepare,
  preparedBy,
  prePrepare,
  roundChange,
} from "./support/messages.ts";
import { makeBlockNames } from "./support/trace.ts";

const scene = makeScene(4);
const A = blockBy(scene, 0, { content: "A" });
const B = blockBy(scene, 0, { content: "B" });
const C = blockBy(scene, 1, { round: 1, content: "C" });
const lockOn = (proposal: Proposal, by: readonly number[] = [0, 1, 3]) => preparedBy(scene, { proposal, by });
const leaving = (round: number, sender: number, prepared: RoundChange["prepared"] = null) =>
  roundChange(scene, { sender, round, prepared });
const proposal = (block: Proposal, by: readonly RoundChange[]) =>
  prePrepare(scene, { sender: 1, round: 1, proposal: block, justification: justifiedBy(by) });

/** The chain has block A, decided in `round` by members 0, 1 and 3. */
function decided(round = 0): Event {
  const votes = new Map(
    [0, 1, 3].map((sender) => [sender, commit(scene, { sender, round, proposal: A }).signature]),
  );
  const subject = { height: 1 as Height, round: round as Round, blockHash: hashOf(A) };
  const certificate = makeCertificate(scene.federation, { subject, votes });
  const block = { ...A, transactions: [] };
  const parent = parentOf({ block, certificate }, ED25519);
  return {
    kind: "advanced",
    tip: { ...scene.tip, parent, header: A.header, certificate },
    self: 2,
    work: false,
  };
}

/** Empty blocks on block A. */
function later(height: number): Event {
  const event = decided() as Extract<Event, { kind: "advanced" }>;
  const { tip } = event;
  return {
    ...event,
    tip: { ...tip, certificate: null, parent: { ...tip.parent, height: height as Height } },
  };
}

interface Row {
  readonly way: string;
  readonly given: readonly Event[];
  readonly event: Event;
  /** In the names of the blocks A, B and C. */
  readonly accused: string;
}

const ROWS: readonly Row[] = [
  {
    way: "two proposals",
    given: [arrival(scene, prePrepare(scene, { sender: 0, proposal: A }))],
    event: arrival(scene, prePrepare(scene, { sender: 0, proposal: B })),
    accused: "evidence against 0: pre-prepare 1/0 A; pre-prepare 1/0 B",
  },
  {
    way: "two PREPAREs",
    given: [arrival(scene, prepare(scene, { sender: 3, proposal: A }))],
    event: arrival(scene, prepare(scene, { sender: 3, proposal: B })),
    accused: "evidence against 3: prepare 1/0 A; prepare 1/0 B",
  },
  {
    way: "two COMMITs",
    given: [arrival(scene, commit(scene, { sender: 3, proposal: A }))],
    event: arrival(scene, commit(scene, { sender: 3, proposal: B })),
    accused: "evidence against 3: commit 1/0 A; commit 1/0 B",
  },
  {
    way: "two ROUND-CHANGEs of one round",
    given: [arrival(scene, leaving(1, 3))],
    event: arrival(scene, leaving(1, 3, lockOn(A))),
    accused: "evidence against 3: round-change 1/1; round-change 1/1 prepared A in 0",
  },
  {
    way: "a COMMIT, and a ROUND-CHANGE that disowns it",
    given: [arrival(scene, commit(scene, { sender: 3, proposal: A }))],
    event: arrival(scene, leaving(2, 3)),
    accused: "evidence against 3: commit 1/0 A; round-change 1/2",
  },
  {
    way: "a ROUND-CHANGE that has forgotten the lock of the one before",
    given: [arrival(scene, leaving(1, 3, lockOn(A)))],
    event: arrival(scene, leaving(2, 3)),
    accused: "evidence against 3: round-change 1/1 prepared A in 0; round-change 1/2",
  },
  {
    way: "a vote of a round that lies below the sender's latest",
    given: [
      ...[0, 1].map((round) => arrival(scene, prepare(scene, { sender: 3, round, proposal: A }))),
    ],
    event: arrival(scene, prepare(scene, { sender: 3, proposal: B })),
    accused: "evidence against 3: prepare 1/0 A; prepare 1/0 B",
  },
  {
    way: "a ROUND-CHANGE inside a proposal's justification",
    given: [arrival(scene, leaving(1, 3, lockOn(A)))],
    event: arrival(scene, proposal(C, [0, 1, 3].map((sender) => leaving(1, sender)))),
    accused: "evidence against 3: round-change 1/1 prepared A in 0; round-change 1/1",
  },
  {
    way: "a PREPARE inside a proposal's justification",
    given: [arrival(scene, prepare(scene, { sender: 3, proposal: B }))],
    event: arrival(scene, proposal(A, [leaving(1, 0, lockOn(A)), leaving(1, 1), leaving(1, 2)])),
    accused: "evidence against 3: prepare 1/0 B; prepare 1/0 A",
  },
  {
    way: "a PREPARE that proves a ROUND-CHANGE's lock",
    given: [arrival(scene, leaving(1, 0, lockOn(A)))],
    event: arrival(scene, prepare(scene, { sender: 3, proposal: B })),
    accused: "evidence against 3: prepare 1/0 A; prepare 1/0 B",
  },
  {
    way: "two votes that came inside others' messages only",
    given: [arrival(scene, leaving(1, 0, lockOn(A, [0, 2, 3])))],
    event: arrival(scene, leaving(1, 1, lockOn(B, [1, 2, 3]))),
    accused: "evidence against 3: prepare 1/0 A; prepare 1/0 B",
  },
  {
    way: "a leader's proposal, and its PREPARE for another that proves somebody's lock",
    given: [arrival(scene, prePrepare(scene, { sender: 0, proposal: A }))],
    event: arrival(scene, leaving(1, 1, lockOn(B, [0, 1, 3]))),
    accused: "evidence against 0: pre-prepare 1/0 A; prepare 1/0 B",
  },
  {
    way: "a ROUND-CHANGE, and a COMMIT that nobody saw but in the certificate",
    given: [arrival(scene, leaving(2, 3))],
    event: decided(),
    accused: "evidence against 3: round-change 1/2; commit 1/0 A",
  },
  {
    way: "a COMMIT in the certificate, and a ROUND-CHANGE that comes once the height is decided",
    given: [decided()],
    event: arrival(scene, leaving(1, 3)),
    accused: "evidence against 3: commit 1/0 A; round-change 1/1",
  },
  {
    way: "a COMMIT in the certificate, and one for another block that comes too late to count",
    given: [decided()],
    event: arrival(scene, commit(scene, { sender: 3, proposal: B })),
    accused: "evidence against 3: commit 1/0 A; commit 1/0 B",
  },
  {
    way: "two votes about a height to come",
    given: [arrival(scene, commit(scene, { sender: 3, height: 2, proposal: A }))],
    event: arrival(scene, commit(scene, { sender: 3, height: 2, proposal: B })),
    accused: "evidence against 3: commit 2/0 A; commit 2/0 B",
  },
];

function accusations(actions: readonly Action[]): readonly string[] {
  const names = makeBlockNames();
  [A, B, C].forEach((block) => names.of(hashOf(block)));
  return lines(actions.filter(({ kind }) => kind === "evidence"), names);
}

for (const { way, given, event, accused } of ROWS) {
  Deno.test(`a member that shows ${way} is accused with proof, once`, () => {
    const before = play(greetedMember(scene, 2), given);
    assert.deepEqual(accusations(before.all), []);
    if (event.kind === "message") assert.equal(isOfInterest(before.state, event.message.message), true);
    const { state, actions } = step(before.state, event);
    assert.deepEqual(accusations(actions), [accused]);
    for (const action of actions) {
      if (action.kind !== "evidence") continue;
      assert(provesMisbehaviour(action.evidence, { federation: scene.federation, ...ED25519 }));
    }
    assert.deepEqual(accusations(step(state, event).actions), []);
  });
}

const INNOCENT: readonly (readonly [string, readonly Event[]])[] = [
  ["votes for the block decided, and asks for a round with its lock once others are past it", [
    arrival(scene, prepare(scene, { sender: 3, proposal: A })),
    decided(),
    arrival(scene, leaving(1, 3, lockOn(A))),
  ]],
  ["votes for another block in a higher round", [
    arrival(scene, commit(scene, { sender: 3, proposal: A })),
    arrival(scene, prepare(scene, { sender: 3, round: 1, proposal: C })),
    arrival(scene, commit(scene, { sender: 3, round: 1, proposal: C })),
    arrival(scene, leaving(2, 3, preparedBy(scene, { proposal: C, by: [0, 1, 3], round: 1 }))),
  ]],
  ["votes for A at one height and for B at the next", [
    arrival(scene, commit(scene, { sender: 3, proposal: A })),
    arrival(scene, commit(scene, { sender: 3, height: 2, proposal: B })),
  ]],
];

for (const [what, events] of INNOCENT) {
  Deno.test(`a member is not accused that ${what}`, () => {
    assert.deepEqual(accusations(play(greetedMember(scene, 2), events).all), []);
  });
}

Deno.test("a member does not accuse itself, whatever others show it", () => {
  const all = [leaving(1, 0, lockOn(A, [0, 2, 3])), leaving(1, 1, lockOn(B, [1, 2, 3]))];
  const { all: actions } = play(greetedMember(scene, 2), all.map((message) => arrival(scene, message)));
  assert.deepEqual(accusations(actions), ["evidence against 3: prepare 1/0 A; prepare 1/0 B"]);
});

Deno.test("two members that contradict themselves in one message are both accused", () => {
  const { all } = play(greetedMember(scene, 2), [
    arrival(scene, leaving(1, 0, lockOn(A))),
    arrival(scene, leaving(1, 1, lockOn(B))),
  ]);
  assert.deepEqual(accusations(all), [
    "evidence against 1: prepare 1/0 A; round-change 1/1 prepared B in 0",
    "evidence against 0: round-change 1/1 prepared A in 0; prepare 1/0 B",
    "evidence against 3: prepare 1/0 A; prepare 1/0 B",
  ]);
});

Deno.test("a vote under another federation is held against none of this one", () => {
  const other = makeScene(5);
  const { state } = step(greetedMember(scene, 2), arrival(scene, prepare(scene, { sender: 3, proposal: A })));
  const moved = { ...state, tip: other.tip };
  const event = arrival(other, prepare(other, { sender: 3, proposal: B }));
  assert.deepEqual(accusations(step(moved, event).actions), []);
});

Deno.test("late votes are worth verifying only when they would accuse", () => {
  const { state } = step(greetedMember(scene, 2), decided());
  assert.equal(isOfInterest(state, commit(scene, { sender: 3, proposal: A })), false);
  assert.equal(isOfInterest(state, commit(scene, { sender: 3, proposal: B })), true);
  const after = step(state, arrival(scene, commit(scene, { sender: 3, proposal: B }))).state;
  assert.equal(isOfInterest(after, commit(scene, { sender: 3, proposal: B })), false);
});

Deno.test("a vote that came inside another's message is shown to its signer, like every other", () => {
  const { state } = step(greetedMember(scene, 2), arrival(scene, leaving(1, 0, lockOn(A))));
  const shown = highestVoteOf(state, 3);
  assert.deepEqual(shown?.vote, prepare(scene, { sender: 3, proposal: A }));
  assert.deepEqual(shown?.federationHash, scene.federation.hash);
});

Deno.test("a COMMIT that came in a certificate is shown to its signer, like every other vote", () => {
  const { state } = step(greetedMember(scene, 2), decided());
  assert.deepEqual(highestVoteOf(state, 3)?.vote, commit(scene, { sender: 3, proposal: A }));
});

Deno.test("a member that finds an unknown vote of its own inside another's message only follows there", () => {
  const lock = lockOn(A, [0, 1, 2]);
  const { state } = step(greetedMember(scene, 2), arrival(scene, leaving(1, 0, lock)));
  assert.deepEqual([standingOf(state), state.followUntil], ["following", 1]);
  // Who knows the vote goes on.
  const voted = play(greetedMember(scene, 2), [
    arrival(scene, prePrepare(scene, { sender: 0, proposal: A })),
    { kind: "validated", height: 1 as Height, round: 0 as Round, blockHash: hashOf(A), verdict: "valid" },
    arrival(scene, leaving(1, 0, lock)),
  ]).state;
  assert.equal(standingOf(voted), "voting");
});

const kept = (state: State, height: number) => state.witnessed.get(height as Height)?.votes.get(3) ?? [];

Deno.test("a member that floods fills its own place alone, and loses its oldest votes", () => {
  const rounds = Array.from({ length: 3 * LIMITS.witnessedVotes }, (_, round) => round);
  const flood = rounds.map((round) => arrival(scene, prepare(scene, { sender: 3, round, proposal: A })));
  const { state } = play(greetedMember(scene, 2), flood);
  const newest = rounds.slice(-LIMITS.witnessedVotes);
  assert.deepEqual(kept(state, 1).map(({ round }) => round), newest);
});

Deno.test("what is far below the chain is forgotten, and what is far above it is not kept", () => {
  const vote = (height: number) => arrival(scene, prepare(scene, { sender: 3, height, proposal: A }));
  const above = 1 + LIMITS.futureHeights;
  const early = play(greetedMember(scene, 2), [vote(1), vote(above), vote(above + 1)]).state;
  assert.deepEqual([...early.witnessed.keys()], [1, above]);
  const last = step(early, later(LIMITS.witnessedHeights)).state;
  assert.equal(kept(last, 1).length, 1);
  assert.deepEqual(kept(step(last, later(1 + LIMITS.witnessedHeights)).state, 1), []);
});
