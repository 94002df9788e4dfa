/**
 * Proposals above round 0 with justifications that prove nothing, or less than they should. Only those that leave out
 * the highest lock and still have a quorum hold, and those the protocol must bear.
 */
import { highestPrepared } from "../../../consensus/justification.ts";
import type { Justification, JustifyingRoundChange, RoundChange } from "../../../consensus/message.ts";
import type { Height, Round } from "../../../core/brands.ts";
import type { Proposal } from "../../../core/ports.ts";
import { asFrame, badSignature, ownBlock, prePrepare, roundChange, some } from "./craft.ts";
import { roundChangesTo } from "./knowledge.ts";
import type { MakeBehaviour, Place, Puppet } from "./types.ts";

/** What goes into a justification before it is bent. */
interface Material extends Place {
  readonly own: readonly JustifyingRoundChange[];
  readonly seen: readonly RoundChange[];
  readonly quorum: number;
}

type Bend = (self: Puppet, material: Material) => Justification;

/** Whenever a block is close to decided, or a round begins, this node proposes its own in a round that it leads. */
export const forgedJustifications: MakeBehaviour = (self) => {
  const { random } = self;
  const tried = new Map<string, number>();

  function attempt(chance: number): void {
    const { height, round } = self.place();
    const target = roundOfOurs(self, round);
    if (target === null || self.index() < 0 || !random.chance(chance)) return;
    const key = `${height}/${target}`;
    const times = tried.get(key) ?? 0;
    if (times > 2) return;
    if (tried.size > 32) tried.clear();
    tried.set(key, times + 1);
    self.count();
    propose(self, { height, round: target });
  }

  return {
    onRound: () => attempt(0.4),
    onFrame: ({ frame }) => {
      if (frame.kind !== "message") return;
      if (frame.message.kind === "commit") attempt(0.5);
      else if (frame.message.kind === "round-change") attempt(0.1);
    },
  };
};

/** The next round above 0 that this node leads. */
function roundOfOurs({ port, tip, index, random, federation }: Puppet, from: Round): Round | null {
  const { length } = federation().document.members;
  for (let round = Math.max(1, from + random.below(2)); round <= from + length; round++) {
    if (port.protocol.leaderAt(tip(), round as Round) === index()) return round as Round;
  }
  return null;
}

function propose(self: Puppet, { height, round }: Place): void {
  const { random, knowledge } = self;
  const material: Material = {
    height,
    round,
    own: self.allies().map((ally) => bare(roundChange(self, { height, round }, ally))),
    seen: roundChangesTo(knowledge.at(height), round),
    quorum: self.federation().quorum,
  };
  const justification = random.pick(BENDS)(self, material);
  const proposal = random.chance(0.7) ? ownBlock(self, { round }) : someProposal(self, height);
  const frame = asFrame(prePrepare(self, { height, round, proposal, justification }));
  self.send(random.chance(0.6) ? self.victims : some(self), frame);
}

const BENDS: readonly Bend[] = [
  // Nothing at all.
  () => ({ roundChanges: [], prepares: [] }),
  // One member's round change as often as a quorum wants.
  (_self, { own, quorum }) => ({ roundChanges: repeated(own, quorum), prepares: [] }),
  // What was seen, filled up with the same again.
  (_self, { own, seen, quorum }) => ({
    roundChanges: repeated([...own, ...seen.map(bare)], quorum),
    prepares: [],
  }),
  // One short of a quorum.
  (_self, { own, seen, quorum }) => ({
    roundChanges: merged([...own, ...seen.map(bare)], quorum - 1),
    prepares: [],
  }),
  // Others' round changes of other rounds and heights.
  ({ knowledge: { votes } }, { own, quorum }) => {
    const others = votes.filter((vote) => vote.kind === "round-change").map(withoutLock);
    return { roundChanges: merged([...own, ...others], quorum), prepares: [] };
  },
  // Locks taken out of the round changes that named them.
  (_self, { own, seen, quorum }) => ({
    roundChanges: merged([...own, ...seen.map(withoutLock)], quorum),
    prepares: [],
  }),
  // A quorum that holds, without the highest lock wherever that is possible.
  (_self, { own, seen, quorum }) => {
    const byLock = [...seen].sort((a, b) => (a.prepared?.round ?? -1) - (b.prepared?.round ?? -1));
    return withPrepares(merged([...own, ...byLock.map(bare)], quorum), seen);
  },
  // A lock's PREPAREs beside a quorum that does not name it.
  ({ knowledge, random }, { own, seen, quorum, height }) => {
    const locks = knowledge.at(height).roundChanges.map(({ prepared }) => prepared).filter((each) =>
      each !== null
    );
    const prepares = locks.length === 0 ? [] : random.pick(locks).prepares;
    return { roundChanges: merged([...own, ...seen.map(bare)], quorum), prepares };
  },
  // Others' names under signatures that are none.
  ({ random }, { own, quorum }) => {
    const others = Array.from({ length: quorum + 1 }, (_, sender) => ({
      sender,
      signature: badSignature(random),
      prepared: null,
    }));
    return { roundChanges: merged([...own, ...others], quorum), prepares: [] };
  },
];

function someProposal(self: Puppet, height: Height): Proposal {
  const all = [...self.knowledge.at(height).proposals.values()];
  return all.length > 0 ? self.random.pick(all) : ownBlock(self, { round: self.place().round });
}

function bare({ sender, signature, prepared }: RoundChange | JustifyingRoundChange): JustifyingRoundChange {
  const lock = prepared === null ? null : { round: prepared.round, blockHash: prepared.blockHash };
  return { sender, signature, prepared: lock };
}

function withoutLock({ sender, signature }: RoundChange): JustifyingRoundChange {
  return { sender, signature, prepared: null };
}

/** The first of each member, until there are so many; then in order of member. */
function merged(
  all: readonly JustifyingRoundChange[],
  length: number,
): readonly JustifyingRoundChange[] {
  const bySender = new Map<number, JustifyingRoundChange>();
  for (const each of all) {
    if (bySender.size < length && !bySender.has(each.sender)) bySender.set(each.sender, each);
  }
  return [...bySender.values()].sort((a, b) => a.sender - b.sender);
}

function repeated(all: readonly JustifyingRoundChange[], length: number): readonly JustifyingRoundChange[] {
  return Array.from({ length }, (_, i) => all[i % all.length] as JustifyingRoundChange)
    .sort((a, b) => a.sender - b.sender);
}

/** The PREPAREs of the highest lock that is named. */
function withPrepares(
  roundChanges: readonly JustifyingRoundChange[],
  seen: readonly RoundChange[],
): Justification {
  const highest = highestPrepared(roundChanges.map(({ prepared }) => prepared));
  const owner = seen.find(({ prepared }) => prepared !== null && prepared.round === highest?.round);
  return { roundChanges, prepares: highest === null ? [] : owner?.prepared?.prepares ?? [] };
}
