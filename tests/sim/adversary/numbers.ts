/** Numbers far out: rounds up to 2^53 − 1, heights far ahead, and many of them. */
import type { Height, Round } from "../../../core/brands.ts";
import { LIMITS } from "../../../core/limits.ts";
import type { VoteMessage } from "../../../consensus/message.ts";
import { asFrame, blockVote, ownBlock, prePrepare, roundChange, some } from "./craft.ts";
import type { MakeBehaviour, Place, Puppet } from "./types.ts";

/** Votes for the last round there is, the one after it, and the last number. */
export const hugeRounds: MakeBehaviour = (self) => ({
  onRound: ({ height }) => {
    const { random } = self;
    if (random.chance(0.4)) return;
    self.count();
    const round = random.pick([LIMITS.rounds, LIMITS.rounds + 1, Number.MAX_SAFE_INTEGER, 1_000]) as Round;
    self.send(random.chance(0.5) ? self.victims : some(self), asFrame(someVote(self, { height, round })));
  },
});

/** Floods of votes about heights to come, near and far. */
export const futureFlood: MakeBehaviour = (self) => ({
  onTick: () => {
    const { random } = self;
    if (random.chance(0.5)) return;
    self.count();
    const { height } = self.place();
    const to = random.pick(self.victims);
    for (let i = 0; i < 12; i++) {
      const ahead = random.chance(0.7) ? 1 + random.below(4) : 1 + random.below(1_000);
      const place = { height: height + ahead as Height, round: random.below(20) as Round };
      self.send(to, asFrame(someVote(self, place)));
    }
  },
});

function someVote(self: Puppet, { height, round }: Place): VoteMessage {
  const { random, tip } = self;
  const blockHash = tip().parent.hash;
  switch (random.below(4)) {
    case 0:
      return blockVote(self, { kind: "prepare", height, round, blockHash });
    case 1:
      return blockVote(self, { kind: "commit", height, round, blockHash });
    case 2:
      return prePrepare(self, { height, round, proposal: ownBlock(self, { round: 0 as Round }) });
    default:
      return roundChange(self, { height, round: Math.max(1, round) as Round });
  }
}
