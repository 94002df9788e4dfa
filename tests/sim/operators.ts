/**
 * The operators: they start who joins, write the next document once it has followed the chain, have a quorum approve
 * it, and hand it in. They are honest and careless: now and then they approve two documents of one sequence.
 */
import type { Hash, Height } from "../../core/brands.ts";
import { blockHash } from "../../core/block.ts";
import {
  faultsOf,
  type Federation,
  type FederationDocument,
  federationOf,
  memberAt,
} from "../../core/federation.ts";
import {
  type Approval,
  approvalMessage,
  type FederationChange,
  type Joining,
  joiningMessage,
  newcomersOf,
} from "../../core/federation_change.ts";
import type { Tip } from "../../core/ports.ts";
import { submit } from "./faults.ts";
import { exchanged, nextDocument } from "./federations.ts";
import { nodesOf } from "./membership.ts";
import { nodeKey } from "./quick_crypto.ts";
import type { Beside, Change } from "./plan.ts";
import type { NodeId, Random, SimTransaction } from "./types.ts";
import type { World } from "./world.ts";

/** Between two looks at whether who joins has a block of the chain. */
const LOOK_MS = 300;

/** A block that a new member names. */
interface Named {
  readonly height: Height;
  readonly blockHash: Hash;
}

/** Starts who joins; the document follows once it can name a block. */
export function strikeChange(world: World, { change, number }: { change: Change; number: number }): void {
  const random = world.random.split(`change ${number}`);
  if (change.joins !== null) startJoining(world, { change, random });
  attempt(world, { change, random });
}

function startJoining({ nodes, checker, count }: World, { change, random }: Drawing): void {
  const node = nodes.all.get(change.joins as NodeId);
  if (node === undefined || node.isUp) return;
  if (node.wasUp) count("member back after it had left");
  // Who comes back has its own disk.
  if (!node.wasUp && change.isCopied) {
    const sources = [...nodes.all.values()].filter(({ id, isUp }) => isUp && !checker.hasLied(id));
    const source = nodes.all.get(change.isRotation ? change.leaves ?? -1 : -1) ??
      (sources.length === 0 ? undefined : random.pick(sources));
    if (source !== undefined) node.disk.copyStore(source.disk);
    count("started from a copy of another chain");
  } else if (!node.wasUp) count("started from nothing");
  nodes.revive(node);
}

interface Drawing {
  readonly change: Change;
  readonly random: Random;
}

function attempt(world: World, drawing: Drawing): void {
  const { checker, clock, plan } = world;
  const { change } = drawing;
  const base = (checker.tips().at(-1) as Tip).nextFederation;
  const before = nodesOf(world, base);
  const members = exchanged(before, change);
  if (members.join() === before.join() || !isBorne(world, members)) return;
  const named = change.joins === null ? undefined : namedBy(world, change.joins);
  if (named !== undefined || change.joins === null) return propose(world, { ...drawing, base, members });
  if (clock.nowMs() + LOOK_MS < plan.healAtMs) clock.after(LOOK_MS, () => attempt(world, drawing));
}

/** Whether the members bear those that are Byzantine, or whose disks lie. */
function isBorne({ plan }: World, members: readonly NodeId[]): boolean {
  const faulty = members.filter((id) => isFaulty(plan, id));
  return members.length > 0 && faulty.length <= faultsOf(members.length);
}

/** Whether a node of a plan is Byzantine, or its disk goes back. */
export function isFaulty({ byzantine, faults }: World["plan"], id: NodeId): boolean {
  return byzantine.includes(id) ||
    faults.some((fault) =>
      fault.kind === "crash" && fault.node === id && fault.disk !== "intact" && fault.disk !== "torn"
    );
}

/** The newest block of a node's own chain; undefined while it has none. */
function namedBy({ nodes, checker, crypto }: World, id: NodeId): Named | undefined {
  const node = nodes.all.get(id);
  // One of the adversary's needs no chain of its own: blocks are public.
  const parent = node === undefined ? checker.tips().at(-1)?.parent : node.member?.tip().parent;
  if (parent === undefined || parent.height === 0) return undefined;
  const block = checker.chain()[parent.height - 1];
  return block && { height: parent.height, blockHash: blockHash(crypto.hash, block.proposal.header) };
}

interface Proposing extends Drawing {
  readonly base: Federation;
  readonly members: readonly NodeId[];
}

function propose(world: World, { change, random, base, members }: Proposing): void {
  const { clock, crypto, clients, changes, count } = world;
  const { leaves, joins, isRotation } = change;
  const own = leaves === null ? undefined : base.document.members[nodesOf(world, base).indexOf(leaves)];
  const names = new Map(isRotation && joins !== null && own !== undefined ? [[joins, own.name]] : []);
  const document = nextDocument(base, { members, names, timeMs: world.trueMs() });
  const first = make(world, { base, document, random });
  count("change of the federation handed in");
  // While approvals are gathered, whoever is asked sees those that are there.
  const { body } = first.change as NonNullable<typeof first.change>;
  const approvals = body.approvals.slice(0, base.quorum - 1);
  changes.push(clients.make(random, { change: { ...body, approvals } }));
  clock.after(random.chance(0.5) ? 0 : random.between(0, 2_500), () => {
    changes.push(first);
    handIn(world, { transactions: [first], random });
  });
  const follower = (of: Federation) => {
    const next = nextDocument(of, { members: nodesOf(world, of), timeMs: world.trueMs(), ...later(of) });
    return make(world, { base: of, document: next, random });
  };
  const rival = federationOf(crypto.hash, rivalOf(world, { base, members }));
  const makers: Readonly<Record<Beside, () => SimTransaction>> = {
    rival: () => make(world, { base, document: rival.document, random }),
    follower: () => follower(federationOf(crypto.hash, document)),
    "follower of the rival": () => follower(rival),
    again: () => clients.make(random, { change: body }),
  };
  for (const each of change.beside) {
    const transaction = makers[each]();
    count(`operators: ${each}`);
    changes.push(transaction);
    for (const ms of [random.between(0, 1_500), random.between(1_500, 6_000)]) {
      clock.after(ms, () => handIn(world, { transactions: [transaction], random }));
    }
  }
}

/** Another heartbeat makes another document. */
function later({ document: { parameters: { heartbeatMs } } }: Federation) {
  return { parameters: { heartbeatMs: heartbeatMs + 1 } };
}

/** At odds with what the change wants: nobody comes, or nobody goes. */
function rivalOf(
  world: World,
  { base, members }: { readonly base: Federation; readonly members: readonly NodeId[] },
): FederationDocument {
  const before = nodesOf(world, base);
  const kept = before.filter((id) => members.includes(id));
  const other = kept.length < before.length && isBorne(world, kept) && kept.length < members.length
    ? kept
    : before;
  return nextDocument(base, { members: other, timeMs: world.trueMs(), ...later(base) });
}

/** A change that holds: a drawn quorum of the members in force has approved it, and who joins has signed. */
function make(
  world: World,
  { base, document, random }: {
    readonly base: Federation;
    readonly document: FederationDocument;
    readonly random: Random;
  },
): SimTransaction {
  const { crypto, clients } = world;
  const { hash } = federationOf(crypto.hash, document);
  const before = nodesOf(world, base);
  const more = random.chance(0.5) ? 0 : random.below(before.length - base.quorum + 1);
  const approving = random.shuffled(before.map((_, index) => index)).slice(0, base.quorum + more);
  const message = approvalMessage(base, hash);
  const approvals = approving.sort((a, b) => a - b).map((member): Approval => ({
    member,
    signature: world.signers.sign(nodeKey(before[member] as NodeId), message),
  }));
  const joinings = newcomersOf(document, base).map((member): Joining => {
    const node = nodeOf(world, memberAt({ ...base, document }, member).key);
    const own = namedBy(world, node) ?? { height: 1 as Height, blockHash: hash };
    // One of the adversary's may name a block that is not there yet; and now and then who joins was never asked.
    const isLying = world.plan.byzantine.includes(node) && random.chance(0.4);
    const named = isLying ? { ...own, height: own.height + 1 as Height } : own;
    const signed = joiningMessage(base, { document: random.chance(0.07) ? base.hash : hash, ...named });
    return { member, ...named, signature: world.signers.sign(nodeKey(node), signed) };
  });
  const body: FederationChange = { document, approvals, joinings };
  return clients.make(random, { change: body });
}

function nodeOf({ ids }: World, key: Uint8Array): NodeId {
  return ids.find((id) => nodeKey(id).publicKey.every((byte, i) => byte === key[i])) as NodeId;
}

function handIn(
  world: World,
  { transactions, random }: { readonly transactions: readonly SimTransaction[]; readonly random: Random },
): void {
  const takers = random.chance(0.7) ? world.ids : random.shuffled(world.ids).slice(0, 2);
  for (const transaction of transactions) submit(world, { transaction, takers });
}
