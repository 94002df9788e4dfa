/**
 * Random runs of a few members: messages are delivered in any order, lost and repeated, timers expire at any moment,
 * members crash and come back, and up to f keys sign whatever helps. No two members ever decide differently, no
 * correct one signs two votes for one place or is accused, and once the network heals everybody decides.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { blockHash } from "../../core/block.ts";
import type { Height, Round } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import type { Proposal } from "../../core/ports.ts";
import type { TimerName } from "../../consensus/events.ts";
import { NO_JUSTIFICATION } from "../../consensus/justification.ts";
import type { Message } from "../../consensus/message.ts";
import { voteMessage, type VoteSubject } from "../../consensus/vote.ts";
import { decodeMessage, encodeMessage } from "../../consensus/wire.ts";
import {
  arrive,
  type Cluster,
  crash,
  fire,
  greetAll,
  makeCluster,
  type Node,
  type Packet,
  restart,
  setWork,
  tipOf,
} from "./support/cluster.ts";
import { memberKey } from "../support/federation.ts";
import { sha256 } from "../support/sha256.ts";
import { makeProposal, QUICK } from "./support/fixtures.ts";

/** Per number of members; more with MODEL_RUNS. */
const RUNS = Number(Deno.env.get("MODEL_RUNS") ?? 40);

interface Model {
  readonly cluster: Cluster;
  /** Members whose keys the adversary has; they run no protocol. */
  readonly traitors: readonly number[];
  /** Blocks that somebody proposed. */
  readonly blocks: Proposal[];
  /** What each correct key signed, by place. */
  readonly signed: Map<string, string>;
}

interface Command {
  readonly kind: "deliver" | "lose" | "repeat" | "timer" | "work" | "crash" | "restart" | "forge";
  readonly a: number;
  readonly b: number;
}

const command: fc.Arbitrary<Command> = fc.record({
  kind: fc.oneof(
    { arbitrary: fc.constant("deliver" as const), weight: 40 },
    { arbitrary: fc.constant("lose" as const), weight: 3 },
    { arbitrary: fc.constant("repeat" as const), weight: 3 },
    { arbitrary: fc.constant("timer" as const), weight: 5 },
    { arbitrary: fc.constant("work" as const), weight: 4 },
    { arbitrary: fc.constantFrom("crash" as const, "restart" as const), weight: 2 },
    { arbitrary: fc.constant("forge" as const), weight: 4 },
  ),
  a: fc.nat(),
  b: fc.nat(),
});

function makeModel(n: number, traitorCount: number): Model {
  const blocks: Proposal[] = [];
  const cluster = makeCluster({
    n,
    signers: QUICK,
    parameters: { tenureBlocks: 2 },
    onAction: (node, action) => {
      if (action.kind === "validate") blocks.push(action.proposal);
      if (action.kind === "send" && action.message.kind !== "decided") {
        noteVote(model, { node, message: action.message });
      }
      if (action.kind === "evidence") {
        assert(model.traitors.includes(action.evidence.first.sender), "a correct member was accused");
      }
    },
  });
  const model: Model = {
    cluster,
    traitors: Array.from({ length: traitorCount }, (_, i) => n - 1 - i),
    blocks,
    signed: new Map(),
  };
  greetAll(cluster);
  for (const index of model.traitors) crash(cluster, index);
  return model;
}

function noteVote({ signed }: Model, { node, message }: { node: Node; message: Message }): void {
  if (message.kind === "decided") return;
  const place = `${node.index} ${message.kind} ${message.height}/${message.round}`;
  const bytes = toHex(encodeMessage(message));
  assert.equal(signed.get(place) ?? bytes, bytes, `${place} was signed twice`);
  signed.set(place, bytes);
}

function pick<T>(items: readonly T[], index: number): T | undefined {
  return items[index % Math.max(1, items.length)];
}

function apply(model: Model, { kind, a, b }: Command): void {
  const { cluster, traitors } = model;
  const correct = cluster.nodes.filter(({ index }) => !traitors.includes(index));
  const node = pick(correct, a) as Node;
  const packet = pick(cluster.packets, a);
  switch (kind) {
    case "deliver":
    case "lose":
      if (packet === undefined) return;
      cluster.packets.splice(a % cluster.packets.length, 1);
      if (kind === "deliver") arrive(cluster, packet);
      return;
    case "repeat":
      if (packet !== undefined) arrive(cluster, packet);
      return;
    case "timer":
      fire(cluster, { node, timer: pick(["round", "round", "resend", "heartbeat"], b) as TimerName });
      return;
    case "work":
      return setWork(cluster, { node, available: true });
    case "crash": {
      const down = cluster.nodes.filter(({ up }) => !up).length;
      if (node.up && down < cluster.federation.faults) crash(cluster, node.index);
      return;
    }
    case "restart":
      if (node.up) return;
      restart(cluster, node.index);
      return greetAll(cluster, [node.index]);
    case "forge":
      return forge(model, { a, b });
  }
}

/** A vote by a traitor's key, for some block, round and receiver. */
function forge({ cluster, traitors, blocks }: Model, { a, b }: { a: number; b: number }): void {
  const sender = pick(traitors, a);
  const target = pick(cluster.nodes, b) as Node;
  if (sender === undefined || sender === target.index) return;
  const height = target.state.height as Height;
  const round = (a >> 3) % 4 as Round;
  const own = makeProposal(tipOf(cluster, target.chain), {
    proposer: sender,
    createdRound: round,
    content: `${a}`,
    ...QUICK,
  });
  const proposal = pick(
    [own, ...blocks.filter(({ header }) => header.height === height)],
    b >> 3,
  ) as Proposal;
  const kind = pick(
    ["pre-prepare", "prepare", "commit", "round-change"] as const,
    a >> 5,
  ) as VoteSubject["kind"];
  const subject: VoteSubject = kind === "round-change"
    ? { kind, height, round, prepared: null }
    : { kind, height, round, blockHash: blockHash(sha256, proposal.header) };
  const beside = kind === "pre-prepare" ? { proposal, justification: NO_JUSTIFICATION } : {};
  const signature = QUICK.sign(memberKey(sender))(voteMessage(cluster.federation, subject));
  const bytes = encodeMessage({ ...subject, ...beside, sender, signature } as Message);
  const decoded = decodeMessage(bytes);
  assert(decoded.ok);
  // The adversary has a link of its own, though its member's process is gone.
  const packet: Packet = { from: target.index === 0 ? 1 : 0, to: target.index, kind, bytes };
  if (cluster.nodes.length > 1) arrive(cluster, packet);
}

/** One block a height, whoever has it. */
function assertAgreement({ cluster }: Model): void {
  const decided: string[] = [];
  for (const { chain } of cluster.nodes) {
    for (const [i, { proposal }] of chain.entries()) {
      const hash = toHex(blockHash(sha256, proposal.header));
      decided[i] ??= hash;
      assert.equal(hash, decided[i], `two blocks at height ${i + 1}`);
    }
  }
}

/** Everything that is under way arrives; what was lost stays lost. */
function drain(cluster: Cluster): void {
  for (let arrivals = 0; cluster.packets.length > 0; arrivals++) {
    assert(arrivals < 20_000, "the members never fall silent");
    arrive(cluster, cluster.packets.shift() as Packet);
  }
}

/** From now on nothing is lost: how many times must timers expire until everybody has one more block? */
function heal(model: Model): void {
  const { cluster, traitors } = model;
  const correct = cluster.nodes.filter(({ index }) => !traitors.includes(index));
  for (const { up, index } of correct) if (!up) restart(cluster, index);
  greetAll(cluster);
  drain(cluster);
  const goal = 1 + Math.max(...correct.map(({ chain }) => chain.length));
  const timeouts = 3 + 2 * (cluster.federation.faults + 2);
  for (let i = 0; i < timeouts && correct.some(({ chain }) => chain.length < goal); i++) {
    for (const node of correct) setWork(cluster, { node, available: true });
    drain(cluster);
    for (const timer of ["resend", "round"] as const) {
      for (const node of correct) fire(cluster, { node, timer });
      drain(cluster);
    }
  }
  for (const { index, chain, state } of correct) {
    assert(chain.length >= goal, `member ${index} is at ${chain.length} of ${goal}, round ${state.round}`);
  }
}

for (const n of [1, 4, 5, 7]) {
  Deno.test(`${n} members agree in random runs, and all decide once the network heals`, () => {
    const faults = Math.floor((n - 1) / 3);
    const run = fc.record({
      traitors: fc.nat({ max: faults }),
      commands: fc.array(command, { minLength: 20, maxLength: 300, size: "max" }),
    });
    fc.assert(
      fc.property(run, ({ traitors, commands }) => {
        const model = makeModel(n, traitors);
        for (const each of commands) {
          apply(model, each);
          assertAgreement(model);
        }
        heal(model);
        assertAgreement(model);
      }),
      // Seed and path are printed; shrinking would take minutes.
      { numRuns: RUNS, endOnFailure: true },
    );
  });
}
