/** Messages made by hand and signed with the adversary's own keys. */
import { NO_JUSTIFICATION } from "../../../consensus/justification.ts";
import type {
  Justification,
  Message,
  PreparedCertificate,
  PrePrepare,
  RoundChange,
  VoteMessage,
} from "../../../consensus/message.ts";
import type { Unsigned } from "../../../consensus/own_vote.ts";
import type { BlockVote } from "../../../consensus/vote.ts";
import { blockHash as hashOf } from "../../../core/block.ts";
import { asSignature, type Hash, type Round, type Signature } from "../../../core/brands.ts";
import { equal, toHex } from "../../../core/bytes.ts";
import { memberIndex } from "../../../core/federation.ts";
import type { Proposal } from "../../../core/ports.ts";
import type { Frame, NodeId, Random, SimTransaction } from "../types.ts";
import type { Place, Puppet } from "./types.ts";

/** A message as a frame. */
export function asFrame(message: Message): Frame {
  return { kind: "message", message };
}

/** Signs a vote with the key of this node, or of another one of the adversary's. */
export function signVote<M extends VoteMessage>(
  { port, federation, node }: Puppet,
  unsigned: Unsigned<M>,
  by: NodeId = node,
): M {
  const sender = indexOf({ port, federation }, by);
  const bytes = port.protocol.voteMessage(federation(), unsigned as unknown as VoteMessage);
  return { ...unsigned, sender, signature: port.sign(by, bytes) } as unknown as M;
}

/** A node's index in the federation in force. */
export function indexOf({ port, federation }: Pick<Puppet, "port" | "federation">, node: NodeId): number {
  return memberIndex(federation(), port.keyOf(node));
}

/** The node at an index in the federation in force. */
export function nodeAt({ port, federation }: Pick<Puppet, "port" | "federation">, index: number): NodeId {
  const key = federation().document.members[index]?.key;
  return port.allNodes.find((node) => key !== undefined && equal(port.keyOf(node), key)) ?? -1;
}

/** PREPARE or COMMIT. */
export function blockVote(
  self: Puppet,
  { kind, blockHash, height, round }: Place & { kind: "prepare" | "commit"; blockHash: Hash },
  by?: NodeId,
): VoteMessage {
  const vote = { kind, height, round, blockHash } as Unsigned<BlockVote<"prepare">>;
  return signVote(self, vote, by);
}

/** ROUND-CHANGE. */
export function roundChange(
  self: Puppet,
  { height, round, prepared = null }: Place & { prepared?: PreparedCertificate | null },
  by?: NodeId,
): RoundChange {
  return signVote<RoundChange>(self, { kind: "round-change", height, round, prepared }, by);
}

/** PRE-PREPARE. */
export function prePrepare(
  self: Puppet,
  { height, round, proposal, justification = NO_JUSTIFICATION }: Place & {
    proposal: Proposal;
    justification?: Justification;
  },
): PrePrepare {
  const blockHash = hashOf(self.port.crypto.hash, proposal.header);
  const vote = { kind: "pre-prepare", height, round, blockHash, proposal, justification } as const;
  return signVote<PrePrepare>(self, vote);
}

/** A block of this node's on its tip. */
export function ownBlock(
  self: Puppet,
  { round, transactions = [], timeMs, proposer = self.node }: {
    round: Round;
    transactions?: readonly SimTransaction[];
    timeMs?: number;
    proposer?: NodeId;
  },
): Proposal {
  const block = { proposer, createdRound: round, transactions };
  return self.port.makeBlock(self.tip(), timeMs === undefined ? block : { ...block, timeMs });
}

/** The transactions of a proposal, as far as they are known. */
export function transactionsOf({ face, knowledge }: Puppet, { ids }: Proposal): readonly SimTransaction[] {
  const pool = new Map(face.pool().map((each) => [toHex(each.id), each]));
  return ids.map((id) => pool.get(toHex(id)) ?? knowledge.transaction(id)).filter((each) =>
    each !== undefined
  );
}

/** The hash of a proposal's block. */
export function hashOfProposal({ port }: Puppet, { header }: Proposal): Hash {
  return hashOf(port.crypto.hash, header);
}

/** Signatures that are none. */
export function badSignature(random: Random): Signature {
  const bytes = Uint8Array.from({ length: 64 }, () => random.below(256));
  switch (random.below(4)) {
    case 0:
      return asSignature(new Uint8Array(64));
    case 1:
      // The identity as R, and S = 0: what a small-order key would accept for any message.
      return asSignature(Uint8Array.from({ length: 64 }, (_, i) => i === 0 ? 1 : 0));
    case 2:
      // S at or above the group's order.
      return asSignature(bytes.fill(0xff, 32));
    default:
      return asSignature(bytes);
  }
}

/** The correct nodes in two random parts, neither empty when there are two nodes. */
export function halves({ victims, random }: Puppet): readonly [readonly NodeId[], readonly NodeId[]] {
  const shuffled = random.shuffled(victims);
  const cut = victims.length < 2 ? victims.length : 1 + random.below(victims.length - 1);
  return [shuffled.slice(0, cut), shuffled.slice(cut)];
}

/** A random part of the correct nodes, at least one. */
export function some({ victims, random }: Puppet): readonly NodeId[] {
  return random.shuffled(victims).slice(0, 1 + random.below(victims.length));
}
