/** The checker fails when it must: for each invariant a history that breaks it, made by hand. */
import assert from "node:assert/strict";
import { start } from "../../consensus/start.ts";
import type { State } from "../../consensus/state.ts";
import type { Commit, Prepare, RoundChange, VoteMessage } from "../../consensus/message.ts";
import { voteMessage } from "../../consensus/vote.ts";
import { blockHash } from "../../core/block.ts";
import { asHash, type Hash, type Height, type Round } from "../../core/brands.ts";
import { utf8 } from "../../core/bytes.ts";
import { makeCertificate } from "../../core/certificate.ts";
import type { Federation } from "../../core/federation.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Tip } from "../../core/ports.ts";
import { type Checker, makeChecker } from "./checker.ts";
import { EPOCH_MS } from "./clockwork.ts";
import { drawPlan } from "./draw.ts";
import { makeFederation } from "./federations.ts";
import { type DecidedBlock, type Ledger, makeLedger } from "./ledger.ts";
import { GENUINE } from "./protocol.ts";
import { nodeKey, QUICK_SIGNERS } from "./quick_crypto.ts";
import { makeRandom } from "./random.ts";
import { SIMULATED } from "./side.ts";
import type { SimTransaction } from "./types.ts";

const { crypto, sign } = QUICK_SIGNERS;
const wallMs = () => EPOCH_MS;

interface Scene {
  readonly federation: Federation;
  readonly ledger: Ledger;
  readonly checker: Checker;
  readonly transactions: readonly SimTransaction[];
}

/** Four correct members before the first block. */
function makeScene(): Scene {
  const plan = { ...drawPlan(0), n: 4, reserves: 0, faults: [] };
  const federation = makeFederation(plan, { hash: crypto.hash, name: "checked" });
  const rules = SIMULATED.makeRules({ federation, crypto, ...GENUINE });
  const ledger = makeLedger({ federation, crypto, rules, protocol: GENUINE });
  const clients = SIMULATED.makeClients({ federation, wallMs });
  const random = makeRandom("checker");
  const checker = makeChecker({
    ledger,
    crypto,
    nowMs: () => 0,
    wallMs,
    isByzantine: () => false,
    nodeAt: (_federation, index) => index,
  });
  const transactions = [0, 1].map(() => clients.make(random, { isPlain: true }));
  return { federation, ledger, checker, transactions };
}

/** A block on the tip by a member, with the signatures of `signers`. */
function decide(
  { ledger, federation }: Scene,
  { tip = ledger.genesis, transactions = [], signers = [0, 1, 2], proposer = 0, timeMs = EPOCH_MS }: {
    tip?: Tip;
    transactions?: readonly SimTransaction[];
    signers?: readonly number[];
    proposer?: number;
    timeMs?: number;
  } = {},
): DecidedBlock {
  const made = ledger.build(tip, {
    proposer: nodeKey(proposer).publicKey,
    createdRound: 0 as Round,
    candidates: transactions,
    nowMs: timeMs,
  });
  // As its maker does: what the block leads to is known from then on.
  ledger.judge(tip, { ...made, nowMs: null, checkDuplicates: true });
  const hash = blockHash(crypto.hash, made.proposal.header);
  const subject = { height: made.proposal.header.height, round: 0 as Round, blockHash: hash };
  const message = voteMessage(federation, { kind: "commit", ...subject });
  const votes = new Map(signers.map((signer) => [signer, sign(nodeKey(signer), message)]));
  return { ...made, hash, certificate: makeCertificate(federation, { subject, votes }) };
}

const BLOCK_A = asHash(crypto.hash(utf8("block A")));
const BLOCK_B = asHash(crypto.hash(utf8("block B")));

type Unsigned = Parameters<typeof voteMessage>[1];

function vote<M extends VoteMessage>({ federation }: Scene, subject: Unsigned, sender = 0): M {
  const signature = sign(nodeKey(sender), voteMessage(federation, subject));
  return { ...subject, sender, signature } as unknown as M;
}

const at = (round: number) => ({ height: 1 as Height, round: round as Round });
const prepare = (scene: Scene, round: number, blockHash: Hash) =>
  vote<Prepare>(scene, { kind: "prepare", ...at(round), blockHash });
const commit = (scene: Scene, round: number, blockHash: Hash) =>
  vote<Commit>(scene, { kind: "commit", ...at(round), blockHash });

/** A member's first state. */
function begin({ ledger }: Scene): State {
  const key = nodeKey(0);
  const tools = {
    crypto,
    publicKey: key.publicKey,
    sign: (message: Parameters<typeof sign>[1]) => sign(key, message),
  };
  return start({ tools, tip: ledger.genesis, self: 0, work: false, records: [] }).state;
}

function send(scene: Scene, messages: readonly VoteMessage[], isHeld = true): void {
  const state = begin(scene);
  for (const message of messages) scene.checker.onSend(0, { message, state, isHeld: () => isHeld });
}

const EMPTY = { blocks: [], indexed: new Set<number>(), isRedone: false, held: new Map(), pool: [] };

function restart(scene: Scene): void {
  scene.checker.onStart(0, { state: begin(scene), content: EMPTY, wasDropped: () => false });
}

function broken({ checker }: Scene): unknown {
  return checker.violation()?.invariant ?? null;
}

Deno.test("the checker lets a good history pass", () => {
  const scene = makeScene();
  const block = decide(scene, { transactions: scene.transactions });
  for (const node of [0, 1, 2, 3]) scene.checker.onAppended(node, block);
  send(scene, [prepare(scene, 0, BLOCK_A), commit(scene, 0, BLOCK_A), prepare(scene, 0, BLOCK_A)]);
  assert.equal(broken(scene), null);
});

Deno.test("invariant 1: two blocks at one height", () => {
  const scene = makeScene();
  scene.checker.onAppended(0, decide(scene));
  scene.checker.onAppended(1, decide(scene, { transactions: scene.transactions }));
  assert.equal(broken(scene), 1);
});

Deno.test("invariant 1: a block without the one before it", () => {
  const scene = makeScene();
  const first = decide(scene);
  scene.checker.onAppended(0, decide(scene, { tip: scene.ledger.tipAfter(first, scene.ledger.genesis) }));
  assert.equal(broken(scene), 1);
});

Deno.test("invariant 2: a certificate of q−1 members", () => {
  const scene = makeScene();
  scene.checker.onAppended(0, decide(scene, { signers: [0, 1] }));
  assert.equal(broken(scene), 2);
});

Deno.test("invariant 2: a good block with a bad certificate at one member alone", () => {
  const scene = makeScene();
  scene.checker.onAppended(0, decide(scene));
  scene.checker.onAppended(1, decide(scene, { signers: [2, 3] }));
  assert.equal(broken(scene), 2);
});

Deno.test("invariant 3: a block that the state rules refuse", () => {
  const scene = makeScene();
  const block = decide(scene);
  const header = { ...block.proposal.header, stateRoot: BLOCK_A };
  scene.checker.onAppended(0, { ...block, proposal: { ...block.proposal, header } });
  assert.equal(broken(scene), 3);
});

Deno.test("invariant 3: a block by who was not the leader", () => {
  const scene = makeScene();
  scene.checker.onAppended(0, decide(scene, { proposer: 1 }));
  assert.equal(broken(scene), 3);
});

Deno.test("invariant 3: a block ahead of all clocks", () => {
  const scene = makeScene();
  scene.checker.onAppended(0, decide(scene, { timeMs: EPOCH_MS + 3_600_000 }));
  assert.equal(broken(scene), 3);
});

Deno.test("invariant 3: PREPARE for a block that is not durable", () => {
  const scene = makeScene();
  send(scene, [prepare(scene, 0, BLOCK_A)], false);
  assert.equal(broken(scene), 3);
});

Deno.test("invariant 4: a committed block that was told of is lost", () => {
  const scene = makeScene();
  const block = decide(scene);
  scene.checker.onAppended(0, block);
  scene.checker.onCommitTold(0, block);
  restart(scene);
  assert.equal(broken(scene), 4);
});

Deno.test("invariant 4: a transaction that was taken is lost", () => {
  const scene = makeScene();
  scene.checker.onAcknowledged(0, scene.transactions[0] as SimTransaction);
  restart(scene);
  assert.equal(broken(scene), 4);
});

Deno.test("invariant 5: two values for one place", () => {
  const scene = makeScene();
  send(scene, [prepare(scene, 0, BLOCK_A), prepare(scene, 0, BLOCK_B)]);
  assert.equal(broken(scene), 5);
});

Deno.test("invariant 5: ROUND-CHANGE that names another block than its COMMIT of that round", () => {
  const scene = makeScene();
  const { proposal } = decide(scene);
  const prepared = { round: 0 as Round, blockHash: BLOCK_B, proposal, prepares: [] };
  send(scene, [prepare(scene, 0, BLOCK_A), commit(scene, 0, BLOCK_A)]);
  send(scene, [vote<RoundChange>(scene, { kind: "round-change", ...at(1), prepared })]);
  assert.equal(broken(scene), 5);
});

Deno.test("invariant 6: ROUND-CHANGE without the lock of an earlier COMMIT", () => {
  const scene = makeScene();
  send(scene, [prepare(scene, 0, BLOCK_A), commit(scene, 0, BLOCK_A)]);
  assert.equal(broken(scene), null);
  const forgetful = vote<RoundChange>(scene, { kind: "round-change", ...at(1), prepared: null });
  send(scene, [forgetful]);
  assert.equal(broken(scene), 6);
});

Deno.test("invariant 6: PREPARE for another block than the one committed to, which nothing justifies", () => {
  const scene = makeScene();
  send(scene, [prepare(scene, 0, BLOCK_A), commit(scene, 0, BLOCK_A), prepare(scene, 1, BLOCK_B)]);
  assert.equal(broken(scene), 6);
});

Deno.test("invariant 7: a start below a vote that was sent", () => {
  const scene = makeScene();
  send(scene, [prepare(scene, 0, BLOCK_A)]);
  restart(scene);
  assert.equal(broken(scene), 7);
});

Deno.test("invariant 7: a restored member votes though a peer showed it a later vote", () => {
  const scene = makeScene();
  const state = begin(scene);
  scene.checker.onFate(0, "machine-back");
  restart(scene);
  const shown = { federationHash: scene.federation.hash, vote: commit(scene, 3, BLOCK_A) };
  scene.checker.onHello(0, { peer: 1, hello: { height: 0 as Height, shown } });
  const event = { kind: "peerUp", member: 1, height: 0 as Height, highest: null } as const;
  scene.checker.onStep(0, { before: state, event, after: state, member: null });
  assert.equal(broken(scene), null);
  send(scene, [prepare(scene, 0, BLOCK_A)]);
  assert.equal(broken(scene), 7);
});

Deno.test("invariant 7: a member votes before a quorum has greeted it", () => {
  const scene = makeScene();
  const before = begin(scene);
  const greeting = (member: number) =>
    ({ kind: "peerUp", member, height: 0 as Height, highest: null }) as const;
  const after = { ...before, position: { ...at(0), step: 2 } };
  scene.checker.onStep(0, { before, event: greeting(1), after: before, member: null });
  scene.checker.onStep(0, { before, event: greeting(2), after, member: null });
  assert.equal(broken(scene), null);
  restart(scene);
  scene.checker.onStep(0, { before, event: greeting(1), after, member: null });
  assert.equal(broken(scene), 7);
});

Deno.test("liveness: a round is left by a timer of another height or round", () => {
  for (const [height, round, wanted] of [[1, 0, null], [1, 1, "liveness"], [2, 0, "liveness"]] as const) {
    const scene = makeScene();
    const before = begin(scene);
    const event = { kind: "timeout", height: height as Height, round: round as Round } as const;
    scene.checker.onStep(0, { before, event, after: { ...before, round: 1 as Round }, member: null });
    assert.equal(broken(scene), wanted);
  }
});

Deno.test("liveness: a member stays below f + 1 others", () => {
  for (const [ahead, wanted] of [[1, null], [2, "liveness"]] as const) {
    const scene = makeScene();
    const before = begin(scene);
    const rounds = new Map(Array.from({ length: ahead }, (_, i) => [i + 1, 3 as Round]));
    const event = { kind: "peerDown", member: 3 } as const;
    scene.checker.onStep(0, { before, event, after: { ...before, rounds }, member: null });
    assert.equal(broken(scene), wanted);
  }
});

Deno.test("invariant 8: a correct member is accused", () => {
  const scene = makeScene();
  const { federation } = scene;
  const [first, second] = [prepare(scene, 0, BLOCK_A), prepare(scene, 0, BLOCK_B)];
  scene.checker.onEvidence(1, { federationHash: federation.hash, first, second });
  assert.equal(broken(scene), 8);
});

Deno.test("invariant 9: more blocks than may be kept", () => {
  const scene = makeScene();
  const state = begin(scene);
  const { proposal } = decide(scene);
  const blocks = new Map(
    Array.from({ length: LIMITS.heldProposals + 1 }, (_, i) => [`block ${i}`, proposal]),
  );
  const event = { kind: "work", available: false } as const;
  scene.checker.onStep(0, { before: state, event, after: { ...state, blocks }, member: null });
  assert.equal(broken(scene), 9);
});

Deno.test("invariant 10: two states after one block", () => {
  const scene = makeScene();
  const block = decide(scene);
  const header = { ...block.proposal.header, stateRoot: BLOCK_A };
  scene.checker.onAppended(0, block);
  scene.checker.onAppended(1, { ...block, proposal: { ...block.proposal, header } });
  assert.equal(broken(scene), 10);
});
