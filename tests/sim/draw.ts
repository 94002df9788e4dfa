/** Everything that is drawn for a seed. Members that are Byzantine, and those whose disks lie, are at most f. */
import { faultsOf } from "../../core/federation.ts";
import { membersOf } from "./federations.ts";
import { makeRandom } from "./random.ts";
import type { DiskFate, Fault, Plan } from "./plan.ts";
import type { NodeId, Random } from "./types.ts";

/** One seed of so many is run with real encoding, signatures and transactions. */
const REAL_EVERY = 100;

/** Draws the plan of a seed; the same seed gives the same plan. */
export function drawPlan(seed: number): Plan {
  const random = makeRandom(`seed ${seed}`).split("plan");
  const isReal = seed % REAL_EVERY === REAL_EVERY - 1;
  const n = random.pick([1, 4, 4, 4, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 10]);
  const isStormy = random.chance(0.6);
  // Now and then long enough for members to be apart for minutes.
  const isLong = !isReal && random.chance(0.02);
  const healAtMs = isLong ? random.between(60_000, 240_000) : random.between(3_000, isReal ? 12_000 : 25_000);
  const roundTimeoutMs = random.pick([400, 1_000, 1_000, 2_000]);
  const delayMs = random.pick([[1, 5], [5, 60], [1, 300], [20, 900]] as const);
  // Below that no round could end well.
  const roundTimeoutMaxMs = Math.max(roundTimeoutMs * random.pick([2, 4, 8, 16]), 5 * delayMs[1]);
  const members = Array.from({ length: n }, (_, node) => node);
  const shuffled = random.shuffled(members);
  const faulty = shuffled.slice(0, random.below(faultsOf(n) + 1));
  const byzantine = faulty.filter(() => random.chance(0.6)).sort((a, b) => a - b);
  const liars = faulty.filter((node) => !byzantine.includes(node));
  const bare = {
    seed,
    n,
    isReal,
    byzantine,
    tenureBlocks: random.pick([1, 2, 3, 5, 8, 64]),
    roundTimeoutMs,
    roundTimeoutMaxMs,
    heartbeatMs: isLong ? 30_000 : random.pick([3_000, 6_000, 15_000]),
    loss: isStormy && random.chance(0.6) ? random.between(0, 0.3) : 0,
    duplication: isStormy && random.chance(0.5) ? random.between(0, 0.2) : 0,
    delayMs,
    writeMs: random.pick([[0.1, 1], [1, 10], [1, 80]] as const),
    transactions: 2 + random.below(isReal ? 8 : 20),
    healAtMs,
    untilMs: healAtMs + 400_000,
    maxEvents: 60_000,
  };
  const changes = isReal ? [] : drawChanges(random.split("changes"), { ...bare, liars });
  const skew = random.split("clocks");
  const isSkewed = skew.chance(0.5);
  const reserves = changes.filter(({ joins }) => joins !== null).length;
  return {
    ...bare,
    reserves,
    skewMs: Array.from({ length: n + reserves }, () => isSkewed ? skew.between(-10_000, 10_000) : 0),
    faults: [...changes, ...drawFaults(random.split("faults"), { ...bare, liars })]
      .sort((a, b) => a.atMs - b.atMs),
  };
}

interface Drawn {
  readonly n: number;
  readonly byzantine: readonly NodeId[];
  /** Nodes whose disks lie. */
  readonly liars: readonly NodeId[];
  readonly healAtMs: number;
}

type Change = Extract<Fault, { kind: "federation" }>;

/** Changes that keep the faulty ones within what each federation bears. */
function drawChanges(random: Random, { n, byzantine, liars, healAtMs }: Drawn): readonly Change[] {
  const changes: Change[] = [];
  if (n < 4 || random.chance(0.6)) return changes;
  const faulty = [...byzantine, ...liars];
  let next = n;
  const times = Array.from({ length: 1 + random.below(3) }, () => random.between(500, healAtMs * 0.8));
  for (const atMs of times.sort((a, b) => a - b)) {
    const members = membersOf({ n, faults: changes }).at(-1) as readonly NodeId[];
    const correct = members.filter((node) => !faulty.includes(node));
    const kind = random.pick(["add", "remove", "replace"] as const);
    const smaller = kind === "remove" ? members.length - 1 : members.length;
    if (smaller < 4 || faulty.length > faultsOf(smaller)) continue;
    const leaves = kind === "add" ? null : random.pick(correct);
    changes.push({ kind: "federation", atMs, leaves, joins: kind === "remove" ? null : next++ });
  }
  return changes;
}

function drawFaults(random: Random, drawn: Drawn): readonly Fault[] {
  const { n, liars, healAtMs } = drawn;
  const nodes = Array.from({ length: n }, (_, node) => node);
  const moment = () => random.between(0, healAtMs);
  const faults: Fault[] = [];
  const kinds = random.shuffled(
    ["crash", "disk-full", "pause", "clock", "cut", "partition", "isolate"] as const,
  )
    .slice(0, random.below(8));
  for (const node of liars) {
    faults.push(lyingCrash(random, { node, atMs: random.between(2_000, healAtMs * 0.9) }));
  }
  for (const kind of kinds) {
    for (let i = random.below(4); i >= 0; i--) {
      const fault = drawFault(random, { kind, nodes, atMs: moment() });
      if (fault !== null) faults.push(fault);
    }
  }
  return faults;
}

function lyingCrash(random: Random, { node, atMs }: { node: NodeId; atMs: number }): Fault {
  const disk: DiskFate = random.pick(["store-back", "store-back", "machine-back", "machine-back", "wiped"]);
  const downMs = random.between(10, 5_000);
  return { kind: "crash", node, atMs, atAction: random.below(12), downMs, disk, lost: random.between(0, 1) };
}

function drawFault(
  random: Random,
  { kind, nodes, atMs }: {
    kind: "crash" | "disk-full" | "pause" | "clock" | "cut" | "partition" | "isolate";
    nodes: readonly NodeId[];
    atMs: number;
  },
): Fault | null {
  const node = random.pick(nodes);
  const forMs = random.chance(0.7) ? random.between(100, 4_000) : random.between(4_000, 30_000);
  switch (kind) {
    case "crash": {
      const disk: DiskFate = random.chance(0.7) ? "intact" : "torn";
      return {
        kind,
        node,
        atMs,
        atAction: random.below(20),
        downMs: random.between(10, 8_000),
        disk,
        lost: 0,
      };
    }
    case "disk-full":
      return { kind, node, atMs, atWrite: random.below(10), forMs: random.chance(0.5) ? 0 : forMs };
    case "pause":
      return { kind, node, atMs, forMs };
    case "clock":
      return { kind, node, atMs, byMs: random.between(-10_000, 10_000) };
    case "cut": {
      const others = nodes.filter((each) => each !== node);
      return others.length === 0 ? null : { kind, from: node, to: random.pick(others), atMs, forMs };
    }
    case "partition": {
      const side = random.shuffled(nodes).slice(0, random.below(nodes.length));
      return side.length === 0 ? null : { kind, side, isAbrupt: random.chance(0.5), atMs, forMs };
    }
    case "isolate":
      return nodes.length === 1
        ? null
        : { kind: "partition", side: [node], isAbrupt: true, atMs, forMs: random.between(30_000, 300_000) };
  }
}
