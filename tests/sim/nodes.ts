/** The correct nodes of a schedule: their processes, one after the other, on disks that outlive them. */
import { asHeight } from "../../core/brands.ts";
import type { Tip } from "../../core/ports.ts";
import { coverSend, coverStart, coverStep, coverVoter } from "./coverage.ts";
import { type Disk, makeDisk } from "./disk.ts";
import { openMember } from "./member.ts";
import { onBlock } from "./membership.ts";
import type { Member, Surroundings, Watcher } from "./surroundings.ts";
import type { DiskFate, Fault } from "./plan.ts";
import type { Frame, Hello, NodeId } from "./types.ts";
import { eventText } from "./texts.ts";
import type { World } from "./world.ts";

/** A node, whether or not a process runs there now. */
export interface SimNode {
  readonly id: NodeId;
  readonly disk: Disk;
  /** Whether a process runs. */
  isUp: boolean;
  /** The process, once its first actions have run. */
  member: Member | null;
  /** Which of its processes it is. */
  life: number;
  /** Whether a process ever ran. */
  wasUp: boolean;
  /** It does not start any more. */
  isRetired: boolean;
  pausedUntilMs: number;
  /** What waits for the end of its pause, in order. */
  waiting: (() => void)[];
  skewMs: number;
  /** Ends before its so-many-th action from now. */
  armed: { actions: number; readonly fault: Extract<Fault, { kind: "crash" }> } | null;
  /** Writes fail after so many, until then. */
  full: { writes: number; readonly untilMs: number; isSticky: boolean } | null;
}

/** The nodes' doings, as the schedule sees them. */
export interface Nodes {
  readonly all: ReadonlyMap<NodeId, SimNode>;
  readonly start: (node: SimNode) => void;
  /** Ends the process; the disk fares as said, and the node starts again after a while. */
  readonly crash: (node: SimNode, how: { disk: DiskFate; lost: number; downMs: number }) => void;
  /** Ends the process for good, unless somebody needs it after all. */
  readonly retire: (node: SimNode) => void;
  /** Starts a process that was ended for good. */
  readonly revive: (node: SimNode) => void;
  /** Lets nothing happen there until then; a time that has passed ends a pause. */
  readonly pause: (node: SimNode, untilMs: number) => void;
  /** Runs something at a node now, or when its pause is over; not if its process has ended by then. */
  readonly at: (node: SimNode, run: (member: Member) => void) => void;
  /** What a node says on a new link. */
  readonly hello: (node: NodeId, peer: NodeId) => Hello;
  readonly onFrame: (node: NodeId, from: NodeId, frame: Frame) => void;
  readonly onUp: (node: NodeId, peer: NodeId, hello: Hello) => void;
  readonly onDown: (node: NodeId, peer: NodeId) => void;
}

const NO_HELLO: Hello = { height: asHeight(0), shown: null };

/** Makes the nodes; none runs. */
export function makeNodes(world: World, ids: readonly NodeId[]): Nodes {
  const { plan, clock, network, checker, trace, count } = world;
  const all = new Map<NodeId, SimNode>(ids.map((id) => [id, makeNode(id)]));

  function makeNode(id: NodeId): SimNode {
    const disk = makeDisk({
      random: world.random.split(`disk ${id}`),
      writeMs: plan.writeMs,
      after: (ms, run) => later(node, ms, run),
      isFull: () => isFull(node),
    });
    const node: SimNode = {
      id,
      disk,
      isUp: false,
      member: null,
      life: 0,
      wasUp: false,
      isRetired: false,
      pausedUntilMs: 0,
      waiting: [],
      skewMs: plan.skewMs[id] ?? 0,
      armed: null,
      full: null,
    };
    return node;
  }

  /** Continues a process after a while, if it is still the same one. */
  function later(node: SimNode, ms: number, run: () => void): void {
    const { life } = node;
    const attempt = () => {
      if (node.life !== life || !node.isUp) return;
      if (isPaused(node)) node.waiting.push(attempt);
      else guard(node, run);
    };
    clock.after(ms, attempt);
  }

  const isPaused = (node: SimNode) => node.pausedUntilMs > clock.nowMs();

  function pause(node: SimNode, untilMs: number): void {
    node.pausedUntilMs = untilMs;
    if (isPaused(node)) return clock.after(untilMs - clock.nowMs(), () => goOn(node));
    goOn(node);
  }

  function goOn(node: SimNode): void {
    if (isPaused(node)) return;
    for (const run of node.waiting.splice(0)) run();
  }

  /** An assertion that is hit ends the process, and is a violation: nothing that reaches it may do that. */
  function guard(node: SimNode, run: () => void): void {
    try {
      run();
    } catch (error) {
      checker.fail(
        "crash",
        `node ${node.id}: ${error instanceof Error ? error.stack ?? error.message : error}`,
      );
    }
  }

  function isFull(node: SimNode): boolean {
    const { full } = node;
    if (full === null || full.writes-- > 0) return false;
    count("disk full");
    if (!full.isSticky || clock.nowMs() >= full.untilMs) node.full = null;
    else full.writes = 0;
    // The driver ends the process: nothing may be sent that is not durable.
    crash(node, { disk: "intact", lost: 0, downMs: 1_000 });
    return true;
  }

  function start(node: SimNode): void {
    if (node.isUp || node.isRetired) return;
    node.wasUp = true;
    const life = ++node.life;
    node.isUp = true;
    trace.note({ node: node.id, code: 1, value: life }, () => "starts");
    guard(node, () => {
      const member = openMember(surroundingsOf(node));
      // Its first actions may have ended it.
      if (node.life === life) node.member = member;
    });
    network.dial(node.id);
  }

  function crash(
    node: SimNode,
    { disk, lost, downMs }: { disk: DiskFate; lost: number; downMs: number },
  ): void {
    if (!node.isUp) return;
    trace.note({ node: node.id, code: 2, value: disk.length }, () => `ends; its disk: ${disk}`);
    if (node.disk.isWriting()) count("crash with a write in flight");
    node.isUp = false;
    node.member = null;
    node.life++;
    node.armed = null;
    network.hangUp(node.id);
    node.disk.settle({ disk, lost });
    checker.onFate(node.id, disk);
    coverFate(disk);
    clock.after(downMs, () => start(node));
  }

  function coverFate(disk: DiskFate): void {
    if (disk === "torn") count("torn journal");
    if (disk === "store-back") count("store set back");
    if (disk === "machine-back") count("machine set back");
    if (disk === "wiped") count("disk wiped");
  }

  /** Who is back is greeted anew, as in consensus/tcp/links.ts: what was known of its link is forgotten. */
  function meetAnew(id: NodeId, { before, after }: { readonly before: Tip; readonly after: Tip }): void {
    const { indexOf } = world.shared(id);
    for (const peer of world.ids) {
      const isMet = ({ signedBy, federation }: Tip) =>
        indexOf(signedBy, peer) >= 0 || indexOf(federation, peer) >= 0;
      if (peer !== id && isMet(after) && !isMet(before)) network.reset(id, peer);
    }
    network.reconsider(id);
  }

  function surroundingsOf(node: SimNode): Surroundings {
    const { id, disk, life } = node;
    const isAlive = () => node.life === life && node.isUp;
    return {
      ...world.shared(id),
      node: id,
      disk,
      random: world.random.split(`process ${id} ${life}`),
      nowMs: clock.nowMs,
      wallMs: () => world.trueMs() + node.skewMs,
      after: (ms, run) => later(node, ms, run),
      network: {
        send: (to, frame) => isAlive() && send(id, to, frame),
        broadcast: (frame) => {
          if (!isAlive()) return;
          for (const to of network.peersOf(id)) send(id, to, frame);
        },
      },
      others: world.ids.filter((each) => each !== id),
      http: (to, range, done) => {
        if (isAlive()) world.ask({ from: id, to }, { range, done: (blocks) => isAlive() && done(blocks) });
      },
      watcher: watcherOf(node),
    };
  }

  function send(from: NodeId, to: NodeId, frame: Frame): boolean {
    return network.send(from, to, world.onWire(frame));
  }

  function watcherOf(node: SimNode): Watcher {
    const { id, disk } = node;
    return {
      onStart: ({ state, content }) => {
        if (content.isRedone) count("append cut short and redone");
        coverStart(state, count);
        checker.onStart(id, { state, content, wasDropped: disk.wasDropped });
      },
      beforeAction: (action, previous) => {
        const { armed } = node;
        if (armed === null || --armed.actions > 0) return true;
        if (previous?.kind === "persist" && action.kind === "send") count("crash between persist and send");
        crash(node, armed.fault);
        return false;
      },
      onStep: (step) => {
        const { event, after } = step;
        const value = (after.height << 12) ^ (after.round << 4) ^ event.kind.length;
        trace.note(
          { node: id, code: 3, value },
          () => `${eventText(event)} -> ${after.height}/${after.round}`,
        );
        coverStep(step, count);
        checker.onStep(id, { ...step, member: node.member });
        // Not within the node's own step.
        const { tip: { signedBy, federation } } = after;
        const isMoved = step.before.tip.federation !== federation || step.before.tip.signedBy !== signedBy;
        if (isMoved) clock.after(0, () => meetAnew(id, { before: step.before.tip, after: after.tip }));
      },
      onSend: (message, state) => {
        coverSend(message, count);
        if (message.kind !== "decided") coverVoter(plan, { id, count });
        checker.onSend(id, { message, state, isHeld: disk.isHeld });
      },
      onEvidence: (evidence) => {
        count("equivocation seen");
        checker.onEvidence(id, evidence);
      },
      onAppended: (appended) => onBlock(world, { node, ...appended }),
      onAcknowledged: (transaction) => checker.onAcknowledged(id, transaction),
      onCommitTold: (decided) => checker.onCommitTold(id, decided),
      onHello: (peer, hello) => checker.onHello(id, { peer, hello }),
      count,
    };
  }

  function at(node: SimNode, run: (member: Member) => void): void {
    const { life } = node;
    const attempt = () => {
      const { member } = node;
      if (node.life !== life || member === null) return;
      if (isPaused(node)) node.waiting.push(attempt);
      else guard(node, () => run(member));
    };
    attempt();
  }

  const withNode = (id: NodeId, run: (member: Member) => void) => {
    const node = all.get(id);
    if (node !== undefined) at(node, run);
  };

  return {
    all,
    start,
    crash,
    retire: (node) => {
      node.isRetired = true;
      crash(node, { disk: "intact", lost: 0, downMs: 0 });
    },
    revive: (node) => {
      node.isRetired = false;
      start(node);
    },
    pause,
    at,
    hello: (id, peer) => all.get(id)?.member?.hello(peer) ?? NO_HELLO,
    onFrame: (id, from, frame) => withNode(id, (member) => member.onFrame(from, frame)),
    onUp: (id, peer, hello) => withNode(id, (member) => member.onUp(peer, hello)),
    onDown: (id, peer) => withNode(id, (member) => member.onDown(peer)),
  };
}
