/**
 * What must hold after every event, for correct members; the numbers are those of the list of invariants. It looks at
 * what members do and what their disks hold, with the genuine rules, whatever code is under test.
 */
import { provesMisbehaviour } from "../../consensus/evidence.ts";
import type { Event } from "../../consensus/events.ts";
import { leaderKeyAt } from "../../consensus/leader.ts";
import type { Message } from "../../consensus/message.ts";
import type { State } from "../../consensus/state.ts";
import { comparePositions } from "../../consensus/vote.ts";
import { equal, toHex } from "../../core/bytes.ts";
import { type Certificate, verifyCertificate } from "../../core/certificate.ts";
import type { Federation } from "../../core/federation.ts";
import { LIMITS } from "../../core/limits.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import type { Tip } from "../../core/ports.ts";
import { overflow } from "./checker_buffers.ts";
import { makeVoteChecks } from "./checker_votes.ts";
import type { Disk, StoreContent } from "./disk.ts";
import type { DecidedBlock, Ledger } from "./ledger.ts";
import type { Member } from "./surroundings.ts";
import type { DiskFate } from "./plan.ts";
import type { Hello, NodeId, SimTransaction, Violation } from "./types.ts";

/** How far a block's time may be ahead of a true clock: skew, jumps and drift of whoever voted for it. */
const TIME_AHEAD_MS = 60_000;

/** What the checker must know of the schedule. */
export interface CheckerOptions {
  readonly ledger: Ledger;
  readonly crypto: CryptoPort;
  readonly nowMs: () => number;
  readonly wallMs: () => number;
  readonly isByzantine: (node: NodeId) => boolean;
  readonly nodeAt: (federation: Federation, index: number) => NodeId;
}

/** The checker; the first violation stays. */
export interface Checker {
  readonly violation: () => Violation | null;
  readonly fail: (invariant: Violation["invariant"], detail: string) => void;
  /** A node's process has ended, and its disk fared so. */
  readonly onFate: (node: NodeId, fate: DiskFate) => void;
  readonly onStart: (
    node: NodeId,
    started: {
      readonly state: State;
      readonly content: StoreContent;
      readonly wasDropped: Disk["wasDropped"];
    },
  ) => void;
  readonly onStep: (
    node: NodeId,
    step: {
      readonly before: State;
      readonly event: Event;
      readonly after: State;
      readonly member: Pick<Member, "backlog" | "pool"> | null;
    },
  ) => void;
  readonly onSend: (
    node: NodeId,
    sent: { readonly message: Message; readonly state: State; readonly isHeld: Disk["isHeld"] },
  ) => void;
  readonly onEvidence: (node: NodeId, evidence: Parameters<typeof provesMisbehaviour>[0]) => void;
  readonly onAppended: (node: NodeId, decided: DecidedBlock) => void;
  readonly onHello: (node: NodeId, greeting: { readonly peer: NodeId; readonly hello: Hello }) => void;
  /** A client was told that its transaction is in the pool. */
  readonly onAcknowledged: (node: NodeId, transaction: SimTransaction) => void;
  /** Clients were told that a block is committed. */
  readonly onCommitTold: (node: NodeId, decided: DecidedBlock) => void;
  /** Whether a node's disk has gone back in any way. */
  readonly hasLied: (node: NodeId) => boolean;
  /** The agreed chain so far, and its tips from height 0 on. */
  readonly chain: () => readonly DecidedBlock[];
  readonly tips: () => readonly Tip[];
}

/** What a node has told its clients. */
interface Promises {
  height: number;
  readonly transactions: Map<string, SimTransaction>;
}

/** Starts with nothing known. */
export function makeChecker(options: CheckerOptions): Checker {
  const { ledger, crypto, nowMs, nodeAt, isByzantine } = options;
  const chain: DecidedBlock[] = [];
  const tips: Tip[] = [ledger.genesis];
  /** By id, at which height. */
  const committed = new Map<string, number>();
  const certified = new WeakSet<Certificate>();
  const promises = new Map<NodeId, Promises>();
  const liars = new Set<NodeId>();
  const votes = makeVoteChecks({ crypto, isByzantine, nodeAt, fail });
  let violation: Violation | null = null;

  function fail(invariant: Violation["invariant"], detail: string): void {
    violation ??= { invariant, detail, atMs: nowMs() };
  }

  function promisesOf(node: NodeId): Promises {
    const found = promises.get(node) ?? { height: 0, transactions: new Map() };
    promises.set(node, found);
    return found;
  }

  /** The first of all nodes to have a block of this height. */
  function extend(decided: DecidedBlock): void {
    const { proposal, transactions } = decided;
    const { header } = proposal;
    const { height } = header;
    const tip = tips[height - 1] as Tip;
    const refusal = ledger.judge(tip, { proposal, transactions, nowMs: null, checkDuplicates: true });
    if (refusal !== undefined) {
      return fail(3, `block ${height} is not valid: ${refusal.code}, ${refusal.detail}`);
    }
    if (!equal(header.proposer, leaderKeyAt(tip, header.createdRound))) {
      return fail(3, `block ${height} is not by the leader of round ${header.createdRound}`);
    }
    if (header.time > options.wallMs() + TIME_AHEAD_MS) fail(3, `block ${height} is ahead of all clocks`);
    for (const { id } of transactions) {
      const name = toHex(id);
      if (committed.has(name)) fail(4, `${name} is in blocks ${committed.get(name)} and ${height}`);
      committed.set(name, height);
    }
    chain.push(decided);
    tips.push(ledger.tipAfter(decided, tip));
  }

  function checkCertificate(node: NodeId, { certificate, proposal, hash }: DecidedBlock): void {
    if (certified.has(certificate)) return;
    certified.add(certificate);
    const { height, createdRound } = proposal.header;
    const { federation } = tips[height - 1] as Tip;
    const verdict = verifyCertificate(certificate, { federation, block: { height, hash }, crypto });
    if (!verdict.ok) {
      fail(2, `node ${node} has block ${height} by a certificate that is refused: ${verdict.detail}`);
    } else if (certificate.round < createdRound) fail(2, `block ${height} was decided before it was made`);
  }

  function onAppended(node: NodeId, decided: DecidedBlock): void {
    const { header } = decided.proposal;
    const { height } = header;
    const known = chain[height - 1];
    if (height > chain.length + 1) return fail(1, `node ${node} has block ${height} without those before it`);
    if (known !== undefined && !equal(known.hash, decided.hash)) {
      return fail(1, `node ${node} has another block at height ${height} than the others`);
    }
    if (known === undefined) extend(decided);
    else if (!equal(known.proposal.header.stateRoot, header.stateRoot)) {
      fail(10, `two states after block ${height}`);
    }
    if (violation === null) checkCertificate(node, decided);
    const { transactions } = promisesOf(node);
    for (const { id } of decided.transactions) transactions.delete(toHex(id));
  }

  function onStart(node: NodeId, { state, content, wasDropped }: Parameters<Checker["onStart"]>[1]): void {
    const { blocks, indexed, pool } = content;
    for (const decided of blocks) onAppended(node, decided);
    const bare = blocks.find(({ proposal: { header } }) => !indexed.has(header.height));
    if (bare !== undefined) {
      fail(4, `node ${node} starts with block ${bare.proposal.header.height} not indexed`);
    }
    votes.onStart(node, state);
    const { height, transactions } = promisesOf(node);
    if (blocks.length < height) fail(4, `node ${node} has lost block ${height}, which it has told of`);
    const here = new Set(
      [...pool, ...blocks.flatMap((block) => block.transactions)].map(({ id }) => toHex(id)),
    );
    for (const name of transactions.keys()) {
      if (!here.has(name) && !wasDropped(name)) {
        fail(4, `node ${node} has lost transaction ${name}, which it took`);
      }
    }
  }

  function onStep(node: NodeId, { before, event, after, member }: Parameters<Checker["onStep"]>[1]): void {
    if (event.kind === "message" && event.message.message.kind === "pre-prepare") {
      const { message } = event.message;
      if (message.height <= before.height + LIMITS.futureHeights) votes.onProposal(node, message);
    }
    if (event.kind === "timeout" && after.round !== before.round) {
      const isStale = event.height !== before.height || event.round !== before.round;
      if (isStale) fail("liveness", `node ${node} leaves ${before.height}/${before.round} by a stale timer`);
    }
    if (event.kind === "peerUp") {
      votes.onHeard(node, { peer: nodeAt(before.tip.federation, event.member), before });
    }
    const moved = comparePositions(after.position, before.position);
    if (moved < 0) fail(7, `node ${node} forgets its highest vote`);
    if (moved > 0) votes.onCast(node, after);
    if (after.height < before.height) fail(7, `node ${node} goes back to height ${after.height}`);
    if (after.height === before.height && after.round < before.round) {
      fail(7, `node ${node} goes back to round ${after.round}`);
    }
    const { rounds, self, round, outcome, tip: { federation } } = after;
    const ahead = [...rounds].filter(([other, shown]) => other !== self && shown > round).length;
    if (outcome === null && ahead > federation.faults) {
      fail("liveness", `node ${node} stays in ${after.height}/${round} though ${ahead} members are above it`);
    }
    const tooMuch = overflow(after, member);
    if (tooMuch !== undefined) fail(9, `node ${node} keeps ${tooMuch}`);
  }

  return {
    violation: () => violation,
    fail,
    onFate: (node, fate) => {
      const voter = votes.of(node);
      if (fate === "intact" || fate === "torn") return;
      liars.add(node);
      voter.hasLostBodies = true;
      if (fate !== "store-back") voter.isRestored = true;
      // What a disk has lost, its node cannot keep.
      promises.delete(node);
    },
    onStart,
    onStep,
    onSend: (node, { message, state, isHeld }) => {
      if (message.kind === "decided") return;
      votes.onVote(node, { message, state, isHeld });
      const tip = tips[message.height - 1];
      if (tip !== undefined && nodeAt(tip.federation, message.sender) !== node) {
        fail(3, `node ${node} votes at height ${message.height}, where it is not member ${message.sender}`);
      }
    },
    onEvidence: (node, evidence) => {
      const known = tips.findLast(({ federation: { hash } }) => equal(hash, evidence.federationHash));
      const { federation } = known ?? ledger.genesis;
      const accused = nodeAt(federation, evidence.first.sender);
      if (!provesMisbehaviour(evidence, { federation, crypto })) {
        fail(8, `node ${node} accuses without proof`);
      }
      const isTrue = isByzantine(accused) || votes.of(accused).isRestored;
      if (!isTrue) fail(8, `node ${node} accuses node ${accused}, which is correct`);
    },
    onAppended,
    onHello: (node, { peer, hello }) => void votes.of(node).hellos.set(peer, hello),
    onAcknowledged: (node, transaction) => {
      const name = toHex(transaction.id);
      if (!committed.has(name)) promisesOf(node).transactions.set(name, transaction);
    },
    onCommitTold: (node, { proposal: { header } }) => {
      const own = promisesOf(node);
      own.height = Math.max(own.height, header.height);
    },
    hasLied: (node) => liars.has(node),
    chain: () => chain,
    tips: () => tips,
  };
}
