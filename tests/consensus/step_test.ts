/** Transitions of one member: what it is given, the event, and everything that it then does. */
import assert from "node:assert/strict";
import type { Height, Round } from "../../core/brands.ts";
import { makeCertificate } from "../../core/certificate.ts";
import { federationOf, type Member } from "../../core/federation.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Proposal } from "../../core/ports.ts";
import { tipAfter } from "../../core/tip.ts";
import type { Event } from "../../consensus/events.ts";
import { isOfInterest } from "../../consensus/interest.ts";
import { highestVoteOf } from "../../consensus/peers.ts";
import { mayVote, standingOf, type State } from "../../consensus/state.ts";
import { step } from "../../consensus/step.ts";
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
  startMember,
} from "./support/messages.ts";
import { ED25519, makeProposal } from "./support/fixtures.ts";
import { makeBlockNames } from "./support/trace.ts";

const scene = makeScene(4);
const A = blockBy(scene, 0, { content: "A" });
const B = blockBy(scene, 0, { content: "B" });
const C = blockBy(scene, 1, { round: 1, content: "C" });

const height = 1 as Height;
const at = (round: number) => ({ height, round: round as Round });
const work: Event = { kind: "work", available: true };
const validated = (proposal: Proposal, round = 0, verdict: "valid" | "invalid" = "valid"): Event => ({
  kind: "validated",
  ...at(round),
  blockHash: hashOf(proposal),
  verdict,
});
const proposed = arrival(scene, prePrepare(scene, { sender: 0, proposal: A }));
const prepares = (proposal: Proposal, by: readonly number[], round = 0) =>
  by.map((sender) => arrival(scene, prepare(scene, { sender, proposal, round })));
const commits = (proposal: Proposal, by: readonly number[], round = 0) =>
  by.map((sender) => arrival(scene, commit(scene, { sender, proposal, round })));
const roundChanges = (round: number, by: readonly number[]) =>
  by.map((sender) => roundChange(scene, { sender, round }));
const leaving = (round: number, by: readonly number[]) =>
  roundChanges(round, by).map((message) => arrival(scene, message));
const justified = (round: number, by: readonly number[]) => justifiedBy(roundChanges(round, by));
const proposedC = arrival(
  scene,
  prePrepare(scene, { sender: 1, round: 1, proposal: C, justification: justified(1, [0, 1, 3]) }),
);

const lockOn = (proposal: Proposal, round: number) => preparedBy(scene, { proposal, by: [0, 1, 3], round });
const certificate = makeCertificate(scene.federation, {
  subject: { ...at(0), blockHash: hashOf(A) },
  votes: new Map([0, 1, 3].map((sender) => [sender, commit(scene, { sender, proposal: A }).signature])),
});
const { header, parentCertificate, ids: transactions } = A;
const decidedA = arrival(scene, {
  kind: "decided",
  block: { version: 1, header, parentCertificate, transactions, certificate },
});
/** The chain has block A. */
const tipped = {
  kind: "advanced",
  tip: tipAfter({ block: A, certificate }, { before: scene.tip, change: null, crypto: ED25519.crypto }),
  self: 2,
  work: false,
} as const satisfies Event;

interface Row {
  readonly description: string;
  readonly given: readonly Event[];
  readonly event: Event;
  /** In the names of the blocks A, B and C. */
  readonly then: readonly string[];
}

/** Member 2 of 4, greeted by all; a quorum is three. */
const ROWS: readonly Row[] = [
  {
    description: "asks for the bodies of a justified proposal, and starts the timer",
    given: [],
    event: proposed,
    then: ["validate 1/0 A fresh from 0", "timer round 1/0 1000 ms"],
  },
  {
    description: "sends PREPARE when block and bodies are durable",
    given: [proposed],
    event: validated(A),
    then: ["persist prepare 1/0 A", "send to all: prepare 1/0 A"],
  },
  {
    description: "sends COMMIT on a quorum of PREPAREs, its own among them",
    given: [proposed, validated(A), ...prepares(A, [0])],
    event: prepares(A, [1])[0] as Event,
    then: ["persist commit 1/0 A", "send to all: commit 1/0 A"],
  },
  {
    description: "sends PREPARE and COMMIT together when the bodies come last",
    given: [proposed, ...prepares(A, [0, 1])],
    event: validated(A),
    then: [
      "persist prepare 1/0 A, commit 1/0 A",
      "send to all: prepare 1/0 A",
      "send to all: commit 1/0 A",
    ],
  },
  {
    description: "sends no COMMIT on three PREPAREs of others while its own bodies are missing",
    given: [proposed, ...prepares(A, [0, 1])],
    event: prepares(A, [3])[0] as Event,
    then: [],
  },
  {
    description: "does not count PREPAREs for another block",
    given: [proposed, validated(A), ...prepares(A, [0])],
    event: prepares(B, [1])[0] as Event,
    then: [],
  },
  {
    description: "does not count one member's PREPARE twice",
    given: [proposed, validated(A), ...prepares(A, [0])],
    event: prepares(A, [0])[0] as Event,
    then: [],
  },
  {
    description: "does not add PREPAREs of two rounds",
    given: [proposed, validated(A), ...prepares(A, [0])],
    event: prepares(A, [1], 1)[0] as Event,
    then: [],
  },
  {
    description: "decides on a quorum of COMMITs",
    given: [proposed, validated(A), ...commits(A, [0, 1])],
    event: commits(A, [3])[0] as Event,
    then: ["commit 1 A decided in 0 by 0,1,3", "no timer round"],
  },
  {
    description: "decides on COMMITs of a round that it has left",
    given: [proposed, validated(A), work, { kind: "timeout", ...at(0) }, ...commits(A, [0, 1])],
    event: commits(A, [3])[0] as Event,
    then: ["commit 1 A decided in 0 by 0,1,3", "no timer resend"],
  },
  {
    description: "does not add COMMITs of two rounds",
    given: [proposed, validated(A), ...commits(A, [0, 1])],
    event: commits(A, [3], 1)[0] as Event,
    then: [],
  },
  {
    description: "fetches a block that a quorum decided and it does not know",
    given: [...commits(A, [3, 0])],
    event: commits(A, [1])[0] as Event,
    then: ["fetch 1 from 0,1,3", "timer round 1/0 1000 ms", "timer resend 1/0 1000 ms"],
  },
  {
    description: "asks for the next round with a certificate whose block nobody gives",
    given: [...commits(A, [0, 1, 3])],
    event: { kind: "timeout", ...at(0) },
    then: [
      "persist round-change 1/1",
      "fetch 1 from 0,1,3",
      "send to all: round-change 1/1",
      "timer resend 1/1 1000 ms",
    ],
  },
  {
    description: "proposes no new block with a certificate whose block is not here",
    given: [...commits(A, [0, 1, 3]), arrival(scene, roundChange(scene, { sender: 0, round: 2 }))],
    event: arrival(scene, roundChange(scene, { sender: 1, round: 2 })),
    then: [
      "persist round-change 1/2",
      "evidence against 1: commit 1/0 A; round-change 1/2",
      "send to all: round-change 1/2",
      "timer round 1/2 4000 ms",
      "timer resend 1/2 1000 ms",
    ],
  },
  {
    description: "asks again for a decided block that it does not know",
    given: [...commits(A, [0, 1, 3])],
    event: { kind: "resend", ...at(0) },
    then: ["fetch 1 from 0,1,3", "timer resend 1/0 1000 ms"],
  },
  {
    description: "votes no more once the height is decided",
    given: [proposed, ...commits(A, [0, 1, 3])],
    event: validated(A),
    then: ["commit 1 A decided in 0 by 0,1,3", "no timer round", "no timer resend"],
  },
  {
    description: "takes no second proposal of one round, and keeps the proof against its leader",
    given: [proposed],
    event: arrival(scene, prePrepare(scene, { sender: 0, proposal: B })),
    then: ["evidence against 0: pre-prepare 1/0 A; pre-prepare 1/0 B"],
  },
  {
    description: "takes no proposal from who is not the leader",
    given: [],
    event: arrival(scene, prePrepare(scene, { sender: 3, proposal: blockBy(scene, 3) })),
    then: [],
  },
  {
    description: "leaves the round when the block was made by another member than its round's leader",
    given: [],
    event: arrival(scene, prePrepare(scene, { sender: 0, proposal: blockBy(scene, 3) })),
    then: [
      "persist round-change 1/1",
      "send to all: round-change 1/1",
      "timer resend 1/1 1000 ms",
    ],
  },
  {
    description: "leaves the round when the proposal is invalid",
    given: [proposed],
    event: validated(A, 0, "invalid"),
    then: [
      "persist round-change 1/1",
      "send to all: round-change 1/1",
      "no timer round",
      "timer resend 1/1 1000 ms",
    ],
  },
  {
    description: "starts round 0's timer when there is work",
    given: [],
    event: work,
    then: ["timer round 1/0 1000 ms"],
  },
  {
    description: "stops round 0's timer when the work is gone",
    given: [work],
    event: { kind: "work", available: false },
    then: ["no timer round"],
  },
  {
    description: "starts round 0's timer when a heartbeat is due",
    given: [],
    event: { kind: "heartbeat", height },
    then: ["timer round 1/0 1000 ms"],
  },
  {
    description: "ignores the heartbeat of another height",
    given: [],
    event: { kind: "heartbeat", height: 2 as Height },
    then: [],
  },
  {
    description: "leaves the round when its timer expires",
    given: [work],
    event: { kind: "timeout", ...at(0) },
    then: [
      "persist round-change 1/1",
      "send to all: round-change 1/1",
      "timer resend 1/1 1000 ms",
    ],
  },
  {
    description: "ignores a timer of a round that it has left",
    given: [work, { kind: "timeout", ...at(0) }, ...leaving(1, [0, 1, 3])],
    event: { kind: "timeout", ...at(0) },
    then: [],
  },
  {
    description: "ignores a timer of another height",
    given: [work],
    event: { kind: "timeout", height: 2 as Height, round: 0 as Round },
    then: [],
  },
  {
    description: "ignores a timer that does not run",
    given: [],
    event: { kind: "timeout", ...at(0) },
    then: [],
  },
  {
    description: "names its lock in its ROUND-CHANGE",
    given: [proposed, validated(A), ...prepares(A, [0, 1])],
    event: { kind: "timeout", ...at(0) },
    then: [
      "persist round-change 1/1 prepared A in 0",
      "send to all: round-change 1/1 prepared A in 0",
      "timer resend 1/1 1000 ms",
    ],
  },
  {
    description: "starts the timer above round 0 only with a quorum there",
    given: [work, { kind: "timeout", ...at(0) }, ...leaving(1, [0])],
    event: leaving(1, [1])[0] as Event,
    then: ["timer round 1/1 2000 ms"],
  },
  {
    description: "does not follow one member to a higher round",
    given: [],
    event: leaving(5, [3])[0] as Event,
    then: [],
  },
  {
    description: "follows f + 1 members to the lower of their rounds",
    given: leaving(5, [3]),
    event: leaving(2, [1])[0] as Event,
    then: [
      "persist round-change 1/2",
      "send to all: round-change 1/2",
      "timer round 1/2 4000 ms",
      "timer resend 1/2 1000 ms",
    ],
  },
  {
    description: "follows f + 1 members whatever they voted there",
    given: prepares(C, [3], 1),
    event: leaving(1, [0])[0] as Event,
    then: [
      "persist round-change 1/1",
      "send to all: round-change 1/1",
      "timer round 1/1 2000 ms",
      "timer resend 1/1 1000 ms",
    ],
  },
  {
    description: "goes to a higher round with its justified proposal, without a ROUND-CHANGE of its own",
    given: [],
    event: proposedC,
    then: ["validate 1/1 C fresh from 1", "timer round 1/1 2000 ms", "timer resend 1/1 1000 ms"],
  },
  {
    description: "sends PREPARE in a higher round for another block than before, when nothing is prepared",
    given: [proposed, validated(A), proposedC],
    event: validated(C, 1),
    then: ["persist prepare 1/1 C", "send to all: prepare 1/1 C"],
  },
  {
    description: "takes no proposal of a round that it has left",
    given: [work, { kind: "timeout", ...at(0) }],
    event: proposed,
    then: [],
  },
  {
    description: "sends no PREPARE in a round that it has left, though the bodies came at last",
    given: [proposed, { kind: "timeout", ...at(0) }],
    event: validated(A),
    then: [],
  },
  {
    description: "sends no COMMIT in a round that it has left",
    given: [proposed, validated(A), ...prepares(A, [0]), { kind: "timeout", ...at(0) }],
    event: prepares(A, [1])[0] as Event,
    then: [],
  },
  {
    description: "leaves a round at once when there is work and the leader's link broke",
    given: [work],
    event: { kind: "peerDown", member: 0 },
    then: [
      "persist round-change 1/1",
      "send to all: round-change 1/1",
      "no timer round",
      "timer resend 1/1 1000 ms",
    ],
  },
  {
    description: "stays while there is nothing to propose, though the leader's link broke",
    given: [],
    event: { kind: "peerDown", member: 0 },
    then: [],
  },
  {
    description: "stays with the proposal that it has, though the leader's link broke",
    given: [proposed, validated(A)],
    event: { kind: "peerDown", member: 0 },
    then: [],
  },
  {
    description: "sends its votes again, periodically, above round 0",
    given: [work, { kind: "timeout", ...at(0) }],
    event: { kind: "resend", ...at(1) },
    then: ["send to all: round-change 1/1", "timer resend 1/1 1000 ms"],
  },
  {
    description: "sends its votes to who comes back",
    given: [proposed, validated(A), { kind: "peerDown", member: 3 }],
    event: { kind: "peerUp", member: 3, height: 0 as Height, highest: null },
    then: ["send to 3: prepare 1/0 A"],
  },
  {
    description: "catches up from a peer that has decided its height",
    given: [],
    event: { kind: "peerUp", member: 3, height: 1 as Height, highest: null },
    then: ["fetch 1 from 3"],
  },
  {
    description: "catches up from who votes two heights above",
    given: [],
    event: arrival(scene, roundChange(scene, { sender: 3, round: 1, height: 3 })),
    then: ["fetch 1 from 3"],
  },
  {
    description: "does not run after who is one height above: that passes",
    given: [],
    event: arrival(scene, roundChange(scene, { sender: 3, round: 1, height: 2 })),
    then: [],
  },
  {
    description: "proposes the lock of a quorum's ROUND-CHANGEs, though it has not seen that proposal",
    given: [arrival(scene, roundChange(scene, { sender: 0, round: 2 }))],
    event: arrival(scene, roundChange(scene, { sender: 1, round: 2, prepared: lockOn(A, 0) })),
    then: [
      "persist round-change 1/2, pre-prepare 1/2 A",
      "send to all: round-change 1/2",
      "send to all: pre-prepare 1/2 A justified by 0,1,2 prepared by 0,1,3",
      "validate 1/2 A again from 0,1,3",
      "timer round 1/2 4000 ms",
      "timer resend 1/2 1000 ms",
    ],
  },
  {
    description: "proposes the lock of the highest round",
    given: [arrival(scene, roundChange(scene, { sender: 3, round: 2, prepared: lockOn(C, 1) }))],
    event: arrival(scene, roundChange(scene, { sender: 1, round: 2, prepared: lockOn(A, 0) })),
    then: [
      "persist round-change 1/2, pre-prepare 1/2 C",
      "send to all: round-change 1/2",
      "send to all: pre-prepare 1/2 C justified by 1,2,3 prepared by 0,1,3",
      "validate 1/2 C again from 0,1,3",
      "timer round 1/2 4000 ms",
      "timer resend 1/2 1000 ms",
    ],
  },
  {
    description: "makes a new block when no ROUND-CHANGE of the quorum is prepared",
    given: leaving(2, [0]),
    event: leaving(2, [1])[0] as Event,
    then: [
      "persist round-change 1/2",
      "send to all: round-change 1/2",
      "build 1/2",
      "timer round 1/2 4000 ms",
      "timer resend 1/2 1000 ms",
    ],
  },
  {
    description: "keeps the proof of a COMMIT that its sender's ROUND-CHANGE disowns",
    given: commits(A, [3]),
    event: leaving(1, [3])[0] as Event,
    then: ["evidence against 3: commit 1/0 A; round-change 1/1"],
  },
  {
    description: "accuses a member once a height",
    given: [...prepares(A, [3]), ...prepares(B, [3])],
    event: prepares(B, [3])[0] as Event,
    then: [],
  },
  {
    description: "accuses nobody for sending the same again",
    given: [proposed, ...prepares(A, [3]), ...commits(A, [3])],
    event: prepares(A, [3])[0] as Event,
    then: [],
  },
  {
    description: "sends no COMMIT for a block that it sent PREPARE for in another round only",
    given: [proposed, validated(A), ...prepares(A, [0, 1], 1)],
    event: prepares(A, [3], 1)[0] as Event,
    then: [],
  },
  {
    description: "helps who asks for a round of a height that is decided",
    given: [tipped],
    event: arrival(scene, roundChange(scene, { sender: 3, round: 1, prepared: lockOn(A, 0) })),
    then: ["send to 3: decided 1"],
  },
  {
    description: "does not help who was just slower",
    given: [tipped],
    event: commits(A, [3])[0] as Event,
    then: [],
  },
  {
    description: "adopts a decided block of its height",
    given: [],
    event: decidedA,
    then: ["adopt 1 from 0", "timer round 1/0 1000 ms", "timer resend 1/0 1000 ms"],
  },
  {
    description: "commits a decided block whose bodies it has, without storing it twice",
    given: [proposed, validated(A)],
    event: decidedA,
    then: ["commit 1 A decided in 0 by 0,1,3", "no timer round"],
  },
];

for (const { description, given, event, then } of ROWS) {
  Deno.test(`step() ${description}`, () => {
    const names = makeBlockNames();
    [A, B, C].forEach((block) => names.of(hashOf(block)));
    const { state } = play(greetedMember(scene, 2), given);
    assert.deepEqual(lines(step(state, event).actions, names), then);
  });
}

Deno.test("step() does not change the state that it is given", () => {
  const events = [proposed, validated(A), ...prepares(A, [0, 1]), work, ...leaving(3, [0, 1]), tipped];
  let state = greetedMember(scene, 2);
  for (const event of events) {
    const before = structuredClone(plain(state));
    const after = step(state, event).state;
    assert.deepEqual(plain(state), before);
    state = after;
  }
});

/** The state without its functions, which cannot be cloned. */
function plain({ tools: _tools, ...rest }: State): Omit<State, "tools"> {
  return rest;
}

Deno.test("step() gives the same outputs for the same inputs", () => {
  const events = [proposed, validated(A), ...prepares(A, [0, 1]), ...leaving(3, [0, 1])];
  const state = greetedMember(scene, 2);
  assert.deepEqual(play(state, events).all, play(state, events).all);
});

Deno.test("step() casts no vote while fewer than a quorum were heard since the start", () => {
  const state = startMember(scene, 2);
  assert.equal(standingOf(state), "waiting");
  const { state: later, all } = play(state, [proposed, validated(A), ...prepares(A, [0, 1, 3]), work]);
  assert.deepEqual(all.filter(({ kind }) => kind === "persist" || kind === "send"), []);
  const greet = (member: number): Event => ({ kind: "peerUp", member, height: 0 as Height, highest: null });
  const { actions } = play(later, [greet(0), greet(1)]);
  assert.deepEqual(lines(actions, makeBlockNames()), [
    "persist prepare 1/0 A, commit 1/0 A",
    "send to all: prepare 1/0 A",
    "send to all: commit 1/0 A",
    "timer round 1/0 1000 ms",
    "no timer resend",
  ]);
});

Deno.test("step() has its observers follow without a vote", () => {
  const { state } = step(greetedMember(scene, 2), { ...tipped, self: -1 });
  assert.equal(standingOf(state), "observing");
  assert.equal(mayVote(state), false);
});

Deno.test("step() takes up what came about the next height before", () => {
  const tip2 = tipped.tip;
  const next = makeProposal(tip2, { proposer: 0, content: "next" });
  const early = [
    arrival(scene, prePrepare(scene, { sender: 0, height: 2, proposal: next })),
    arrival(scene, prepare(scene, { sender: 1, height: 2, proposal: next })),
  ];
  const { actions, state } = play(greetedMember(scene, 2), [...early, tipped]);
  const names = makeBlockNames();
  assert.deepEqual(lines(actions, names), [
    "timer heartbeat 2/0 30000 ms",
    "validate 2/0 A fresh from 0",
    "timer round 2/0 1000 ms",
  ]);
  assert.equal(state.votes.prepares.size, 1);
  assert.equal(state.future.size, 0);
});

Deno.test("step() keeps of each member one message a kind for each of the next heights, and no more", () => {
  const far = LIMITS.futureHeights + 3;
  const events: Event[] = [];
  for (let height = 2; height <= far; height++) {
    for (let round = 1; round <= 5; round++) {
      events.push(arrival(scene, roundChange(scene, { sender: 3, round, height })));
      events.push(arrival(scene, prepare(scene, { sender: 3, round, height, proposal: A })));
      events.push(arrival(scene, commit(scene, { sender: 3, round, height, proposal: A })));
    }
  }
  const { state } = play(greetedMember(scene, 2), events);
  const kept = state.future.get(3) ?? [];
  assert.equal(kept.length, 3 * LIMITS.futureHeights);
  assert.deepEqual(new Set(kept.map(({ message }) => message.round)), new Set([5]));
});

Deno.test("step() drops what it kept for later, and knows members by their keys, when the federation changes", () => {
  const [first, ...others] = scene.federation.document.members;
  const document = { ...scene.federation.document, members: [...others, first as Member] };
  const federation = federationOf(ED25519.crypto.hash, document);
  const early = arrival(scene, roundChange(scene, { sender: 3, round: 1, height: 2 }));
  const gone: Event = { kind: "peerDown", member: 0 };
  const change: Event = { ...tipped, tip: { ...tipped.tip, federation }, self: 1 };
  const { state } = play(greetedMember(scene, 2), [early, gone, change]);
  assert.equal(state.future.size, 0);
  assert.deepEqual([...state.peers.heard].sort(), [0, 2, 3]);
  assert.equal(state.peers.links.get(3), false);
  assert.equal(highestVoteOf(state, 2)?.vote.height, 2);
});

Deno.test("step() says nothing new on a tip that it is past", () => {
  const { state } = step(greetedMember(scene, 2), tipped);
  const again = step(state, tipped);
  assert.deepEqual(again.actions, []);
  assert.equal(again.state.height, 2);
});

Deno.test("step() stops when it is said to be a member with another key", () => {
  assert.throws(() => step(greetedMember(scene, 2), { ...tipped, self: 1 }), /another key/);
});

Deno.test("isOfInterest() lets pass what step could use, and nothing else", () => {
  const { state } = step(greetedMember(scene, 2), tipped);
  const cases = [
    [roundChange(scene, { sender: 3, round: 1 }), true],
    [commit(scene, { sender: 3, proposal: A }), false],
    [commit(scene, { sender: 3, height: 2, proposal: A }), true],
    [commit(scene, { sender: 3, height: 2 + LIMITS.futureHeights, proposal: A }), true],
    [commit(scene, { sender: 3, height: 9, proposal: A }), true],
  ] as const;
  for (const [message, wanted] of cases) assert.equal(isOfInterest(state, message), wanted);
  const far = arrival(scene, commit(scene, { sender: 3, height: 9, proposal: A }));
  assert.equal(isOfInterest(step(state, far).state, cases[4][0]), false);
});

Deno.test("step() stays in the last round that there is", () => {
  const last = LIMITS.rounds;
  const { state } = play(greetedMember(scene, 2), [...leaving(last, [0, 1]), {
    kind: "timeout",
    ...at(last),
  }]);
  assert.equal(state.round, last);
});

Deno.test("step() ignores what was verified under another federation", () => {
  const other = makeScene(5);
  const message = arrival(other, roundChange(other, { sender: 3, round: 1, height: 3 }));
  assert.deepEqual(step(greetedMember(scene, 2), message).actions, []);
});

Deno.test("step() asks for a block again when the work went away and came back", () => {
  const leader = play(greetedMember(scene, 0), [work, { kind: "work", available: false }]).state;
  assert.deepEqual(lines(step(leader, work).actions, makeBlockNames()), [
    "build 1/0",
    "timer round 1/0 1000 ms",
  ]);
});

Deno.test("step() does not propose a block that was built for a round that is over", () => {
  const { state } = play(greetedMember(scene, 0), [work, { kind: "timeout", ...at(0) }]);
  assert.deepEqual(step(state, { kind: "built", ...at(0), proposal: A }).actions, []);
});

Deno.test("step() stops on a built block that does not follow the tip", () => {
  const { state } = step(greetedMember(scene, 0), work);
  const stray = { ...A, header: { ...A.header, parent: A.header.stateRoot } };
  assert.throws(() => step(state, { kind: "built", ...at(0), proposal: stray }), /does not follow the tip/);
});

Deno.test("step() stops on two certified blocks at one height", () => {
  const { state } = play(greetedMember(scene, 2), commits(B, [0, 1, 3]));
  assert.throws(() => step(state, decidedA), /two certified blocks/);
});
