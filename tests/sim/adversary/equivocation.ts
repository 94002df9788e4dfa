/** Saying one thing to some and another to others. */
import type { PrePrepare } from "../../../consensus/message.ts";
import type { Hash } from "../../../core/brands.ts";
import { equal } from "../../../core/bytes.ts";
import type { NodeId, Sending } from "../types.ts";
import {
  asFrame,
  blockVote,
  halves,
  ownBlock,
  prePrepare,
  roundChange,
  some,
  transactionsOf,
} from "./craft.ts";
import type { MakeBehaviour, Place, Puppet } from "./types.ts";

interface Split extends Place {
  /** Null where it stays honest. */
  readonly rival: PrePrepare | null;
  readonly misled: ReadonlySet<NodeId>;
}

/**
 * Two valid proposals to two halves, and the votes of all its nodes for each: what the misled half gets of this node
 * is about the second block alone.
 */
export const equivocatingLeader: MakeBehaviour = (self) => {
  const { node, random, count } = self;
  let split: Split | null = null;

  /** Decided once a round, at the first of the proposals that leave. */
  function splitOf(message: PrePrepare): Split {
    const { height, round, proposal } = message;
    if (split?.height === height && split.round === round) return split;
    split = { height, round, rival: null, misled: new Set() };
    if (proposal.header.createdRound !== round || random.chance(0.2)) return split;
    const transactions = transactionsOf(self, proposal).slice(random.below(2));
    const second = ownBlock(self, { round, transactions, timeMs: proposal.header.time + 1 });
    const rival = prePrepare(self, { ...message, proposal: second });
    const [first, misled] = halves(self);
    split = { height, round, rival, misled: new Set(misled) };
    count();
    support(self, { to: first, ...message });
    support(self, { to: misled, ...rival });
    return split;
  }

  return {
    filter: (sending) => {
      const { frame, to } = sending;
      if (frame.kind !== "message" || frame.message.kind === "decided") return [sending];
      const { message } = frame;
      const now = message.kind === "pre-prepare" ? splitOf(message) : split;
      const isHere = now?.height === message.height && now.round === message.round;
      if (!isHere || now.rival === null || !now.misled.has(to)) return [sending];
      if (message.kind === "pre-prepare") return [{ from: node, to, frame: asFrame(now.rival) }];
      return message.kind === "round-change" ? [sending] : [];
    },
  };
};

/** PREPARE and COMMIT of all the adversary's nodes, to some, a little later than the proposal. */
function support(
  self: Puppet,
  { to, height, round, blockHash }: Place & { to: readonly NodeId[]; blockHash: Hash },
): void {
  const { random } = self;
  for (const ally of self.allies()) {
    for (const kind of ["prepare", "commit"] as const) {
      const frame = asFrame(blockVote(self, { kind, height, round, blockHash }, ally));
      self.sendLate(to, { frame, delayMs: random.between(1, 100) });
    }
  }
}

/** Votes for every proposal that it sees, to everybody or to some. */
export const yesToAll: MakeBehaviour = (self) => {
  const voted: { blockHash: Hash; round: number }[] = [];
  return {
    onFrame: ({ frame }) => {
      if (frame.kind !== "message" || frame.message.kind !== "pre-prepare") return;
      const { height, round, blockHash } = frame.message;
      if (voted.some((each) => each.round === round && equal(each.blockHash, blockHash))) return;
      voted.push({ round, blockHash });
      if (voted.length > 64) voted.shift();
      if (self.random.chance(0.4) || self.index() < 0) return;
      self.count();
      support(self, { to: some(self), height, round, blockHash });
    },
  };
};

/** Round changes that name a lock to some, another or none to the rest; for this round and those around it. */
export const conflictingRoundChanges: MakeBehaviour = (self) => {
  const { random, knowledge, node } = self;
  const alter = (sending: Sending): readonly Sending[] => {
    const { frame, to } = sending;
    if (frame.kind !== "message" || frame.message.kind !== "round-change") return [sending];
    if (random.chance(0.5) || self.index() < 0) return [sending];
    self.count();
    const { height, round } = frame.message;
    const locks = knowledge.at(height).roundChanges.map((each) => each.prepared)
      .filter((lock) => lock === null || lock.round < round);
    const prepared = random.pick([null, ...locks]);
    return [{ from: node, to, frame: asFrame(roundChange(self, { height, round, prepared })) }];
  };
  return {
    filter: alter,
    onRound: ({ height, round }) => {
      if (random.chance(0.7)) return;
      self.count();
      const ahead = round + 1 + random.below(random.chance(0.8) ? 1 : 3) as Place["round"];
      const frame = asFrame(roundChange(self, { height, round: ahead }));
      self.sendLate(some(self), { frame, delayMs: random.between(0, 300) });
    },
  };
};
