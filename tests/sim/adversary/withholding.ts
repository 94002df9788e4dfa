/** Saying less, or later, than one should. */
import { roundTimeoutMs } from "../../../consensus/timers.ts";
import type { Frame, NodeId } from "../types.ts";
import { asFrame, roundChange } from "./craft.ts";
import type { MakeBehaviour } from "./types.ts";

/** Says nothing at all. */
export const silent: MakeBehaviour = ({ count }) => ({
  filter: () => {
    count();
    return [];
  },
});

/** Each kind of frame goes to some of the peers only; which ones changes with the rounds. */
export const selective: MakeBehaviour = ({ random, port, count }) => {
  const kept = new Map<string, ReadonlySet<NodeId>>();
  const share = random.between(0.3, 0.9);
  return {
    onRound: () => {
      if (random.chance(0.3)) kept.clear();
    },
    filter: (sending) => {
      const kind = kindOf(sending.frame);
      const served = kept.get(kind) ?? new Set(port.allNodes.filter(() => random.chance(share)));
      kept.set(kind, served);
      if (served.has(sending.to)) return [sending];
      count();
      return [];
    },
  };
};

/** Votes leave just before, or just after, the others' round timers expire. */
export const late: MakeBehaviour = ({ random, parameters, count }) => ({
  filter: (sending) => {
    const { frame } = sending;
    if (frame.kind !== "message" || frame.message.kind === "decided") return [sending];
    if (frame.message.kind === "pre-prepare" && random.chance(0.7)) return [sending];
    count();
    const delayMs = random.between(0.6, 1.02) * roundTimeoutMs(parameters(), frame.message.round);
    return [{ ...sending, delayMs: (sending.delayMs ?? 0) + delayMs }];
  },
});

/**
 * Goes along with every round change and votes for no block: where it is needed, the rounds go up for ever. Some fall
 * silent in the end, and leave the others in a high round without a quorum.
 */
export const stirring: MakeBehaviour = (self) => {
  const { random, port } = self;
  const silentFromMs = random.chance(0.6) ? random.between(3_000, 40_000) : Infinity;
  const isSilent = () => port.nowMs() >= silentFromMs;
  return {
    filter: (sending) => {
      const { frame } = sending;
      if (isSilent()) return [];
      if (frame.kind !== "message") return [sending];
      return ["round-change", "decided"].includes(frame.message.kind) ? [sending] : [];
    },
    onFrame: ({ frame }) => {
      if (isSilent() || frame.kind !== "message" || frame.message.kind !== "round-change") return;
      const { height, round } = frame.message;
      const place = self.place();
      if (height !== place.height || round <= place.round || self.index() < 0) return;
      self.count();
      self.send(self.victims, asFrame(roundChange(self, { height, round })));
    },
  };
};

function kindOf(frame: Frame): string {
  return frame.kind === "message" ? frame.message.kind : frame.kind;
}
