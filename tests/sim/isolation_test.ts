/**
 * Ten virtual minutes without a quorum and with work pending: members alone, or in groups that are drawn anew and never
 * suffice. Once a quorum reach each other again, the next block must come within one capped timer; also when the others
 * are gone for good, and when the processes of the quorum are new ones that have never heard of those.
 */
import assert from "node:assert/strict";
import { makeAdversary } from "./adversary/adversary.ts";
import { violationText } from "./failures.ts";
import { submit } from "./faults.ts";
import type { Plan } from "./plan.ts";
import type { NodeId } from "./types.ts";
import { makeWorld, type World } from "./world.ts";

const ISOLATED_FROM_MS = 5_000;
const ISOLATED_MS = 600_000;
const CAP_MS = 16_000;
/** Links are dialed anew, for at most two seconds, and frames and disks take their time: no timer of the protocol's. */
const SLACK_MS = 3_000;
/** Before the end of the isolation. */
const RESTARTED_MS = 10_000;
const SEEDS = 12;

function planOf(seed: number, n: number): Plan {
  return {
    seed,
    n,
    reserves: 0,
    byzantine: [],
    isReal: false,
    tenureBlocks: 64,
    roundTimeoutMs: 1_000,
    roundTimeoutMaxMs: CAP_MS,
    heartbeatMs: 30_000,
    loss: 0,
    duplication: 0,
    delayMs: [1, 40],
    writeMs: [0.1, 5],
    skewMs: Array.from({ length: n }, () => 0),
    faults: [],
    transactions: 0,
    healAtMs: ISOLATED_FROM_MS + ISOLATED_MS,
    untilMs: ISOLATED_FROM_MS + ISOLATED_MS + 4 * CAP_MS,
    maxEvents: 10_000_000,
  };
}

/** What stands in the way; `end` takes all of it away. */
type Groups = (world: World) => { readonly end: () => void };

/** From now on nothing passes between members of different groups; some links notice at once, others by silence. */
function separate(world: World, groups: readonly (readonly NodeId[])[]): () => void {
  const { network, ids, random } = world;
  const draw = random.split(`groups ${world.clock.nowMs()}`);
  const ends: (() => void)[] = [];
  for (const a of ids) {
    for (const b of ids.filter((id) => id > a)) {
      if (groups.some((group) => group.includes(a) && group.includes(b))) continue;
      ends.push(network.cut(a, b).end, network.cut(b, a).end);
      if (draw.chance(0.5)) network.reset(a, b);
    }
  }
  return () => ends.forEach((end) => end());
}

const alone: Groups = (world) => ({ end: separate(world, world.ids.map((id) => [id])) });

/** Groups below a quorum, drawn anew every now and then: the members' rounds may come apart. */
const shifting: Groups = (world) => {
  const random = world.random.split("shifting");
  const { quorum } = world.federation;
  let isOver = false;
  let end = () => {};
  const shift = () => {
    if (isOver) return;
    end();
    const rest = [...random.shuffled(world.ids)];
    const groups: NodeId[][] = [];
    while (rest.length > 0) groups.push(rest.splice(0, 1 + random.below(quorum - 1)));
    end = separate(world, groups);
    world.clock.after(random.between(200, 40_000), shift);
  };
  shift();
  return {
    end: () => {
      isOver = true;
      end();
    },
  };
};

interface Trial {
  readonly plan: Plan;
  readonly groups: Groups;
  /** Whether all that a quorum can do without end during the isolation, and the others start anew at its end. */
  readonly isHard: boolean;
}

interface Outcome {
  /** From the end of the isolation to the next block, in virtual milliseconds. */
  readonly tookMs: number;
  /** The highest and the lowest round when it ended. */
  readonly rounds: readonly [number, number];
}

/** As many as a quorum can do without end for good; the others stop and start again shortly before they are healed. */
function loseAndRestart({ nodes, clock, ids, random, federation, plan }: World): void {
  const { quorum } = federation;
  for (const [i, id] of random.split("lost").shuffled(ids).entries()) {
    const node = nodes.all.get(id);
    if (node === undefined) continue;
    if (i >= quorum) nodes.retire(node);
    else {
      const atMs = plan.healAtMs - RESTARTED_MS - clock.nowMs();
      clock.after(atMs, () => nodes.crash(node, { disk: "intact", lost: 0, downMs: 500 }));
    }
  }
}

function run({ plan, groups, isHard }: Trial): Outcome {
  const world = makeWorld({ plan, adversary: makeAdversary }, () => {});
  const { clock, checker, nodes } = world;
  const random = world.random.split("work");
  for (const node of nodes.all.values()) nodes.start(node);
  const give = () =>
    submit(world, { transaction: world.clients.make(random, { isPlain: true }), takers: world.ids });
  clock.after(1_000, give);
  const until = (ms: number) => {
    while (checker.violation() === null && clock.next(ms));
    const violation = checker.violation();
    assert(violation === null, `seed ${plan.seed}: ${violation === null ? "" : violationText(violation)}`);
  };
  until(ISOLATED_FROM_MS);
  const before = checker.chain().length;
  assert(before > 0, "no block before the isolation");
  const { end } = groups(world);
  if (isHard) loseAndRestart(world);
  // Each of them has work, so nobody rests in round 0.
  clock.after(100, give);
  until(plan.healAtMs);
  const isolated = checker.chain().length;
  assert(isolated <= before + 1, `seed ${plan.seed}: decided without a quorum`);
  const states = [...nodes.all.values()].map((node) => node.member?.state());
  const rounds = states.map((state) => state?.round ?? 0);
  end();
  let atMs = clock.nowMs();
  while (checker.chain().length === isolated && clock.next(plan.untilMs)) atMs = clock.nowMs();
  return { tookMs: atMs - plan.healAtMs, rounds: [Math.max(...rounds), Math.min(...rounds)] };
}

for (const [where, groups] of [["alone", alone], ["in shifting groups", shifting]] as const) {
  for (const isHard of [false, true]) {
    const what = isHard ? `${where}, some dead and all others restarted` : where;
    Deno.test(`ten minutes ${what}, with work pending: the next block comes within one capped timer`, () => {
      const outcomes: Outcome[] = [];
      for (const n of [4, 5, 6, 7, 10]) {
        for (let seed = 0; seed < SEEDS; seed++) {
          const outcome = run({ plan: planOf(seed, n), groups, isHard });
          outcomes.push(outcome);
          const text = `n ${n}, seed ${seed}: rounds ${outcome.rounds.join(" to ")}`;
          assert(outcome.tookMs <= CAP_MS + SLACK_MS, `${text}, ${Math.round(outcome.tookMs)} ms`);
        }
      }
      const worst = Math.max(...outcomes.map(({ tookMs }) => tookMs));
      const round = Math.max(...outcomes.map(({ rounds }) => rounds[0]));
      console.log(`${outcomes.length} schedules: at most ${Math.round(worst)} ms, up to round ${round}`);
    });
  }
}
