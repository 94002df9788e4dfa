/** Lets the drawn faults and the clients' transactions happen at their times, until the schedule heals. */
import { strikeChange } from "./operators.ts";
import type { Fault } from "./plan.ts";
import type { NodeId, SimTransaction } from "./types.ts";
import type { World } from "./world.ts";

/** Plans everything that goes wrong, and the load. */
export function scheduleFaults(world: World): void {
  const { plan, clock } = world;
  for (const [number, fault] of plan.faults.entries()) {
    clock.after(fault.atMs, () => strike(world, { fault, number }));
  }
  const random = world.random.split("workload");
  for (let i = 0; i < plan.transactions; i++) {
    clock.after(random.between(0, plan.healAtMs), () => {
      const transaction = world.clients.make(random);
      const up = world.ids.filter((id) => world.nodes.all.get(id)?.isUp);
      const takers = random.shuffled(up).slice(0, random.chance(0.7) ? 1 : 3);
      submit(world, { transaction, takers });
    });
  }
}

/** Clients give a transaction to nodes. */
export function submit(
  { nodes }: World,
  { transaction, takers }: { transaction: SimTransaction; takers: readonly NodeId[] },
): void {
  for (const id of takers) {
    const node = nodes.all.get(id);
    if (node !== undefined) nodes.at(node, (member) => member.submit([transaction]));
  }
}

function strike(world: World, { fault, number }: { fault: Fault; number: number }): void {
  const { clock, network, nodes, count, ids, trace } = world;
  trace.note({ node: 255, code: 7, value: fault.kind.length }, () => `fault: ${JSON.stringify(fault)}`);
  switch (fault.kind) {
    case "crash": {
      const node = nodes.all.get(fault.node);
      if (node === undefined || !node.isUp) return;
      if (fault.atAction === 0) nodes.crash(node, fault);
      else node.armed = { actions: fault.atAction, fault };
      return;
    }
    case "disk-full": {
      const node = nodes.all.get(fault.node);
      if (node === undefined) return;
      const isSticky = fault.forMs > 0;
      node.full = { writes: fault.atWrite, untilMs: clock.nowMs() + fault.forMs, isSticky };
      return;
    }
    case "pause": {
      const node = nodes.all.get(fault.node);
      if (node === undefined) return;
      count("pause");
      nodes.pause(node, Math.max(node.pausedUntilMs, clock.nowMs() + fault.forMs));
      return;
    }
    case "clock": {
      const node = nodes.all.get(fault.node);
      if (node === undefined) return;
      count("clock jump");
      node.skewMs += fault.byMs;
      return;
    }
    case "cut": {
      count("one-way cut");
      const cut = network.cut(fault.from, fault.to);
      return clock.after(fault.forMs, cut.end);
    }
    case "partition": {
      count("partition");
      const inside = new Set(fault.side);
      const pairs = fault.side.flatMap((a) => ids.filter((b) => !inside.has(b)).map((b) => [a, b] as const));
      const cuts = pairs.flatMap(([a, b]) => [network.cut(a, b), network.cut(b, a)]);
      if (fault.isAbrupt) { for (const [a, b] of pairs) network.reset(a, b); }
      return clock.after(fault.forMs, () => cuts.forEach(({ end }) => end()));
    }
    case "federation":
      return strikeChange(world, { change: fault, number });
  }
}
