/** Everything that is drawn for a seed. Members that are Byzantine, and those whose disks lie, are at most f. */
import { faultsOf } from "../../core/federation.ts";
import { exchanged, membersOf } from "./federations.ts";
import { makeRandom } from "./random.ts";
import type { Beside, Change, DiskFate, Fault, Plan } from "./plan.ts";
import type { NodeId, Random } from "./types.ts";

/** Members of the first federation. */
const SIZES = [1, 2, 3, 4, 4, 4, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 10];

/** One seed of so many is run with real encoding, signatures and transactions. */
const REAL_EVERY = 100;

/** What every plan of a campaign has, instead of by chance. */
export type Bias = "federation";

/** Draws the plan of a seed; the same seed and bias give the same plan. */
export function drawPlan(seed: number, bias?: Bias): Plan {
  const random = makeRandom(`seed ${seed}`).split("plan");
  const isReal = seed % REAL_EVERY === REAL_EVERY - 1;
  const n = random.pick(SIZES);
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
  const drawnFaulty = random.below(faultsOf(n) + 1);
  // Who looks for what liars do to changes wants liars.
  const faulty = shuffled.slice(0, bias === undefined ? drawnFaulty : faultsOf(n));
  const byzantine = faulty.filter(() => random.chance(bias === undefined ? 0.6 : 0.8)).sort((a, b) => a - b);
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
  const changing = random.split("changes");
  const isChanging = changing.chance(0.4) || bias === "federation";
  const drawn = { ...bare, liars };
  const { changes, recruits } = isChanging ? drawChanges(changing, drawn) : { changes: [], recruits: [] };
  const skew = random.split("clocks");
  const isSkewed = skew.chance(0.5);
  const reserves = new Set(changes.flatMap(({ joins }) => joins === null || joins < n ? [] : [joins])).size;
  return {
    ...bare,
    byzantine: [...byzantine, ...recruits],
    reserves,
    skewMs: Array.from({ length: n + reserves }, () => isSkewed ? skew.between(-10_000, 10_000) : 0),
    faults: [...changes, ...drawFaults(random.split("faults"), { ...drawn, size: n + reserves })]
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

/** Changes that keep the faulty ones within what each federation bears, and those who join as Byzantine. */
function drawChanges(
  random: Random,
  { n, byzantine, liars, healAtMs }: Drawn,
): { readonly changes: readonly Change[]; readonly recruits: readonly NodeId[] } {
  const changes: Change[] = [];
  const recruits: NodeId[] = [];
  let next = n;
  const times = Array.from({ length: 1 + random.below(4) }, () => random.between(500, healAtMs * 0.8));
  for (const atMs of times.sort((a, b) => a - b)) {
    const lists = membersOf({ n, faults: changes });
    const members = lists.at(-1) as readonly NodeId[];
    const kind = random.pick(["add", "add", "remove", "replace", "rotate"] as const);
    const gone = [...new Set(lists.flat())].filter((node) => !members.includes(node));
    const isBack = gone.length > 0 && kind !== "rotate" && random.chance(0.3);
    const joins = kind === "remove" ? null : isBack ? random.pick(gone) : next;
    const leaves = kind === "add" ? null : random.pick(members);
    const after = exchanged(members, { leaves, joins });
    const faulty = [...byzantine, ...liars, ...recruits];
    const left = faultsOf(after.length) - after.filter((node) => faulty.includes(node)).length;
    if (after.length === 0 || after.length > MOST_MEMBERS || left < 0) continue;
    if (joins === next && left > 0 && random.chance(0.25)) recruits.push(next);
    if (joins === next) next++;
    changes.push({
      kind: "federation",
      atMs,
      leaves,
      joins,
      isRotation: kind === "rotate",
      isCopied: kind === "rotate" || random.chance(0.5),
      beside: BESIDE.filter(() => random.chance(0.4)),
    });
  }
  return { changes, recruits };
}

/** What operators may do beside a change. */
const BESIDE: readonly Beside[] = ["rival", "follower", "follower of the rival", "again"];
/** A document of so many members, and what must be left for the next, fits into a transaction. */
const MOST_MEMBERS = 12;

function drawFaults(random: Random, drawn: Drawn & { readonly size: number }): readonly Fault[] {
  const { size, liars, healAtMs } = drawn;
  const nodes = Array.from({ length: size }, (_, node) => node);
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
