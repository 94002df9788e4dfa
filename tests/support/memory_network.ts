/**
 * Links between members in one process: frames travel in order, one at a time, and may be lost, doubled, delayed, or cut
 * off. What happens follows from a seed, as far as the members themselves do. As on real links, two members meet while
 * each has the other in its circle; members go by the numbers of their keys.
 *
 * @module
 */
import type { Bytes } from "../../core/bytes.ts";
import { isMet, type Terms } from "../../consensus/tcp/circle.ts";
import type { Member } from "../../consensus/driver/member.ts";
import type { NetworkPort } from "../../consensus/driver/network_port.ts";
import { memberKey } from "./federation.ts";

/** What befalls frames. */
export interface Weather {
  /** Share of the frames that are lost, 0 to 1. */
  readonly loss: number;
  /** Share of the frames that come twice. */
  readonly doubling: number;
  /** A frame takes up to this long. */
  readonly delayMs: number;
}

/** Nothing happens to frames. */
export const CALM: Weather = { loss: 0, doubling: 0, delayMs: 0 };

/** What a member's links need of it. */
export type Linked = Pick<Member, "hello" | "onUp" | "onDown" | "onFrame">;

/** The network. */
export interface MemoryNetwork {
  /** The links of one member, before it is attached too. */
  readonly portOf: (index: number) => NetworkPort;
  /** A member is there: links come up with all that may meet it. */
  readonly attach: (index: number, member: Linked) => void;
  /** It is gone: its links break. Resolves when no frame is being dealt with there any more. */
  readonly detach: (index: number) => Promise<void>;
  /** From now on only members of one group meet; everybody meets when there is no group. */
  readonly split: (...groups: readonly (readonly number[])[]) => void;
  /** Members that a member has a link to. */
  readonly linksOf: (index: number) => readonly number[];
  weather: Weather;
  /** Sees each frame; what is not to arrive gets false. */
  filter: (frame: { from: number; to: number; bytes: Bytes }) => boolean;
}

interface Link {
  readonly queue: Bytes[];
  isUp: boolean;
  pumping: Promise<void>;
}

/** A network without members. */
export function memoryNetwork(seed: number): MemoryNetwork {
  const members = new Map<number, Linked>();
  const links = new Map<string, Link>();
  /** Of whoever has said so; an impostor meets everybody who meets it. */
  const terms = new Map<number, Terms>();
  const random = randomOf(seed);
  let groups: readonly (readonly number[])[] = [];

  const linkOf = (from: number, to: number) => links.get(`${from}>${to}`);
  const knows = (a: number, b: number) => {
    const known = terms.get(a);
    return known === undefined || isMet(memberKey(b).publicKey, known);
  };
  const mayMeet = (a: number, b: number) =>
    knows(a, b) && knows(b, a) && knows(a, a) && knows(b, b) &&
    (groups.length === 0 || groups.some((group) => group.includes(a) && group.includes(b)));

  function connect(a: number, b: number): void {
    const [first, second] = [members.get(a), members.get(b)];
    if (first === undefined || second === undefined || linkOf(a, b)?.isUp === true || !mayMeet(a, b)) return;
    for (const way of [`${a}>${b}`, `${b}>${a}`]) {
      links.set(way, { queue: [], isUp: true, pumping: Promise.resolve() });
    }
    const [hello, answer] = [first.hello(b), second.hello(a)];
    first.onUp(b, answer);
    second.onUp(a, hello);
  }

  function disconnect(a: number, b: number): void {
    for (const [from, to] of [[a, b], [b, a]] as const) {
      const link = linkOf(from, to);
      if (link?.isUp !== true) continue;
      link.isUp = false;
      link.queue.length = 0;
      members.get(to)?.onDown(from);
    }
  }

  async function pump({ from, to, link }: { from: number; to: number; link: Link }): Promise<void> {
    for (let bytes = link.queue[0]; bytes !== undefined && link.isUp; bytes = link.queue[0]) {
      const { delayMs } = network.weather;
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, random() * delayMs));
      if (link.isUp) await members.get(to)?.onFrame(from, bytes);
      link.queue.shift();
    }
  }

  function meetAnew(): void {
    for (const a of members.keys()) {
      for (const b of members.keys()) {
        if (a < b && !mayMeet(a, b)) disconnect(a, b);
        else if (a < b) connect(a, b);
      }
    }
  }

  function send(from: number, to: number, bytes: Bytes): boolean {
    const link = linkOf(from, to);
    if (link?.isUp !== true) return false;
    const { loss, doubling } = network.weather;
    if (!network.filter({ from, to, bytes }) || random() < loss) return true;
    const isIdle = link.queue.length === 0;
    link.queue.push(bytes);
    if (random() < doubling) link.queue.push(bytes);
    // As on a socket, nothing arrives while it is being sent.
    if (isIdle) link.pumping = link.pumping.then(() => pump({ from, to, link }));
    return true;
  }

  const network: MemoryNetwork = {
    weather: CALM,
    filter: () => true,
    portOf: (index) => ({
      send: (to, frame) => send(index, to, frame),
      broadcast: (frame) => {
        for (const to of members.keys()) if (to !== index) send(index, to, frame);
      },
      follow: (tip) => {
        terms.set(index, tip);
        if (members.has(index)) meetAnew();
      },
    }),
    attach: (index, member) => {
      members.set(index, member);
      for (const other of members.keys()) if (other !== index) connect(index, other);
    },
    detach: async (index) => {
      for (const other of members.keys()) if (other !== index) disconnect(index, other);
      members.delete(index);
      terms.delete(index);
      await Promise.all(
        [...links].filter(([way]) => way.endsWith(`>${index}`)).map(([, link]) => link.pumping),
      );
    },
    split: (...wanted) => {
      groups = wanted;
      meetAnew();
    },
    linksOf: (index) => [...members.keys()].filter((other) => linkOf(index, other)?.isUp === true),
  };
  return network;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = state + 0x6d2b79f5 >>> 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed);
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}
