/** Changes of the federation that may not be: with approvals that do not suffice, of others, or for something else. */
import { equal, toHex } from "../../../core/bytes.ts";
import type { Hash, Height } from "../../../core/brands.ts";
import { type Federation, federationOf, memberIndex } from "../../../core/federation.ts";
import {
  type Approval,
  approvalMessage,
  type FederationChange,
  type Joining,
  joiningMessage,
  newcomersOf,
} from "../../../core/federation_change.ts";
import type { NodeId, SimTransaction } from "../types.ts";
import { replacing } from "./blocks.ts";
import { badSignature, nodeAt, ownBlock, some, transactionsOf } from "./craft.ts";
import type { MakeBehaviour, Puppet } from "./types.ts";

/** Bad changes, given to members as if from a client, and put into own blocks. */
export const badChanges: MakeBehaviour = (self) => {
  const { random } = self;
  const proposed = new Map<string, SimTransaction>();
  const behaviour = replacing(self, ({ round, proposal }) => {
    const forged = random.chance(0.15) ? [] : badChange(self);
    if (forged.length === 0) return null;
    const good = transactionsOf(self, proposal).filter(({ change }) => change === null);
    for (const each of forged) proposed.set(toHex(each.id), each);
    return ownBlock(self, { round, transactions: [...good, ...forged] });
  });
  return {
    ...behaviour,
    // No pool takes them: who is to judge the block asks for them.
    onFrame: ({ from, frame }) => {
      if (frame.kind !== "want") return;
      const wanted = frame.ids.map((id) => proposed.get(toHex(id))).filter((each) => each !== undefined);
      if (wanted.length > 0) self.send(from, { kind: "transactions", transactions: wanted });
    },
    onTick: () => {
      const forged = random.chance(0.3) ? badChange(self) : [];
      if (forged.length === 0) return;
      self.count();
      self.send(some(self), { kind: "transactions", transactions: forged });
    },
  };
};

/** A header that names another federation as the next, or as the one in force. */
export const wrongFederation: MakeBehaviour = (self) =>
  replacing(self, ({ proposal }) => {
    const { random, port } = self;
    const hashes = [...new Set([...port.federations(), ...proposed(self)])].map(({ hash }) => hash);
    if (hashes.length < 2 || random.chance(0.15)) return null;
    const hash = random.pick(hashes) as Hash;
    const change = random.chance(0.8) ? { nextFederation: hash } : { federation: hash };
    return { ...proposal, header: { ...proposal.header, ...change } };
  });

/** The federations that the operators' documents would make. */
function proposed({ port }: Puppet): readonly Federation[] {
  return port.changes().flatMap(({ change }) =>
    change === null ? [] : [federationOf(port.crypto.hash, change.body.document)]
  );
}

/** One change, or several that no block may hold together; none while operators have made none. */
function badChange(self: Puppet): readonly SimTransaction[] {
  const { random, port } = self;
  const made = port.changes();
  if (made.length === 0) return [];
  const { federation, nextFederation } = self.tip();
  const isNext = ({ change }: SimTransaction) =>
    change !== null && equal(change.body.document.previous, nextFederation.hash);
  const next = made.filter(isNext);
  // One that would be good after the one under way.
  const isPending = !equal(federation.hash, nextFederation.hash);
  if (isPending && next.length > 0) return [random.pick(next)];
  const { change } = random.pick(
    next.length > 0 && random.chance(0.8) ? next : made.slice(-6),
  ) as SimTransaction;
  if (change === null) return [];
  // All that the operators have kept back, in turn: rivals, followers, old ones.
  if (random.chance(0.4)) return random.shuffled(made.slice(-6)).slice(0, random.pick([1, 1, 1, 2]));
  const forge = random.pick([
    oneShort,
    doubled,
    borrowed,
    borrowed,
    otherDocument,
    otherNames,
    otherNames,
    again,
  ]);
  return [port.makeChange(forge(self, change.body))];
}

function again(_self: Puppet, change: FederationChange): FederationChange {
  return change;
}

/** One approval less than a quorum, as of the federation in force now. */
function oneShort({ random, federation }: Puppet, change: FederationChange): FederationChange {
  const kept = random.shuffled(change.approvals).slice(0, federation().quorum - 1);
  return { ...change, approvals: inOrder(kept) };
}

/** The same member several times. */
function doubled({ random, federation }: Puppet, change: FederationChange): FederationChange {
  const kept = random.shuffled(change.approvals).slice(0, Math.max(1, federation().quorum - 1));
  return { ...change, approvals: inOrder([...kept, ...kept.slice(0, 1)]) };
}

/** Approvals by members of an earlier federation, the adversary's own among them, for a document that is new. */
function borrowed(self: Puppet, change: FederationChange): FederationChange {
  const { random, port, federation } = self;
  const earlier = random.pick(port.federations());
  const base = federation();
  const message = approvalMessage(base, federationOf(port.crypto.hash, change.document).hash);
  const own = port.nodes.flatMap((node): readonly Approval[] => {
    const member = memberIndex(earlier, port.keyOf(node));
    return member < 0 ? [] : [{ member, signature: port.sign(node, message) }];
  });
  const others = random.shuffled(change.approvals).flatMap((approval): readonly Approval[] => {
    const key = base.document.members[approval.member]?.key;
    const member = key === undefined ? -1 : memberIndex(earlier, key);
    return member < 0 || own.some((each) => each.member === member) ? [] : [{ ...approval, member }];
  });
  return { ...change, approvals: inOrder([...own, ...others].slice(0, earlier.quorum)) };
}

/** The approvals of one document under another, which keeps or brings in the adversary. */
function otherDocument({ random, port }: Puppet, change: FederationChange): FederationChange {
  const { document } = change;
  const { heartbeatMs } = document.parameters;
  const parameters = { ...document.parameters, heartbeatMs: heartbeatMs + random.below(1_000) };
  const members = document.members.map((member, i) =>
    i > 0 || document.members.some(({ key }) => equal(key, port.keyOf(port.nodes[0] as NodeId)))
      ? member
      : { ...member, key: port.keyOf(port.nodes[0] as NodeId) }
  );
  return { ...change, document: { ...document, parameters, members } };
}

/**
 * Joinings that name a block that is not there yet, that was not decided, or that is missing; they are signed where
 * the new member is the adversary's, and else those of the operators with another block written over them.
 */
function otherNames(self: Puppet, change: FederationChange): FederationChange {
  const { random, port, federation, tip } = self;
  const { document } = change;
  const { hash } = federationOf(port.crypto.hash, document);
  const { height, hash: tipHash } = tip().parent;
  const joinings = newcomersOf(document, federation()).map((member): Joining => {
    const before = change.joinings.find((each) => each.member === member);
    const named = random.pick([
      { height: height + 1 as Height, blockHash: tipHash },
      { height, blockHash: hash },
      { height: Math.max(1, height - 1) as Height, blockHash: tipHash },
    ]);
    const node = nodeAt({ port, federation: () => federationOf(port.crypto.hash, document) }, member);
    const isOwn = port.nodes.includes(node);
    const message = joiningMessage(federation(), { document: hash, ...named });
    const signature = isOwn ? port.sign(node, message) : before?.signature ?? badSignature(random);
    return { member, ...named, signature };
  });
  return { ...change, joinings: random.chance(0.3) ? joinings.slice(1) : joinings };
}

function inOrder(approvals: readonly Approval[]): readonly Approval[] {
  return [...approvals].sort((a, b) => a.member - b.member);
}
