/** Signatures that do not hold. */
import type { VoteMessage } from "../../../consensus/message.ts";
import type { Unsigned } from "../../../consensus/own_vote.ts";
import type { BlockVote } from "../../../consensus/vote.ts";
import type { Hash, Height, Round } from "../../../core/brands.ts";
import type { Federation } from "../../../core/federation.ts";
import { asFrame, badSignature, blockVote, roundChange, signVote, some } from "./craft.ts";
import type { MakeBehaviour, Puppet } from "./types.ts";

/** Garbage, small-order points and unreduced scalars, under its own name and others'. */
export const badSignatures: MakeBehaviour = (self) => ({
  onRound: (place) => {
    const { random } = self;
    if (random.chance(0.3)) return;
    self.count();
    const round = Math.max(1, place.round) as Round;
    const honest: VoteMessage = random.chance(0.5)
      ? roundChange(self, { ...place, round })
      : blockVote(self, { kind: random.pick(["prepare", "commit"]), ...place, blockHash: someBlock(self) });
    const signature = random.chance(0.2) ? honest.signature : badSignature(random);
    self.send(some(self), asFrame({ ...honest, sender: someMember(self), signature }));
    if (random.chance(0.2)) self.send(some(self), { kind: "bytes", bytes: garbage(self) });
  },
});

/** The right key and the right place, but a signature of another kind of vote or of another chain's. */
export const wrongRole: MakeBehaviour = (self) => ({
  onRound: (place) => {
    const { random, port } = self;
    self.count();
    const vote = { kind: "prepare", ...place, blockHash: someBlock(self) } as Unsigned<BlockVote<"prepare">>;
    const abroad: Puppet = { ...self, federation: (): Federation => port.foreignFederation };
    const prepare = random.chance(0.3)
      ? { ...signVote(abroad, vote), sender: self.index() }
      : signVote<BlockVote<"prepare">>(self, vote);
    const kind = random.pick(["commit", "prepare"] as const);
    self.send(some(self), asFrame({ ...prepare, kind } as VoteMessage));
    recast(self, place.height);
  },
});

/** Others' PREPAREs shown to one member as COMMITs: a quorum of them would decide. */
function recast(self: Puppet, height: Height): void {
  const prepares = [...self.knowledge.at(height).tallies.values()].filter(({ kind }) => kind === "prepare");
  if (prepares.length === 0) return;
  const { round, blockHash, signatures } = self.random.pick(prepares);
  const to = self.random.pick(self.victims);
  for (const [sender, signature] of signatures) {
    self.send(to, asFrame({ kind: "commit", height, round, blockHash, sender, signature }));
  }
}

function someBlock({ knowledge, random, place, tip }: Puppet): Hash {
  const tallies = [...knowledge.at(place().height).tallies.values()];
  return tallies.length > 0 ? random.pick(tallies).blockHash : tip().parent.hash;
}

function someMember({ random, federation, index }: Puppet): number {
  return random.chance(0.4) ? index() : random.below(federation().document.members.length + 2);
}

function garbage({ random, port, knowledge }: Puppet): Uint8Array<ArrayBuffer> {
  const { votes } = knowledge;
  const bytes = votes.length > 0 && random.chance(0.7)
    ? Uint8Array.from(port.protocol.encodeMessage(random.pick(votes)))
    : Uint8Array.from({ length: random.below(64) }, () => random.below(256));
  if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256);
  return random.chance(0.5) ? bytes : bytes.slice(0, random.below(bytes.length + 1));
}
