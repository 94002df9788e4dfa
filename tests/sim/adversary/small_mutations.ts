/** What it would honestly send, a little changed and signed anew: another height, round or value, or for some only. */
import type { VoteMessage } from "../../../consensus/message.ts";
import type { Height, Round } from "../../../core/brands.ts";
import { asFrame, signVote } from "./craft.ts";
import type { MakeBehaviour, Puppet } from "./types.ts";

/** Each vote of the node's, now and then. */
export const smallMutations: MakeBehaviour = (self) => ({
  filter: (sending) => {
    const { frame } = sending;
    const { random } = self;
    if (frame.kind !== "message" || frame.message.kind === "decided" || random.chance(0.85)) return [sending];
    if (self.index() < 0) return [sending];
    self.count();
    if (random.chance(0.2)) return [];
    const changed = { ...sending, frame: asFrame(mutate(self, frame.message)) };
    return random.chance(0.5) ? [changed] : [sending, changed];
  },
});

function mutate(self: Puppet, message: VoteMessage): VoteMessage {
  const { random, knowledge } = self;
  const { sender: _sender, signature: _signature, ...unsigned } = message;
  const by = random.chance(0.5) ? 1 : -1;
  switch (random.below(3)) {
    case 0:
      return signVote(self, { ...unsigned, height: Math.max(1, message.height + by) as Height });
    case 1:
      return signVote(self, { ...unsigned, round: Math.max(0, message.round + by) as Round });
    default: {
      if (unsigned.kind === "round-change") return signVote(self, { ...unsigned, prepared: null });
      const earlier = [...knowledge.at(message.height).tallies.values()];
      if (earlier.length === 0) return message;
      return signVote(self, { ...unsigned, blockHash: random.pick(earlier).blockHash });
    }
  }
}
