/** Repeating what was said before, as it was and under another label. Nothing of the latter verifies. */
import type { Message, VoteMessage } from "../../../consensus/message.ts";
import type { Height, Round } from "../../../core/brands.ts";
import type { NodeId, Random } from "../types.ts";
import { asFrame, nodeAt, some } from "./craft.ts";
import type { MakeBehaviour, Place, Puppet } from "./types.ts";

/** Old messages and present ones, its own and others', to some. */
export const replays: MakeBehaviour = (self) => ({
  onTick: () => {
    const { knowledge: { votes, decided }, random } = self;
    if (votes.length === 0) return;
    self.count();
    for (let i = random.below(4); i >= 0; i--) self.send(some(self), asFrame(random.pick(votes)));
    if (decided.length > 0 && random.chance(0.2)) {
      self.send(some(self), asFrame({ kind: "decided", block: random.pick(decided) }));
    }
  },
});

/** Others' signatures under another height, round or kind, or of another chain. */
export const relabelled: MakeBehaviour = (self) => {
  const { random, knowledge: { votes }, count } = self;

  function attempt(): void {
    const forged = random.chance(0.25) ? fromElsewhere(self) : relabel(self, self.place());
    if (forged === null) return;
    count();
    self.send(random.chance(0.5) ? self.victims : some(self), asFrame(forged));
  }

  return {
    onTick: () => {
      if (votes.length > 0) attempt();
    },
    onRound: () => {
      if (votes.length > 0) { for (let i = random.below(3); i > 0; i--) attempt(); }
    },
  };
};

function relabel({ random, knowledge: { votes } }: Puppet, place: Place): Message | null {
  const plain = votes.filter((vote) => vote.kind !== "pre-prepare");
  if (plain.length === 0) return null;
  const vote = random.pick(plain.slice(-64));
  const moved = { ...vote, ...movedTo(random, { vote, place }) };
  if (moved.kind === "round-change") {
    return { ...moved, prepared: random.chance(0.7) ? null : moved.prepared };
  }
  return random.chance(0.3) ? { ...moved, kind: moved.kind === "commit" ? "prepare" : "commit" } : moved;
}

function movedTo(random: Random, { vote, place }: { vote: VoteMessage; place: Place }): Place {
  const near = (value: number) => Math.max(0, value + random.below(3) - 1);
  switch (random.below(4)) {
    case 0:
      return { height: place.height, round: vote.round };
    case 1:
      return { height: vote.height, round: near(vote.round) as Round };
    case 2:
      return { height: place.height, round: Math.max(1, near(place.round)) as Round };
    default:
      return { height: Math.max(1, near(vote.height)) as Height, round: vote.round };
  }
}

/** A round change that a correct member's key signed on another chain. */
function fromElsewhere(self: Puppet): Message | null {
  const { random, port, federation } = self;
  const { height, round } = self.place();
  const sender = random.below(federation().document.members.length);
  const node: NodeId = nodeAt(self, sender);
  if (node < 0) return null;
  const there = { height, round: round + 1 + random.below(2) as Round };
  const signature = port.signedElsewhere(node, there);
  return { kind: "round-change", ...there, sender, signature, prepared: null };
}
