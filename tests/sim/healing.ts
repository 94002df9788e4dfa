/**
 * Liveness: from a drawn moment on a random quorum of correct members is healed; all other correct ones are dead, and
 * the Byzantine go on. The next block must come within the running timer and f + 2 capped ones, and a transaction that
 * all of the quorum were given within f + 1 changes of the leader.
 */
import { equal, toHex } from "../../core/bytes.ts";
import type { Federation } from "../../core/federation.ts";
import { submit } from "./faults.ts";
import { nodesOf } from "./membership.ts";
import type { Tip } from "../../core/ports.ts";
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
  /** Grows where a change of the federation needs more. */
  readonly healed: Set<NodeId>;
  readonly federation: Federation;
  /** The first block that is asked for. */
  readonly height: number;
  /** The block that is due now. */
  due: number;
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
      if (!isSettled(world, goal) || !isReached(world, goal) || !isIncluded(world, goal)) return false;
      world.count("quorum healed");
      return true;
    },
  };
}

function heal(world: World): Goal {
  const { nodes, network, clock, checker, trace } = world;
  const random = world.random.split("healing");
  const healed = new Set<NodeId>();
  const { federation } = bringIn(world, healed);
  trace.note({ node: 255, code: 9, value: healed.size }, () => `healed: ${[...healed].join(", ")}`);
  for (const node of nodes.all.values()) if (!healed.has(node.id)) nodes.retire(node);
  Object.assign(network.weather, { loss: 0, duplication: 0, delayMs: [1, 40] });
  network.mend();
  for (const id of healed) mendNode(world, { id, skewMs: random.between(-SKEW_MS, SKEW_MS) });
  for (const a of healed) for (const b of world.ids) if (a !== b) network.reset(a, b);
  const height = 1 + heightOfAll(world, healed);
  const transaction = world.clients.make(random, { isPlain: true });
  clock.after(0, () => submit(world, { transaction, takers: [...healed] }));
  const goal: Goal = { healed, federation, height, due: height, transaction };
  expect(world, goal, 0);
  const deadlineMs = clockMs(world) + timersMs(federation) + SLACK_MS;
  clock.after(deadlineMs + CATCH_UP_MS, () => {
    if (!isReached(world, goal)) {
      checker.fail("liveness", `a healed member is not at block ${height} for long`);
    }
  });
  return goal;
}

/**
 * Adds correct members, drawn, until there is a quorum of the federation in force at the highest block that they have,
 * and of the one that follows it; gives the tip after that block.
 */
function bringIn(world: World, healed: Set<NodeId>): Tip {
  const { nodes, checker } = world;
  const random = world.random.split(`healing ${healed.size}`);
  const newest = checker.tips().at(-1) as Tip;
  for (const federation of [newest.federation, newest.nextFederation]) fill(federation);
  for (let height = -1;;) {
    const best = heightOfAll(world, healed);
    const tip = checker.tips()[best] as Tip;
    if (best === height) return tip;
    height = best;
    for (const federation of [tip.federation, tip.nextFederation]) fill(federation);
  }

  function fill(federation: Federation): void {
    const members = nodesOf(world, federation);
    const whole = members.filter((id) => nodes.all.has(id) && !checker.hasLied(id));
    const lacking = federation.quorum - whole.filter((id) => healed.has(id)).length;
    const more = random.shuffled(whole.filter((id) => !healed.has(id))).slice(0, Math.max(0, lacking));
    for (const id of more) healed.add(id);
    if (more.length < lacking) checker.fail("liveness", "the plan leaves no quorum of correct members");
  }
}

/** The block that is due must come in time. */
function expect(world: World, goal: Goal, waitMs: number): void {
  const { due, healed } = goal;
  const { federation } = world.checker.tips()[due - 1] as Tip;
  const deadlineMs = clockMs(world) + timersMs(federation) + SLACK_MS + waitMs;
  world.clock.after(deadlineMs, () => {
    if (heightOfAll(world, healed) < due) {
      world.checker.fail("liveness", `no block ${due} within ${Math.round(deadlineMs)} ms`);
    }
  });
}

/**
 * Whether nothing more is due. While the federation changes, operators see to it that a quorum of the next one runs,
 * and its first block is due as well; then there may be no work, and it comes with the heartbeat.
 */
function isSettled(world: World, goal: Goal): boolean {
  const { checker } = world;
  const newest = checker.tips().length - 1;
  const tip = checker.tips()[newest] as Tip;
  const { federation, nextFederation, signedBy } = tip;
  const isChanging = federation !== nextFederation || signedBy !== federation;
  if (isChanging) {
    const before = new Set(goal.healed);
    bringIn(world, goal.healed);
    for (const id of goal.healed) if (!before.has(id)) mendNode(world, { id, skewMs: 0 });
  }
  if (newest < goal.due) return false;
  if (!isChanging) return true;
  goal.due = newest + 1;
  world.count("first block of a federation after healing");
  expect(world, goal, federation.document.parameters.heartbeatMs);
  return false;
}

function mendNode({ nodes, network, clock }: World, { id, skewMs }: { id: NodeId; skewMs: number }): void {
  const node = nodes.all.get(id);
  if (node === undefined) return;
  node.armed = null;
  node.full = null;
  nodes.pause(node, clock.nowMs());
  node.skewMs = skewMs;
  if (!node.isUp) nodes.revive(node);
  else network.dial(id);
}

/** The timer that runs, f leaders that are of no use, one that is cut short, and one more. */
function timersMs({ faults, document: { parameters } }: Federation): number {
  return (1 + faults + 2) * parameters.roundTimeoutMaxMs;
}

/** Until the healed clocks have come near the last block's time, no new block is near them. */
function clockMs({ checker, trueMs }: World): number {
  const { parent, federation } = checker.tips().at(-1) as Tip;
  return Math.max(0, parent.time + SKEW_MS - federation.document.parameters.maxDriftMs - trueMs());
}

function heightOf({ nodes, checker }: World, id: NodeId): number {
  const node = nodes.all.get(id);
  const height = node?.member?.tip().parent.height ?? node?.disk.openStore().blocks.length ?? 0;
  // A start may finish an append of which nobody has heard yet.
  return Math.min(height, checker.chain().length);
}

function heightOfAll(world: World, ids: Iterable<NodeId>): number {
  return Math.max(0, ...[...ids].map((id) => heightOf(world, id)));
}

function isReached(world: World, { healed, height }: Goal): boolean {
  return [...healed].every((id) => world.nodes.all.get(id)?.isRetired || heightOf(world, id) >= height);
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
  let { faults } = federation;
  const [chain, tips] = [checker.chain(), checker.tips()];
  for (let at = height; at <= chain.length; at++) {
    const { proposal: { header, ids }, transactions } = chain[at - 1] as typeof chain[number];
    const before = chain[at - 2]?.proposal.header;
    // Who leaves the federation takes its turn along: that is no change of the leader that anybody could wait for.
    const isSame = before !== undefined && equal(before.federation, header.federation);
    const isChange = isSame && !equal(before.proposer, header.proposer);
    faults = Math.max(faults, tips[at - 1]?.federation.faults ?? 0);
    // While blocks are full, what came before it is taken first.
    if (isChange && hasRoom(transactions, federation)) changes++;
    if (ids.some((id) => toHex(id) === toHex(transaction.id))) {
      count("transaction in within f+1 leader changes");
      return true;
    }
    if (changes > faults + 1) {
      checker.fail("liveness", `the transaction is not in after ${changes} changes of the leader`);
      return false;
    }
  }
  return false;
}
