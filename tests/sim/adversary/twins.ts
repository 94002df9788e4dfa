/**
 * Twins: two copies of a member with one key, both running the real code, each with some of the peers. Who serves
 * whom changes now and then. Without a twin, the one copy serves everybody.
 */
import type { AdversaryPort, Copy, Frame, Hello, NodeId, Random, Sending } from "../types.ts";

/** The copies that stand for one node. */
export interface Twins {
  /** The first copy. */
  readonly face: Copy;
  readonly receive: (from: NodeId, frame: Frame) => void;
  readonly up: (peer: NodeId, hello: Hello) => void;
  readonly down: (peer: NodeId) => void;
  readonly hello: (peer: NodeId) => Hello;
  /** Who serves whom may change. */
  readonly shuffle: () => void;
}

/** Starts one copy, or two. */
export function openTwins(
  port: AdversaryPort,
  { node, random, isDouble, onSend }: {
    node: NodeId;
    random: Random;
    isDouble: boolean;
    onSend: (sending: Sending) => void;
  },
): Twins {
  const serves: ((peer: NodeId) => boolean)[] = [];
  const spawn = (turn: number) =>
    port.spawn(node, (to, frame) => {
      if (serves[turn]?.(to) ?? true) onSend({ from: node, to, frame });
    });
  const copies: Copy[] = [spawn(0)];
  if (isDouble) copies.push(spawn(1));
  if (isDouble) port.count("twins");

  /** Each peer has the first, the second, or both. */
  function share(): void {
    const shares = new Map(port.allNodes.map((peer) => [peer, random.below(5)]));
    serves[0] = (peer) => [0, 1, 4].includes(shares.get(peer) ?? 0);
    serves[1] = (peer) => [2, 3, 4].includes(shares.get(peer) ?? 0);
  }

  if (isDouble) share();
  return {
    face: copies[0] as Copy,
    receive: (from, frame) =>
      copies.forEach((copy, turn) => {
        if (serves[turn]?.(from) ?? true) copy.receive(from, frame);
      }),
    // Its own votes, shown to it by a peer, would make a copy follow.
    up: (peer, hello) => copies.forEach((copy) => copy.up(peer, { ...hello, shown: null })),
    down: (peer) => copies.forEach((copy) => copy.down(peer)),
    hello: (peer) => (copies[0] as Copy).hello(peer),
    shuffle: () => {
      if (isDouble && random.chance(0.1)) share();
    },
  };
}
