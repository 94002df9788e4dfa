/**
 * Members wired by an in-memory network, for tests: the protocol as it runs, without sockets, disks or time. Messages
 * travel encoded and are verified on arrival; they and the timers wait until the test says so.
 */
import assert from "node:assert/strict";
import type { DecidedBlock, RawBlock } from "../../../core/block.ts";
import { checkHeader } from "../../../core/block_rules.ts";
import type { Height, Round } from "../../../core/brands.ts";
import { type Bytes, equal } from "../../../core/bytes.ts";
import { verifyCertificate } from "../../../core/certificate.ts";
import type { Federation, Parameters } from "../../../core/federation.ts";
import type { Proposal, Tip } from "../../../core/ports.ts";
import { genesisTip, tipAfter } from "../../../core/tip.ts";
import type { Action, Event, TimerName } from "../../../consensus/events.ts";
import type { Message } from "../../../consensus/message.ts";
import { highestVoteOf } from "../../../consensus/peers.ts";
import { start } from "../../../consensus/start.ts";
import type { State } from "../../../consensus/state.ts";
import { step } from "../../../consensus/step.ts";
import { readMessage } from "../../../consensus/verify.ts";
import { encodeMessage } from "../../../consensus/wire.ts";
import { ED25519, makeFederation, makeProposal, type Signers, stateRootOf, toolsOf } from "./fixtures.ts";

/** A decided block as these tests keep it. */
export type Decided = Pick<DecidedBlock, "certificate"> & { readonly proposal: Proposal };

/** One member, with what its disk holds and what its driver runs. */
export interface Node {
  readonly index: number;
  state: State;
  up: boolean;
  /** Chain and journal survive a crash. */
  chain: Decided[];
  journal: Bytes[];
  work: boolean;
  readonly timers: Map<TimerName, { readonly height: Height; readonly round: Round }>;
  readonly inbox: Event[];
  /** What was sent since the node was made, encoded. */
  readonly sent: Bytes[];
  /** Answers to `validate` that the test holds back. */
  readonly heldBack: Event[];
  running: boolean;
}

/** A message under way. */
export interface Packet {
  readonly from: number;
  readonly to: number;
  readonly kind: Message["kind"] | "fetch";
  readonly bytes: Bytes;
}

/** How a cluster is made and how its parts behave. */
export interface ClusterOptions {
  readonly n: number;
  readonly parameters?: Partial<Parameters>;
  readonly signers?: Signers;
  /** Sees every action before it is run. */
  readonly onAction?: (node: Node, action: Action) => void;
  /** The driver's verdict on a proposal besides the block's own validity; "hold" keeps the answer back. */
  readonly judge?: (node: Node, proposal: Proposal) => "valid" | "invalid" | "hold";
}

/** The members and what is under way between them. */
export interface Cluster {
  readonly options: ClusterOptions;
  readonly federation: Federation;
  readonly signers: Signers;
  readonly nodes: readonly Node[];
  readonly packets: Packet[];
  readonly cuts: Set<string>;
  blocksMade: number;
}

/** Makes a cluster; nobody has greeted anybody yet. */
export function makeCluster(options: ClusterOptions): Cluster {
  const federation = makeFederation(options.n, options.parameters);
  const signers = options.signers ?? ED25519;
  const nodes: Node[] = [];
  const cluster: Cluster = {
    options,
    federation,
    signers,
    nodes,
    packets: [],
    cuts: new Set(),
    blocksMade: 0,
  };
  for (let index = 0; index < options.n; index++) {
    const begun = begin(cluster, { index, chain: [], journal: [], work: false });
    const node: Node = {
      index,
      state: begun.state,
      up: true,
      chain: [],
      journal: [],
      work: false,
      timers: new Map(),
      inbox: [],
      sent: [],
      heldBack: [],
      running: false,
    };
    nodes.push(node);
    for (const action of begun.actions) run(cluster, { node, action });
  }
  return cluster;
}

function begin(
  cluster: Cluster,
  { index, chain, journal, work }: Pick<Node, "index" | "chain" | "journal" | "work">,
): ReturnType<typeof start> {
  const tools = toolsOf(index, cluster.signers);
  return start({ tools, tip: tipOf(cluster, chain), self: index, work, records: journal });
}

/** The tip of a chain. */
export function tipOf({ federation, signers }: Cluster, chain: readonly Decided[]): Tip {
  const last = chain.at(-1);
  if (last === undefined) return genesisTip(federation);
  // The federation of these clusters never changes.
  const before = genesisTip(federation);
  const { proposal: block, certificate } = last;
  return tipAfter({ block, certificate }, { before, change: null, ...signers });
}

/** Posts an event and runs what follows from it. */
export function post(cluster: Cluster, { node, event }: { node: Node; event: Event }): void {
  node.inbox.push(event);
  if (node.running) return;
  node.running = true;
  for (let next = node.inbox.shift(); next !== undefined && node.up; next = node.inbox.shift()) {
    const { state, actions } = step(node.state, next);
    node.state = state;
    for (const action of actions) run(cluster, { node, action });
  }
  node.running = false;
}

function run(cluster: Cluster, { node, action }: { node: Node; action: Action }): void {
  cluster.options.onAction?.(node, action);
  switch (action.kind) {
    case "persist":
      node.journal.push(...action.records);
      return;
    case "setTimer":
      node.timers.set(action.timer, action);
      return;
    case "clearTimer":
      node.timers.delete(action.timer);
      return;
    case "send":
      return send(cluster, { node, to: action.to, message: action.message });
    case "build":
      return build(cluster, { node, ...action });
    case "validate":
      return validate(cluster, { node, action });
    case "commit":
      return append(cluster, { node, decided: action });
    case "adopt":
      return append(cluster, { node, decided: fromRaw(action.block) });
    case "fetchDecided":
      for (const from of action.from) {
        cluster.packets.push({ from, to: node.index, kind: "fetch", bytes: new Uint8Array() });
      }
      return;
    case "sendDecided": {
      const decided = node.chain[action.height - 1];
      assert(decided !== undefined, "asked to send a block that is not on its chain");
      return send(cluster, { node, to: action.to, message: { kind: "decided", block: toRaw(decided) } });
    }
    case "evidence":
      return;
  }
}

function send(
  cluster: Cluster,
  { node, to, message }: { node: Node; to: number | "all"; message: Message },
): void {
  const bytes = encodeMessage(message);
  node.sent.push(bytes);
  const others = cluster.nodes.map(({ index }) => index).filter((index) => index !== node.index);
  for (const receiver of to === "all" ? others : [to]) {
    if (isLinked(cluster, [node.index, receiver])) {
      cluster.packets.push({ from: node.index, to: receiver, kind: message.kind, bytes });
    }
  }
}

function build(
  cluster: Cluster,
  { node, height, round }: { node: Node; height: Height; round: Round },
): void {
  const proposal = makeProposal(tipOf(cluster, node.chain), {
    proposer: node.index,
    createdRound: round,
    content: `block ${cluster.blocksMade++}`,
    crypto: cluster.signers.crypto,
  });
  post(cluster, { node, event: { kind: "built", height, round, proposal } });
}

function validate(
  cluster: Cluster,
  { node, action }: { node: Node; action: Extract<Action, { kind: "validate" }> },
): void {
  const { height, round, blockHash, proposal } = action;
  const judged = cluster.options.judge?.(node, proposal) ?? "valid";
  const verdict = isValid(cluster, { node, proposal }) && judged !== "invalid" ? "valid" : "invalid";
  const event: Event = { kind: "validated", height, round, blockHash, verdict };
  if (judged === "hold") node.heldBack.push(event);
  else post(cluster, { node, event });
}

/** What the chain would say. */
function isValid(cluster: Cluster, { node, proposal }: { node: Node; proposal: Proposal }): boolean {
  const { signers: { crypto } } = cluster;
  const tip = tipOf(cluster, node.chain);
  return checkHeader(proposal, { tip, crypto }).ok &&
    equal(proposal.header.stateRoot, stateRootOf(tip, { ids: proposal.ids, crypto }));
}

function append(cluster: Cluster, { node, decided }: { node: Node; decided: Decided }): void {
  const { proposal, certificate } = decided;
  if (proposal.header.height !== node.chain.length + 1) return;
  const verdict = checkHeader(proposal, {
    tip: tipOf(cluster, node.chain),
    crypto: cluster.signers.crypto,
  });
  assert(verdict.ok && isValid(cluster, { node, proposal }), "a decided block is not valid");
  const block = { height: proposal.header.height, hash: verdict.value };
  assert(verifyCertificate(certificate, { federation: cluster.federation, block, ...cluster.signers }).ok);
  node.chain.push({ proposal, certificate });
  // What there was to propose is in the block.
  node.work = false;
  const tip = tipOf(cluster, node.chain);
  post(cluster, { node, event: { kind: "advanced", tip, self: node.index, work: node.work } });
}

function toRaw({ proposal: { header, parentCertificate, ids }, certificate }: Decided): RawBlock {
  return { version: 1, header, parentCertificate, transactions: ids, certificate };
}

function fromRaw({ header, parentCertificate, transactions, certificate }: RawBlock): Decided {
  return { proposal: { header, parentCertificate, ids: transactions as Proposal["ids"] }, certificate };
}

/** Whether two members can talk. */
export function isLinked({ cuts, nodes }: Cluster, [a, b]: readonly [number, number]): boolean {
  return nodes[a]?.up === true && nodes[b]?.up === true && !cuts.has(`${a}-${b}`) && !cuts.has(`${b}-${a}`);
}

/** Lets a packet arrive, unless its receiver is gone. */
export function arrive(cluster: Cluster, { from, to, kind, bytes }: Packet): void {
  const node = cluster.nodes[to] as Node;
  if (!isLinked(cluster, [from, to])) return;
  if (kind === "fetch") return catchUp(cluster, { node, from: cluster.nodes[from] as Node });
  const verdict = readMessage(bytes, { federation: cluster.federation, ...cluster.signers });
  if (verdict.ok) post(cluster, { node, event: { kind: "message", from, message: verdict.value } });
}

function catchUp(cluster: Cluster, { node, from }: { node: Node; from: Node }): void {
  while (node.chain.length < from.chain.length) {
    append(cluster, { node, decided: from.chain[node.chain.length] as Decided });
  }
}

/** The link between two members stands: each greets the other. */
export function greet(cluster: Cluster, [a, b]: readonly [number, number]): void {
  for (const [me, other] of [[a, b], [b, a]] as const) {
    const node = cluster.nodes[me] as Node;
    const peer = cluster.nodes[other] as Node;
    const highest = highestVoteOf(peer.state, me);
    const height = peer.chain.length as Height;
    post(cluster, { node, event: { kind: "peerUp", member: other, height, highest } });
  }
}

/** All that are up and linked greet each other. */
export function greetAll(cluster: Cluster, members = cluster.nodes.map(({ index }) => index)): void {
  for (const a of members) {
    for (const { index: b } of cluster.nodes) {
      if ((b < a || !members.includes(b)) && b !== a && isLinked(cluster, [a, b])) greet(cluster, [a, b]);
    }
  }
}

/** Ends a member's process: its links break, and what was under way to or from it is lost. */
export function crash(cluster: Cluster, index: number): void {
  const node = cluster.nodes[index] as Node;
  const linked = cluster.nodes.filter((other) => other !== node && isLinked(cluster, [index, other.index]));
  node.up = false;
  node.timers.clear();
  node.inbox.length = 0;
  node.heldBack.length = 0;
  for (const other of linked) post(cluster, { node: other, event: { kind: "peerDown", member: index } });
}

/** Starts a member from what its disk holds; nobody is greeted yet. */
export function restart(cluster: Cluster, index: number): void {
  const node = cluster.nodes[index] as Node;
  const { state, actions } = begin(cluster, node);
  node.state = state;
  node.up = true;
  for (const action of actions) run(cluster, { node, action });
}

/** Fires a timer that runs; says whether it ran. */
export function fire(cluster: Cluster, { node, timer }: { node: Node; timer: TimerName }): boolean {
  const set = node.timers.get(timer);
  if (set === undefined || !node.up) return false;
  node.timers.delete(timer);
  const kind = timer === "round" ? "timeout" : timer;
  post(cluster, { node, event: { kind, height: set.height, round: set.round } });
  return true;
}

/** Says that there is something to propose, or no more. */
export function setWork(cluster: Cluster, { node, available }: { node: Node; available: boolean }): void {
  node.work = available;
  if (node.up) post(cluster, { node, event: { kind: "work", available } });
}
