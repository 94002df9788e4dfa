/**
 * Links between nodes, as TCP gives them: in order, with an end that both sides hear of, and a greeting when a new one
 * stands. Harsher than TCP, single frames may be lost or come twice.
 */
import { LIMITS } from "../../core/limits.ts";
import type { Frame, Hello, NodeId, Random } from "./types.ts";

/** What the network tells a node, and asks of it. */
export interface Ends {
  /** Whether the node can be connected to at all. */
  readonly isUp: (node: NodeId) => boolean;
  /** Whether the node meets the other: both are members, or were until a moment ago, as far as it knows. */
  readonly knows: (node: NodeId, peer: NodeId) => boolean;
  readonly hello: (node: NodeId, peer: NodeId) => Hello;
  readonly onUp: (node: NodeId, peer: NodeId, hello: Hello) => void;
  readonly onDown: (node: NodeId, peer: NodeId) => void;
  readonly onFrame: (node: NodeId, from: NodeId, frame: Frame) => void;
}

/** How links behave; changes when the schedule heals. */
export interface Weather {
  loss: number;
  duplication: number;
  delayMs: readonly [number, number];
}

/** All links. */
export interface Network {
  /** False when no link stands; `extraMs` on top of the link's delay. */
  readonly send: (from: NodeId, to: NodeId, frame: Frame, extraMs?: number) => boolean;
  readonly peersOf: (node: NodeId) => readonly NodeId[];
  /** A process has come up: it dials, and is dialed by, all that it can reach. */
  readonly dial: (node: NodeId) => void;
  /** A process has ended: its links end. */
  readonly hangUp: (node: NodeId) => void;
  /** A node knows other members: links with strangers end soon, those with new members come up. */
  readonly reconsider: (node: NodeId) => void;
  /** Asks a node that need not be linked, over HTTP; where nothing comes back, `done` is never called. */
  readonly ask: <T>(
    ends: { readonly from: NodeId; readonly to: NodeId },
    question: {
      readonly serve: (answer: (value: T) => void) => void;
      readonly done: (value: T) => void;
      /** No process runs there. */
      readonly refused: () => void;
    },
  ) => void;
  /** The link is made anew. */
  readonly reset: (a: NodeId, b: NodeId) => void;
  /** Nothing arrives from one at the other until `end` is called; a link that stays silent ends. */
  readonly cut: (from: NodeId, to: NodeId) => { readonly end: () => void };
  /** Ends all cuts. */
  readonly mend: () => void;
  readonly weather: Weather;
}

interface Link {
  readonly ends: readonly [NodeId, NodeId];
  isUp: boolean;
  isDialing: boolean;
  /** Which of the links that these two have had. */
  epoch: number;
  /** When the last frame arrives, from the first end and from the second. */
  readonly lastMs: [number, number];
}

/**
 * Votes and transactions may be lost: the protocol sends them again. Who asks for blocks and gets no answer holds it
 * against the other for up to a minute, which no TCP link that stands gives reason to.
 */
function isLossy({ kind }: Frame): boolean {
  return kind !== "getBlocks" && kind !== "blocks";
}

/** So long a link with who is no member any more may stand. */
const PART_MS = 2_000;

/** No link stands yet. */
export function makeNetwork(
  { nodes, ends, random, nowMs, after, weather }: {
    readonly nodes: readonly NodeId[];
    readonly ends: Ends;
    readonly random: Random;
    readonly nowMs: () => number;
    readonly after: (ms: number, run: () => void) => void;
    readonly weather: Weather;
  },
): Network {
  const size = nodes.length;
  const links: (Link | undefined)[] = [];
  const cuts = new Map<number, number>();

  function linkOf(a: NodeId, b: NodeId): Link {
    const [low, high] = a < b ? [a, b] as const : [b, a] as const;
    return links[low * size + high] ??= {
      ends: [low, high],
      isUp: false,
      isDialing: false,
      epoch: 0,
      lastMs: [0, 0],
    };
  }

  const isCut = (from: NodeId, to: NodeId) => (cuts.get(from * size + to) ?? 0) > 0;
  const delay = () => random.between(...weather.delayMs);

  function arrive(link: Link, { to, extraMs }: { to: NodeId; extraMs: number }, run: () => void): void {
    const { epoch } = link;
    const side = to === link.ends[1] ? 0 : 1;
    const atMs = Math.max(link.lastMs[side], nowMs() + delay() + extraMs);
    link.lastMs[side] = atMs;
    after(atMs - nowMs(), () => {
      if (link.isUp && link.epoch === epoch) run();
    });
  }

  function send(from: NodeId, to: NodeId, frame: Frame, extraMs = 0): boolean {
    const link = linkOf(from, to);
    if (!link.isUp) return false;
    if (isCut(from, to) || (isLossy(frame) && random.chance(weather.loss))) return true;
    const times = random.chance(weather.duplication) ? 2 : 1;
    for (let i = 0; i < times; i++) {
      arrive(link, { to, extraMs }, () => {
        if (!isCut(from, to)) ends.onFrame(to, from, frame);
      });
    }
    return true;
  }

  function canStand(link: Link): boolean {
    const { ends: [a, b] } = link;
    return ends.isUp(a) && ends.isUp(b) && !isCut(a, b) && !isCut(b, a) && isAgreed(link);
  }

  const isAgreed = ({ ends: [a, b] }: Link) => ends.knows(a, b) && ends.knows(b, a);

  /** Not at once: the last frames of who leaves are of use. */
  function part(link: Link): void {
    const { epoch } = link;
    after(random.between(0, PART_MS), () => {
      if (link.epoch === epoch && !isAgreed(link)) fall(link);
    });
  }

  function consider(link: Link): void {
    if (link.isUp || link.isDialing || !canStand(link)) return;
    link.isDialing = true;
    after(random.chance(0.8) ? random.between(1, 100) : random.between(100, 2_000), () => {
      link.isDialing = false;
      if (!link.isUp && canStand(link)) stand(link);
    });
  }

  function stand(link: Link): void {
    const [a, b] = link.ends;
    link.isUp = true;
    link.epoch++;
    link.lastMs[0] = link.lastMs[1] = nowMs();
    // Each says what it knows now; nothing else arrives before it.
    const said = [ends.hello(a, b), ends.hello(b, a)] as const;
    arrive(link, { to: b, extraMs: 0 }, () => ends.onUp(b, a, said[0]));
    arrive(link, { to: a, extraMs: 0 }, () => ends.onUp(a, b, said[1]));
  }

  function fall(link: Link): void {
    if (!link.isUp) return;
    link.isUp = false;
    const { epoch, ends: [a, b] } = link;
    for (const [node, peer] of [[a, b], [b, a]] as const) {
      after(delay(), () => {
        // A newer link stands already: its end that was the older one is of no interest.
        if (link.epoch === epoch && ends.isUp(node)) ends.onDown(node, peer);
      });
    }
    consider(link);
  }

  const linksOf = (node: NodeId) => nodes.filter((each) => each !== node).map((each) => linkOf(node, each));

  return {
    send,
    weather,
    peersOf: (node) => nodes.filter((each) => each !== node && linkOf(node, each).isUp),
    dial: (node) => linksOf(node).forEach(consider),
    hangUp: (node) => linksOf(node).forEach(fall),
    reset: (a, b) => fall(linkOf(a, b)),
    reconsider: (node) => {
      for (const link of linksOf(node)) {
        if (!link.isUp) consider(link);
        else if (!isAgreed(link)) part(link);
      }
    },
    ask: ({ from, to }, { serve, done, refused }) =>
      after(delay(), () => {
        if (isCut(from, to)) return;
        // Nobody listens there: a machine says so at once.
        if (!ends.isUp(to)) return isCut(to, from) ? undefined : refused();
        serve((value) =>
          after(delay(), () => {
            if (!isCut(to, from)) done(value);
          })
        );
      }),
    cut: (from, to) => {
      const key = from * size + to;
      cuts.set(key, (cuts.get(key) ?? 0) + 1);
      const link = linkOf(from, to);
      const { epoch } = link;
      after(LIMITS.peerIdleMs, () => {
        if (isCut(from, to) && link.epoch === epoch) fall(link);
      });
      return {
        end: () => {
          cuts.set(key, Math.max(0, (cuts.get(key) ?? 0) - 1));
          consider(link);
        },
      };
    },
    mend: () => {
      cuts.clear();
      for (const a of nodes) for (const link of linksOf(a)) consider(link);
    },
  };
}
