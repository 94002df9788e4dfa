/** Locks kept to oneself, shown late, and made up. */
import type { MemberSignature, PreparedCertificate } from "../../../consensus/message.ts";
import type { Height, Round } from "../../../core/brands.ts";
import { toHex } from "../../../core/bytes.ts";
import type { Proposal } from "../../../core/ports.ts";
import type { Frame } from "../types.ts";
import { asFrame, badSignature, blockVote, hashOfProposal, ownBlock, roundChange, some } from "./craft.ts";
import type { MakeBehaviour, Place, Puppet } from "./types.ts";

/**
 * A lock that nobody else has: the leader proposes to just as many as a quorum wants with its own votes, which it
 * keeps back. Later it shows the lock to some.
 */
export const hiddenLock: MakeBehaviour = (self) => {
  const { random, knowledge } = self;
  let hidden: (Place & { readonly told: ReadonlySet<number> | null }) | null = null;

  /** Decided once a round, at the first of the proposals that leave; null where it stays honest. */
  function toldOf({ height, round }: Place): ReadonlySet<number> | null {
    if (hidden?.height === height && hidden.round === round) return hidden.told;
    const wanted = self.federation().quorum - self.allies().length;
    const told = random.chance(0.7) ? new Set(random.shuffled(self.victims).slice(0, wanted)) : null;
    hidden = { height, round, told };
    if (told !== null) self.count();
    return told;
  }

  return {
    filter: (sending) => {
      const { frame, to } = sending;
      if (frame.kind !== "message" || frame.message.kind === "decided") return [sending];
      const { kind, height, round } = frame.message;
      // In the round after it, nobody hears of the lock: another block may be locked then.
      if (kind === "round-change" && hidden?.height === height && hidden.round === round - 1) {
        return hidden.told === null || random.chance(0.2) ? [sending] : [];
      }
      if (kind === "pre-prepare") return toldOf(frame.message)?.has(to) === false ? [] : [sending];
      const isHere = hidden?.height === height && hidden.round === round && hidden.told !== null;
      return isHere && kind !== "round-change" ? [] : [sending];
    },
    onRound: ({ height, round }) => {
      const locks = locksAt(self, height).filter((lock) => lock.round < round);
      const isTooEarly = hidden?.height === height && hidden.round === round - 1;
      if (locks.length === 0 || isTooEarly || random.chance(0.4)) return;
      self.count();
      const prepared = random.pick(locks);
      const frame = asFrame(roundChange(self, { height, round, prepared }));
      self.sendLate(some(self), { frame, delayMs: random.between(0, 200) });
      knowledge.at(height).proposals.set(toHex(prepared.blockHash), prepared.proposal);
    },
  };
};

/** The locks that the PREPAREs seen make up, with the adversary's own votes. */
function locksAt(self: Puppet, height: Height): readonly PreparedCertificate[] {
  const { tallies, proposals } = self.knowledge.at(height);
  const { quorum } = self.federation();
  return [...tallies.values()].flatMap((tally) => {
    const proposal = proposals.get(toHex(tally.blockHash));
    if (tally.kind !== "prepare" || proposal === undefined) return [];
    const signatures = new Map(tally.signatures);
    for (const ally of self.allies()) {
      const { sender, signature } = blockVote(self, { ...tally, kind: "prepare" }, ally);
      signatures.set(sender, signature);
    }
    if (signatures.size < quorum) return [];
    return [{ ...lockOf(tally.round, tally.blockHash, proposal), prepares: asList(signatures) }];
  });
}

function lockOf(
  round: Round,
  blockHash: PreparedCertificate["blockHash"],
  proposal: Proposal,
): Omit<PreparedCertificate, "prepares"> {
  return { round, blockHash, proposal };
}

function asList(signatures: ReadonlyMap<number, MemberSignature["signature"]>): readonly MemberSignature[] {
  return [...signatures].map(([sender, signature]) => ({ sender, signature })).sort((a, b) =>
    a.sender - b.sender
  );
}

/** Round changes that name locks which nobody has: too few PREPAREs, made up, repeated, or of a lower round. */
export const forgedLocks: MakeBehaviour = (self) => {
  const { random } = self;
  let last: (Place & { readonly frame: Frame | null }) | null = null;
  return {
    // Of one member and round, the first vote counts: its own honest one would.
    filter: (sending) => {
      const { frame } = sending;
      if (frame.kind !== "message" || frame.message.kind !== "round-change") return [sending];
      const { height, round } = frame.message;
      if (last?.height !== height || last.round !== round) {
        const isForged = random.chance(0.6) && self.place().height === height && self.index() >= 0;
        last = { height, round, frame: isForged ? forge({ height, round }) : null };
      }
      return [last.frame === null ? sending : { ...sending, frame: last.frame }];
    },
    onRound: (place) => lie(place, 0.3),
    onTick: () => lie(self.place(), 0.2),
  };

  function forge(place: Place): Frame {
    self.count();
    return asFrame(roundChange(self, { ...place, prepared: forgeLock(self, place) }));
  }

  function lie({ height, round }: Place, chance: number): void {
    // Who has spoken for a far round is heard in no nearer one.
    const target = round + random.below(random.chance(0.9) ? 2 : 4) as Round;
    if (target === 0 || self.index() < 0 || !random.chance(chance)) return;
    self.send(random.chance(0.7) ? self.victims : some(self), forge({ height, round: target }));
  }
};

function forgeLock(self: Puppet, { height, round }: Place): PreparedCertificate {
  const { random } = self;
  const { quorum } = self.federation();
  const lock = round - 1 as Round;
  const known = locksAt(self, height);
  // A real lock, as if it were of the last round.
  if (known.length > 0 && random.chance(0.5)) return { ...random.pick(known), round: lock };
  const proposal = blockFor(self, { height, round: lock });
  const blockHash = hashOfProposal(self, proposal);
  const own = self.allies().map((ally) =>
    blockVote(self, { kind: "prepare", height, round: lock, blockHash }, ally)
  );
  const signed = own.map(({ sender, signature }) => ({ sender, signature }));
  const isRepeated = random.chance(0.5);
  const prepares = Array.from({ length: quorum }, (_, i) => {
    if (isRepeated) return signed[i % signed.length] as MemberSignature;
    return signed.find((each) => each.sender === i) ?? { sender: i, signature: badSignature(random) };
  });
  return { ...lockOf(lock, blockHash, proposal), prepares };
}

/** A block that could be locked in this round: one that was seen, or one of a round that this node has led. */
function blockFor(self: Puppet, { height, round }: Place): Proposal {
  const { random, knowledge, port, tip } = self;
  const seen = [...knowledge.at(height).proposals.values()].filter(({ header }) =>
    header.createdRound <= round
  );
  if (seen.length > 0 && random.chance(0.4)) return random.pick(seen);
  for (let led = round; led >= 0; led--) {
    if (port.protocol.leaderAt(tip(), led as Round) === self.index()) {
      return ownBlock(self, { round: led as Round });
    }
  }
  return ownBlock(self, { round });
}
