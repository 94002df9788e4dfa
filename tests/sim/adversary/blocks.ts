/** Blocks that no correct leader makes. */
import type { PrePrepare } from "../../../consensus/message.ts";
import type { Hash } from "../../../core/brands.ts";
import { toHex } from "../../../core/bytes.ts";
import { LIMITS } from "../../../core/limits.ts";
import type { Proposal } from "../../../core/ports.ts";
import type { Frame, Sending, SimTransaction } from "../types.ts";
import { asFrame, ownBlock, prePrepare, some, transactionsOf } from "./craft.ts";
import type { Behaviour, MakeBehaviour, Puppet } from "./types.ts";

/** What a replacement goes by. */
type Proposed = Pick<PrePrepare, "round" | "proposal">;

/**
 * A behaviour that puts another block into its node's own new proposals, the same one for all receivers; and proposes
 * one unasked when a height begins that it leads.
 */
export function replacing(self: Puppet, replace: (proposed: Proposed) => Proposal | null): Behaviour {
  const { random } = self;
  let last: { readonly key: string; readonly frame: Frame | null } | null = null;
  return {
    filter: (sending) => {
      const { frame } = sending;
      if (frame.kind !== "message" || frame.message.kind !== "pre-prepare") return [sending];
      const { message } = frame;
      if (message.proposal.header.createdRound !== message.round) return [sending];
      const key = toHex(message.signature);
      if (last?.key !== key) {
        const proposal = replace(message);
        last = { key, frame: proposal && asFrame(prePrepare(self, { ...message, proposal })) };
        if (proposal !== null) self.count();
      }
      return [last.frame === null ? sending : { ...sending, frame: last.frame }];
    },
    onRound: ({ height, round }) => {
      const isLeader = self.port.protocol.leaderAt(self.tip(), round) === self.index();
      if (round > 0 || !isLeader || random.chance(0.4)) return;
      const transactions = self.face.pool().filter(({ vid }) => vid === null).slice(0, 3);
      const proposal = replace({ round, proposal: ownBlock(self, { round, transactions }) });
      if (proposal === null) return;
      self.count();
      self.send(self.victims, asFrame(prePrepare(self, { height, round, proposal })));
    },
  };
}

/** Broken transactions, some twice, some that are on the chain, too many bytes, a wrong root or count. */
export const invalidBlocks: MakeBehaviour = (self) => {
  const { random, port, knowledge } = self;
  const used = new Map<string, SimTransaction>();
  const behaviour = replacing(self, (message) => {
    const good = transactionsOf(self, message.proposal);
    for (const each of good) used.set(toHex(each.id), each);
    if (random.chance(0.3)) return null;
    const { round } = message;
    switch (random.below(7)) {
      case 0:
        return ownBlock(self, { round, transactions: [...good, port.makeTransaction({ isBroken: true })] });
      case 1:
        return ownBlock(self, { round, transactions: twice(good, port.makeTransaction()) });
      case 2:
      case 3:
        return ownBlock(self, { round, transactions: [...old(), ...good] });
      case 4:
        return ownBlock(self, { round, transactions: tooLarge(self) });
      case 5:
        return { ...message.proposal, ids: message.proposal.ids.slice(1) };
      default:
        return withHeader(message.proposal, { stateRoot: message.proposal.header.parent });
    }
  });

  /** What was in a block before: by now it may be on the chain. */
  function old(): readonly SimTransaction[] {
    const all = [...used.values()];
    if (used.size > 64) used.clear();
    return all.length === 0 ? [] : [random.pick(all)];
  }

  return {
    ...behaviour,
    onFrame: ({ frame }) => {
      if (frame.kind !== "message" || frame.message.kind !== "pre-prepare") return;
      for (const id of frame.message.proposal.ids) {
        const known = knowledge.transaction(id);
        if (known !== undefined) used.set(toHex(id), known);
      }
    },
  };
};

function twice(good: readonly SimTransaction[], other: SimTransaction): readonly SimTransaction[] {
  const first = good[0] ?? other;
  return [first, ...good.slice(1), first];
}

function tooLarge({ port, parameters }: Puppet): readonly SimTransaction[] {
  const { maxBlockBytes } = parameters();
  const half = Math.floor(maxBlockBytes / 2) + 1;
  const all = [port.makeTransaction({ size: half }), port.makeTransaction({ size: half })];
  return all;
}

function withHeader(proposal: Proposal, change: { readonly stateRoot: Hash }): Proposal {
  return { ...proposal, header: { ...proposal.header, ...change } };
}

/** Ids that nobody has the bodies of, or that only some are given. */
export const missingBodies: MakeBehaviour = (self) => {
  const { random, port } = self;
  let withheld = false;
  const behaviour = replacing(self, (message) => {
    if (random.chance(0.4)) return null;
    withheld = random.chance(0.5);
    const transaction = port.makeTransaction();
    if (!withheld) self.send(some(self), { kind: "transactions", transactions: [transaction] });
    const transactions = [...transactionsOf(self, message.proposal), transaction];
    return ownBlock(self, { round: message.round, transactions });
  });
  return {
    filter: (sending) => {
      // What is asked for is not given.
      if (sending.frame.kind === "transactions" && withheld) return [];
      return behaviour.filter?.(sending) ?? [sending];
    },
    ...(behaviour.onRound === undefined ? {} : { onRound: behaviour.onRound }),
  };
};

/** Times before the parent's, at it, at the edge of what clocks may differ by, and far beyond. */
export const oddTimes: MakeBehaviour = (self) =>
  replacing(self, ({ round, proposal }) => {
    const { random, tip, port } = self;
    if (random.chance(0.3)) return null;
    const { maxDriftMs } = self.parameters();
    const nowMs = Math.floor(port.wallMs());
    const parentMs = tip().parent.time;
    const time = random.pick(random.pick([
      [parentMs - 1, parentMs, parentMs + 1],
      [nowMs - maxDriftMs, nowMs + maxDriftMs - 5_000, nowMs + maxDriftMs],
      [0, nowMs + 3_600_000, Number.MAX_SAFE_INTEGER],
    ]));
    const made = ownBlock(self, { round, transactions: transactionsOf(self, proposal), timeMs: time });
    // Where the maker moves a time up to the parent's, it is moved back.
    return { ...made, header: { ...made.header, time } };
  });

/** Proposals out of turn, and in another's name. */
export const wrongProposer: MakeBehaviour = (self) => ({
  onRound: ({ height, round }) => {
    const { random, port, tip } = self;
    const leader = port.protocol.leaderAt(tip(), round);
    if (leader === self.index() || random.chance(0.4)) return;
    self.count();
    const proposer = random.chance(0.7) ? self.node : random.pick(port.allNodes);
    const proposal = ownBlock(self, { round, proposer });
    const frame = asFrame(prePrepare(self, { height, round, proposal }));
    self.send(random.chance(0.5) ? self.victims : some(self), frame);
  },
});

/** Leaves certain transactions out of its blocks, and passes none of them on. */
export const censor: MakeBehaviour = (self) => {
  const share = self.random.pick([1, 2, 4]);
  const isCensored = ({ id }: Pick<SimTransaction, "id">) => (id[0] as number) % share === 0;
  const behaviour = replacing(self, ({ round, proposal }) => {
    if (!proposal.ids.some((id) => isCensored({ id }))) return null;
    const transactions = transactionsOf(self, proposal).filter((each) => !isCensored(each));
    return ownBlock(self, { round, transactions, timeMs: proposal.header.time });
  });
  return {
    filter: (sending: Sending) => {
      const { frame } = sending;
      if (frame.kind !== "transactions") return behaviour.filter?.(sending) ?? [sending];
      const kept = frame.transactions.filter((each) => !isCensored(each));
      if (kept.length === frame.transactions.length) return [sending];
      self.count();
      return kept.length === 0 ? [] : [{ ...sending, frame: { kind: "transactions", transactions: kept } }];
    },
  };
};

/** Transactions that are broken, far too large, or at odds with one that others have, to some. */
export const badTransactions: MakeBehaviour = (self) => ({
  onTick: () => {
    const { random, port } = self;
    if (random.chance(0.5)) return;
    self.count();
    self.send(some(self), { kind: "transactions", transactions: [badTransaction(self)] });
    if (random.chance(0.2)) self.send(some(self), { kind: "pool", ids: [port.makeMissingId()] });
  },
});

function badTransaction({ random, port, face }: Puppet): SimTransaction {
  const pool = face.pool();
  if (pool.length > 0 && random.chance(0.4)) {
    return port.makeRival(random.pick(pool));
  }
  const size = random.chance(0.2) ? LIMITS.transactionBytesCeiling : 100;
  return port.makeTransaction({ isBroken: random.chance(0.4), size });
}
