/**
 * Liveness: from a drawn moment on a random quorum of correct members is healed; all other correct ones are dead, and
 * the Byzantine go on. The next block must come within the running timer and f + 2 capped ones, and a transaction that
 * all of the quorum were given within f + 1 changes of the leader.
 */
import { equal, toHex } from "../../core/bytes.ts";
import type { Federation } from "../../core/federation.ts";
import { submit } from "./faults.ts";
import { nodesOf } from "./membership.ts";
import type { NodeId, SimTransaction } from "./types.ts";
import type { World } from "./world.ts";

/** Links come up, frames travel, disks write: time that no timer of the protocol measures. */
const SLACK_MS = 5_000;
/** By then who of the quorum lagged has caught up too. */
const CATCH_UP_MS = 90_000;
/** How wrong a healed clock is at most. */
const SKEW_MS = 4_000;

/** How far the healed quorum has come. */
export interface Healing {
  /** It has done all that is asked of it, or has failed. */
  readonly isOver: () => boolean;
}

interface Goal {
  readonly quorum: readonly NodeId[];
  readonly federation: Federation;
  readonly height: number;
  readonly transaction: SimTransaction;
}

/** Plans the moment of healing. */
export function planHealing(world: World): Healing {
  const { plan, clock, checker } = world;
  let goal: Goal | null = null;
  let seen = -1;
  clock.after(plan.healAtMs, () => {
    if (checker.violation() === null) goal = heal(world);
  });
  return {
    isOver: () => {
      // Only a block somewhere brings it nearer.
      const { appended } = world.progress;
      if (goal === null || seen === appended) return false;
      seen = appended;
      if (!isReached(world, goal) || !isIncluded(world, goal)) return false;
      world.count("quorum healed");
      return true;
    },
  };
}

function heal(world: World): Goal {
  const { nodes, network, clock, checker, trace } = world;
  const random = world.random.split("healing");
  const federation = (checker.tips().at(-1) as { federation: Federation }).federation;
  const whole = nodesOf(world, federation).filter((id) => nodes.all.has(id) && !checker.hasLied(id));
  const quorum = random.shuffled(whole).slice(0, federation.quorum);
  trace.note({ node: 255, code: 9, value: quorum.length }, () => `healed: ${quorum.join(", ")}`);
  if (quorum.length < federation.quorum) {
    checker.fail("liveness", "the plan leaves no quorum of correct members");
  }
  const members = nodesOf(world, federation);
  for (const node of nodes.all.values()) {
    const isToCome = !members.includes(node.id) && node.life === 0;
    if (!quorum.includes(node.id) && !isToCome) nodes.retire(node);
  }
  Object.assign(network.weather, { loss: 0, duplication: 0, delayMs: [1, 40] });
  network.mend();
  for (const id of quorum) mendNode(world, { id, skewMs: random.between(-SKEW_MS, SKEW_MS) });
  for (const a of quorum) for (const b of world.ids) if (a !== b) network.reset(a, b);
  const height = 1 + Math.max(...quorum.map((id) => heightOf(world, id)));
  const transaction = world.clients.make(random, { isPlain: true });
  clock.after(0, () => submit(world, { transaction, takers: quorum }));
  const goal: Goal = { quorum, federation, height, transaction };
  const deadlineMs = clockMs(world) + timersMs(federation) + SLACK_MS;
  clock.after(deadlineMs, () => {
    const best = Math.max(...quorum.map((id) => heightOf(world, id)));
    if (best < height) checker.fail("liveness", `no block ${height} within ${Math.round(deadlineMs)} ms`);
  });
  clock.after(deadlineMs + CATCH_UP_MS, () => {
    if (!isReached(world, goal)) {
      checker.fail("liveness", `a healed member is not at block ${height} for long`);
    }
  });
  return goal;
}

function mendNode({ nodes, clock }: World, { id, skewMs }: { id: NodeId; skewMs: number }): void {
  const node = nodes.all.get(id);
  if (node === undefined) return;
  node.armed = null;
  node.full = null;
  nodes.pause(node, clock.nowMs());
  node.skewMs = skewMs;
  nodes.start(node);
}

/** The timer that runs, f leaders that are of no use, one that is cut short, and one more. */
function timersMs({ faults, document: { parameters } }: Federation): number {
  return (1 + faults + 2) * parameters.roundTimeoutMaxMs;
}

/** Until the healed clocks have come near the last block's time, no new block is near them. */
function clockMs({ checker, trueMs }: World): number {
  const { parent, federation } = checker.tips().at(-1) as ReturnType<typeof checker.tips>[number];
  return Math.max(0, parent.time + SKEW_MS - federation.document.parameters.maxDriftMs - trueMs());
}

function heightOf({ nodes }: World, id: NodeId): number {
  const node = nodes.all.get(id);
  return node?.member?.tip().parent.height ?? node?.disk.openStore().blocks.length ?? 0;
}

function isReached(world: World, { quorum, height }: Goal): boolean {
  return quorum.every((id) => world.nodes.all.get(id)?.isRetired || heightOf(world, id) >= height);
}

function hasRoom(
  transactions: readonly SimTransaction[],
  { document: { parameters: { maxBlockBytes, maxTransactionBytes } } }: Federation,
): boolean {
  return transactions.reduce((sum, { size }) => sum + size, maxTransactionBytes) <= maxBlockBytes;
}

/** Whether the transaction is in; a violation when it is not after f + 1 changes of the leader. */
function isIncluded({ checker, count }: World, { federation, height, transaction }: Goal): boolean {
  let changes = 0;
  const chain = checker.chain();
  for (let at = height; at <= chain.length; at++) {
    const { proposal: { header, ids }, transactions } = chain[at - 1] as typeof chain[number];
    const before = chain[at - 2]?.proposal.header;
    const isChange = before !== undefined && !equal(before.proposer, header.proposer);
    // While blocks are full, what came before it is taken first.
    if (isChange && hasRoom(transactions, federation)) changes++;
    if (ids.some((id) => toHex(id) === toHex(transaction.id))) {
      count("transaction in within f+1 leader changes");
      return true;
    }
    if (changes > federation.faults + 1) {
      checker.fail("liveness", `the transaction is not in after ${changes} changes of the leader`);
      return false;
    }
  }
  return false;
}
