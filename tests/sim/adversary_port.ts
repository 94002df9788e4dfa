/** What the world is to the adversary: its keys, its links, and copies of the real code to play with. */
import assert from "node:assert/strict";
import { decodeHello, encodeHello } from "../../consensus/driver/hello.ts";
import { decodeRawBlock, encodeRawBlock } from "../../core/archive.ts";
import { makeHeader } from "../../core/block_rules.ts";
import type { Federation } from "../../core/federation.ts";
import { makeDisk } from "./disk.ts";
import { openMember } from "./member.ts";
import { nodeKey } from "./quick_crypto.ts";
import type { Member, Surroundings, Watcher } from "./surroundings.ts";
import type { Adversary, AdversaryPort, Copy, Frame, Hello, NodeId, SimTransaction } from "./types.ts";
import type { World } from "./world.ts";

const NOBODY: Watcher = {
  onStart: () => {},
  beforeAction: () => true,
  onStep: () => {},
  onSend: () => {},
  onEvidence: () => {},
  onAppended: () => {},
  onAcknowledged: () => {},
  onCommitTold: () => {},
  onHello: () => {},
  count: () => {},
};

/** Makes the port; `foreignFederation` is another chain's with the same keys. */
export function makeAdversaryPort(world: World, foreignFederation: Federation): AdversaryPort {
  const { plan, clock, network, crypto, protocol, clients } = world;
  const random = world.random.split("adversary");
  let copies = 0;

  function assertOwn(node: NodeId): void {
    assert(plan.byzantine.includes(node), `the adversary does not have the key of node ${node}`);
  }

  function spawn(node: NodeId, onSend: (to: NodeId, frame: Frame) => void): Copy {
    assertOwn(node);
    const number = copies++;
    let isStopped = false;
    const guarded = (run: () => void) => {
      if (isStopped) return;
      try {
        run();
      } catch (error) {
        // It is the code under test, and nothing that reaches it may end it: neither here nor anywhere.
        isStopped = true;
        world.checker.fail(
          "crash",
          `a copy of node ${node}: ${error instanceof Error ? error.stack : error}`,
        );
      }
    };
    const after = (ms: number, run: () => void) => clock.after(ms, () => guarded(run));
    const leave = (to: NodeId, frame: Frame) => {
      try {
        onSend(to, frame);
      } catch {
        // It made up something that cannot be written: nothing leaves.
        world.count("byzantine: tried what cannot be");
      }
    };
    const around: Surroundings = {
      ...world.shared(node),
      node,
      disk: makeDisk({
        random: random.split(`disk ${number}`),
        writeMs: plan.writeMs,
        after,
        isFull: () => false,
      }),
      random: random.split(`process ${number}`),
      nowMs: clock.nowMs,
      wallMs: world.trueMs,
      after,
      network: {
        send: (to, frame) => {
          if (!isStopped) leave(to, frame);
          return !isStopped;
        },
        broadcast: (frame) => {
          for (const to of network.peersOf(node)) if (!isStopped) leave(to, frame);
        },
      },
      others: world.ids.filter((each) => each !== node),
      http: (to, range, done) =>
        world.ask({ from: node, to }, { range, done: (blocks) => guarded(() => done(blocks)) }),
      watcher: NOBODY,
    };
    const member: Member = openMember(around);
    return {
      state: member.state,
      tip: member.tip,
      pool: member.pool.all,
      hello: member.hello,
      blocks: member.blocks,
      receive: (from, frame) => guarded(() => member.onFrame(from, frame)),
      up: (peer, hello) => guarded(() => member.onUp(peer, hello)),
      down: (peer) => guarded(() => member.onDown(peer)),
      stop: () => isStopped = true,
    };
  }

  return {
    nowMs: clock.nowMs,
    wallMs: world.trueMs,
    random,
    nodes: plan.byzantine,
    allNodes: world.ids,
    keyOf: (node) => nodeKey(node).publicKey,
    crypto,
    protocol,
    sign: (node, message) => {
      assertOwn(node);
      return world.signers.sign(nodeKey(node), message);
    },
    send: ({ from, to, frame, delayMs }) => {
      assertOwn(from);
      const clean = sanitize(world, frame);
      if (clean !== null && from !== to) network.send(from, to, clean, delayMs);
    },
    after: clock.after,
    spawn,
    count: (behaviour) => world.count(`byzantine: ${behaviour}`),
    foreignFederation,
    makeBlock: (tip, { proposer, createdRound, transactions, timeMs }) => {
      const time = Math.floor(timeMs ?? world.trueMs());
      const applying = world.rulesOfChain.open(tip, { timeMs: time, checkDuplicates: false });
      for (const each of transactions) applying.apply(each);
      const ids = transactions.map(({ id }) => id);
      const { publicKey } = nodeKey(proposer);
      const header = makeHeader({
        tip,
        proposer: publicKey,
        createdRound,
        nowMs: time,
        ids,
        stateRoot: applying.root(),
      }, crypto);
      return { header, ids, parentCertificate: tip.certificate };
    },
    makeTransaction: (options) => clients.make(random, { isPlain: true, ...options }),
    makeRival: (of) => clients.make(random, { rivalOf: of }),
    makeMissingId: clients.missingId,
    isChanging: plan.faults.some(({ kind }) => kind === "federation"),
    changes: () => world.changes,
    makeChange: (change) => clients.make(random, { change }),
    federations: () => world.checker.tips().map(({ federation }) => federation),
    signedElsewhere: (node, place) => {
      const message = protocol.voteMessage(foreignFederation, {
        kind: "round-change",
        ...place,
        prepared: null,
      });
      return world.signers.sign(nodeKey(node), message);
    },
  };
}

/** What a frame is to its receiver once it has been bytes; null where it would not leave. */
function sanitize(world: World, frame: Frame): Frame | null {
  switch (frame.kind) {
    case "message":
      return world.rewritten(frame.message);
    case "transactions": {
      // A transaction is its id and signature: nobody changes it under way.
      const known = frame.transactions.map(({ id }) => world.clients.find(id)).filter((each) =>
        each !== undefined
      );
      return { kind: "transactions", transactions: known as readonly SimTransaction[] };
    }
    case "blocks":
      return throughWire(() => {
        const decoded = frame.blocks.map((block) => decodeRawBlock(encodeRawBlock(block)));
        const blocks = decoded.flatMap((verdict) => verdict.ok ? [verdict.value] : []);
        return blocks.length === decoded.length ? { ...frame, blocks } : null;
      });
    default:
      return frame;
  }
}

/** What cannot be written at all is not sent. */
function throughWire(run: () => Frame | null): Frame | null {
  try {
    return run();
  } catch {
    return null;
  }
}

/** A greeting of the adversary's as it is read; null where it is none. */
export function readHello(
  adversary: Adversary,
  link: { readonly node: NodeId; readonly peer: NodeId },
): Hello | null {
  const decoded = decodeHello(encodeHello(adversary.hello(link)));
  return decoded.ok ? decoded.value : null;
}
