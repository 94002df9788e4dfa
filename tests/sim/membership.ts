/** What follows from blocks of correct nodes: counters go up, and who has left ends. */
import { equal } from "../../core/bytes.ts";
import type { Federation } from "../../core/federation.ts";
import type { Tip } from "../../core/ports.ts";
import type { DecidedBlock } from "./ledger.ts";
import type { SimNode } from "./nodes.ts";
import type { NodeId } from "./types.ts";
import type { World } from "./world.ts";

/** After a quorum has gone on without it, who has left ends; not at once, as an operator does it. */
const LEAVE_MS = 3_000;

/** A correct node has appended a block. */
export function onBlock(
  world: World,
  { node, decided, tip }: { readonly node: SimNode; readonly decided: DecidedBlock; readonly tip: Tip },
): void {
  const { checker, trace, clock, progress } = world;
  const { height, federation } = decided.proposal.header;
  trace.note({ node: node.id, code: 8, value: decided.hash[0] as number }, () => `has block ${height}`);
  progress.appended++;
  const isFirst = height > checker.chain().length;
  checker.onAppended(node.id, decided);
  if (checker.violation() !== null) return;
  if (isFirst) cover(world, decided);
  // Not within the node's own step.
  if (!equal(federation, tip.federation.hash)) clock.after(0, () => part(world));
}

/** The members' nodes, in order of index. */
export function nodesOf({ ids, shared }: World, federation: Federation): readonly NodeId[] {
  const { nodeAt } = shared(ids[0] as NodeId);
  return federation.document.members.map((_, index) => nodeAt(federation, index));
}

function cover({ checker, count }: World, { proposal: { header }, certificate }: DecidedBlock): void {
  if (certificate.round > 0) count("decided above round 0");
  const before = checker.tips()[header.height - 1] as Tip;
  const { tenureBlocks } = before.federation.document.parameters;
  const isMoved = before.header !== null && !equal(before.header.proposer, header.proposer);
  if (header.height % tenureBlocks === 0 && header.createdRound === 0 && isMoved) {
    count("leader moved by tenure");
  }
  if (equal(header.federation, header.nextFederation)) return;
  const [from, to] = [before.federation, before.nextFederation];
  const [n, next] = [from.document.members.length, to.document.members.length];
  count(
    next > n ? "a larger federation" : next < n ? "a smaller federation" : "a federation of the same size",
  );
}

/** Who has left goes on until a quorum is without it. */
function part(world: World): void {
  const { nodes, clock, checker } = world;
  const { federation } = checker.tips().at(-1) as Tip;
  const members = nodesOf(world, federation);
  const { sequence } = federation.document;
  const arrived = members.filter((id) => {
    const tip = nodes.all.get(id)?.member?.tip();
    return tip !== undefined && tip.federation.document.sequence >= sequence;
  });
  if (arrived.length < federation.quorum) return;
  for (const node of nodes.all.values()) {
    if (node.isUp && hasLeft(world, node.id)) {
      clock.after(LEAVE_MS, () => hasLeft(world, node.id) && nodes.retire(node));
    }
  }
}

/** Whether a node was a member, and is none and will not be one at the newest block. */
function hasLeft(world: World, id: NodeId): boolean {
  const tips = world.checker.tips();
  const { federation, nextFederation } = tips.at(-1) as Tip;
  const isOf = (each: Federation) => nodesOf(world, each).includes(id);
  return !isOf(federation) && !isOf(nextFederation) && tips.some((tip) => isOf(tip.federation));
}
