/** Locks kept to oneself, shown late, and made up. */
import type { MemberSignature, PreparedCertificate } from "../../../consensus/message.ts";
import type { Height, Round } from "../../../core/brands.ts";
import { toHex } from "../../../core/bytes.ts";
import type { Proposal } from "../../../core/ports.ts";
import { asFrame, badSignature, blockVote, hashOfProposal, ownBlock, roundChange, some } from "./craft.ts";
import type { MakeBehaviour, Place, Puppet } from "./types.ts";

/**
 * A lock that nobody else has: the leader proposes to just as many as a quorum wants with its own votes, which it
 * keeps back. Later it shows the lock to some.
 */
export const hiddenLock: MakeBehaviour = (self) => {
  const { random, knowledge, node, port } = self;
  let hidden: (Place & { readonly told: ReadonlySet<number> }) | null = null;
  return {
    filter: (sending) => {
      const { frame, to } = sending;
      if (frame.kind !== "message" || frame.message.kind === "decided") return [sending];
      const { kind, height, round } = frame.message;
      const isHere = hidden?.height === height && hidden.round === round;
      if (kind === "pre-prepare" && !isHere && random.chance(0.7)) {
        const wanted = self.federation().quorum - self.allies().length;
        hidden = { height, round, told: new Set(random.shuffled(self.victims).slice(0, wanted)) };
        self.count();
        return hidden.told.has(to) ? [sending] : [];
      }
      if (!isHere || kind === "round-change") return [sending];
      return kind === "pre-prepare" && hidden?.told.has(to) ? [sending] : [];
    },
    onRound: ({ height, round }) => {
      const locks = locksAt(self, height).filter((lock) => lock.round < round);
      if (locks.length === 0 || random.chance(0.4)) return;
      self.count();
      const prepared = random.pick(locks);
      const frame = asFrame(roundChange(self, { height, round, prepared }));
      for (const to of some(self)) port.send({ from: node, to, frame, delayMs: random.between(0, 200) });
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
  return {
    onRound: (place) => lie(place, 0.6),
    onTick: () => lie(self.place(), 0.3),
  };

  function lie({ height, round }: Place, chance: number): void {
    const target = round + random.below(3) as Round;
    if (target === 0 || self.index() < 0 || !random.chance(chance)) return;
    self.count();
    const prepared = forgeLock(self, { height, round: target });
    self.send(
      random.chance(0.7) ? self.victims : some(self),
      asFrame(roundChange(self, { height, round: target, prepared })),
    );
  }
};

function forgeLock(self: Puppet, { height, round }: Place): PreparedCertificate {
  const { random, knowledge } = self;
  const { quorum } = self.federation();
  const lock = round - 1 as Round;
  const known = locksAt(self, height);
  if (known.length > 0 && random.chance(0.6)) {
    // A real lock, as if it were of the last round.
    return { ...random.pick(known), round: lock };
  }
  const seen = [...knowledge.at(height).proposals.values()];
  const proposal = seen.length > 0 && random.chance(0.3)
    ? random.pick(seen)
    : ownBlock(self, { round: lock });
  const blockHash = hashOfProposal(self, proposal);
  const own = self.allies().map((ally) =>
    blockVote(self, { kind: "prepare", height, round: lock, blockHash }, ally)
  );
  const signed = own.map(({ sender, signature }) => ({ sender, signature }));
  const prepares = random.chance(0.5)
    ? Array.from({ length: quorum }, (_, i) => signed[i % signed.length] as MemberSignature)
    : Array.from(
      { length: quorum },
      (_, sender) =>
        signed.find((each) => each.sender === sender) ?? { sender, signature: badSignature(random) },
    );
  return { ...lockOf(lock, blockHash, proposal), prepares };
}
