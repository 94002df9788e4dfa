/** A schedule's world: everything that a plan draws, put together. */
import type { Message } from "../../consensus/message.ts";
import type { State } from "../../consensus/state.ts";
import { decodeRawBlock, encodeRawBlock } from "../../core/archive.ts";
import type { RawBlock } from "../../core/block.ts";
import { equal } from "../../core/bytes.ts";
import type { Federation } from "../../core/federation.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import { makeAdversaryPort, readHello } from "./adversary_port.ts";
import { type Checker, makeChecker } from "./checker.ts";
import { type Clockwork, EPOCH_MS, makeClockwork, makeTrace, type Trace } from "./clockwork.ts";
import { makeFederation } from "./federations.ts";
import { type Ledger, makeLedger, type Rules } from "./ledger.ts";
import { makeNetwork, type Network, type Weather } from "./network.ts";
import { makeNodes, type Nodes } from "./nodes.ts";
import { ALL_RULES, GENUINE, rememberVerdicts } from "./protocol.ts";
import { nodeKey, type Signers } from "./quick_crypto.ts";
import { makeRandom } from "./random.ts";
import { REAL } from "./real_side.ts";
import { SIMULATED } from "./side.ts";
import type { Surroundings } from "./surroundings.ts";
import { frameText } from "./texts.ts";
import type { Clients } from "./transactions.ts";
import type { Plan } from "./plan.ts";
import type {
  Adversary,
  BlockRange,
  Frame,
  NodeId,
  Protocol,
  Random,
  RunOptions,
  SimTransaction,
} from "./types.ts";

/** What all processes of a node are given alike. */
export type Shared = Pick<
  Surroundings,
  "key" | "protocol" | "verify" | "rules" | "crypto" | "ledger" | "nodeAt" | "indexOf" | "readTransaction"
>;

/** What the parts of a schedule share. */
export interface World {
  readonly plan: Plan;
  readonly random: Random;
  readonly clock: Clockwork;
  readonly trace: Trace;
  readonly network: Network;
  readonly checker: Checker;
  readonly signers: Signers;
  readonly crypto: CryptoPort;
  readonly clients: Clients;
  /** The code under test. */
  readonly protocol: Protocol;
  /** The chain's rules, as the code under test has them. */
  readonly ledger: Ledger;
  readonly rulesOfChain: Rules;
  /** The first federation. */
  readonly federation: Federation;
  /** Changes of the federation that operators have made. */
  readonly changes: SimTransaction[];
  /** All nodes, the Byzantine and those that join later included. */
  readonly ids: readonly NodeId[];
  /** The correct ones. */
  readonly nodes: Nodes;
  /** Milliseconds since 1970 on a clock without error. */
  readonly trueMs: () => number;
  readonly count: (name: string) => void;
  readonly shared: (node: NodeId) => Shared;
  /** A frame of a correct node as it is read; in a real schedule it has been bytes. */
  readonly onWire: (frame: Frame) => Frame;
  /** Asks a node for blocks over HTTP. */
  readonly ask: (
    ends: { readonly from: NodeId; readonly to: NodeId },
    question: {
      readonly range: BlockRange;
      readonly done: (blocks: readonly RawBlock[]) => void;
    },
  ) => void;
  /** A message as its receivers read it; null where it cannot be written. */
  readonly rewritten: (message: Message) => Frame | null;
  /** Blocks that correct nodes have appended so far, each its own. */
  readonly progress: { appended: number };
}

/** Builds the world of a plan; nothing runs. */
export function makeWorld(options: RunOptions, count: (name: string) => void): World {
  const { plan, mutant } = options;
  const side = plan.isReal ? REAL : SIMULATED;
  const random = makeRandom(`seed ${plan.seed}`);
  const clock = makeClockwork();
  const trace = makeTrace({ nowMs: clock.nowMs, keep: options.trace ?? false });
  const { signers } = side;
  const { crypto } = signers;
  const base = options.protocol ?? GENUINE;
  const protocol = mutant?.protocol?.(base) ?? base;
  const federation = makeFederation(plan, { hash: crypto.hash, name: "simulated" });
  const trueMs = () => EPOCH_MS + clock.nowMs();
  const clients = side.makeClients({ federation, wallMs: trueMs });
  const makeRules = ({ openTransition }: Protocol) => side.makeRules({ federation, crypto, openTransition });
  const rulesOfChain = makeRules(protocol);
  const ledger = makeLedger({ federation, crypto, rules: rulesOfChain, protocol });
  // What is under test does not judge itself.
  const genuine = protocol === GENUINE && mutant === undefined ? ledger : makeLedger({
    federation,
    crypto,
    rules: makeRules(GENUINE),
    protocol: GENUINE,
  });
  const keys = new Map(Array.from({ length: plan.n + plan.reserves }, (_, id) => [id, nodeKey(id)]));
  const ids = [...keys.keys()];
  const places = new Map<Federation["hash"], readonly NodeId[]>();

  function nodesOf({ hash, document }: Federation): readonly NodeId[] {
    const found = places.get(hash);
    if (found !== undefined) return found;
    const made = document.members.map(({ key }) =>
      ids.find((id) => equal(nodeKey(id).publicKey, key)) as NodeId
    );
    places.set(hash, made);
    return made;
  }

  function isKnown(state: State | undefined, { id, peer }: { id: NodeId; peer: NodeId }): boolean {
    if (state === undefined) return false;
    const { signedBy, federation: inForce } = state.tip;
    const isIn = (node: NodeId) => [inForce, signedBy].some((each) => indexOf(each, node) >= 0);
    return isIn(id) && isIn(peer);
  }

  const nodeAt = (each: Federation, index: number) => nodesOf(each)[index] as NodeId;
  const indexOf = (each: Federation, node: NodeId) => nodesOf(each).indexOf(node);
  const byzantine = new Set(plan.byzantine);
  const checker = makeChecker({
    ledger: genuine,
    crypto,
    nowMs: clock.nowMs,
    wallMs: trueMs,
    isByzantine: (node) => byzantine.has(node),
    nodeAt,
  });
  const weather: Weather = { loss: plan.loss, duplication: plan.duplication, delayMs: plan.delayMs };
  const network: Network = makeNetwork({
    nodes: ids,
    random: random.split("network"),
    nowMs: clock.nowMs,
    after: clock.after,
    weather,
    ends: {
      isUp: (id) => byzantine.has(id) || world.nodes.all.get(id)?.isUp === true,
      // As in consensus/tcp/circle.ts; the adversary takes whoever comes.
      knows: (id, peer) =>
        byzantine.has(id) || isKnown(world.nodes.all.get(id)?.member?.state(), { id, peer }),
      hello: (id, peer) =>
        byzantine.has(id)
          ? readHello(adversary, { node: id, peer }) ?? world.nodes.hello(id, peer)
          : world.nodes.hello(id, peer),
      onUp: (id, peer, hello) => {
        trace.note({ node: id, code: 4, value: peer }, () => `link to n${peer} up`);
        if (byzantine.has(id)) adversary.onUp({ node: id, peer, hello });
        else world.nodes.onUp(id, peer, hello);
      },
      onDown: (id, peer) => {
        trace.note({ node: id, code: 5, value: peer }, () => `link to n${peer} down`);
        if (byzantine.has(id)) adversary.onDown({ node: id, peer });
        else world.nodes.onDown(id, peer);
      },
      onFrame: (id, from, frame) => {
        trace.note(
          { node: id, code: 6, value: (from << 8) | frame.kind.length },
          () => `from n${from}: ${frameText(frame)}`,
        );
        if (byzantine.has(id)) adversary.onFrame({ from, to: id, frame });
        else world.nodes.onFrame(id, from, frame);
      },
    },
  });

  const rewrite = rememberRewritten(protocol);
  const verify = rememberVerdicts(protocol);
  const world: World = {
    plan,
    random,
    clock,
    trace,
    network,
    checker,
    signers,
    crypto,
    clients,
    protocol,
    ledger,
    rulesOfChain,
    federation,
    changes: [],
    ids,
    get nodes() {
      return nodes;
    },
    trueMs,
    count,
    shared: (node) => {
      const isMutant = mutant?.runs?.(node) ?? true;
      const key = keys.get(node) as NonNullable<ReturnType<typeof keys.get>>;
      return {
        key: { publicKey: key.publicKey, sign: (message) => signers.sign(key, message) },
        protocol: isMutant ? protocol : base,
        verify: isMutant ? verify : base.verifyMessage,
        rules: isMutant ? { ...ALL_RULES, ...mutant?.rules } : ALL_RULES,
        crypto,
        ledger,
        nodeAt,
        indexOf,
        readTransaction: clients.read,
      };
    },
    onWire: plan.isReal ? (frame) => asRead(rewrite, frame) : (frame) => frame,
    ask: ({ from, to }, { range, done }) =>
      network.ask<readonly RawBlock[]>({ from, to }, {
        serve: (answer) => {
          if (byzantine.has(to)) return answer(throughWire(adversary.blocks(to, range)));
          const node = world.nodes.all.get(to);
          if (node !== undefined) world.nodes.at(node, (member) => answer(member.blocks(range)));
        },
        done: (blocks) => done(plan.isReal ? throughWire(blocks) : blocks),
        refused: () => done([]),
      }),
    rewritten: rewrite,
    progress: { appended: 0 },
  };
  const nodes = makeNodes(world, ids.filter((id) => !byzantine.has(id)));
  const foreign = makeFederation(plan, { hash: crypto.hash, name: "another chain" });
  const adversary: Adversary = options.adversary(makeAdversaryPort(world, foreign));
  return world;
}

/** Each message is written and read once, however many it goes to. */
function rememberRewritten({ encodeMessage, decodeMessage }: Protocol): World["rewritten"] {
  const frames = new WeakMap<Message, Frame>();
  return (message) => {
    const found = frames.get(message);
    if (found !== undefined) return found;
    try {
      const bytes = encodeMessage(message);
      const decoded = decodeMessage(bytes);
      const frame: Frame = decoded.ok
        ? { kind: "message", message: decoded.value }
        : { kind: "bytes", bytes };
      frames.set(message, frame);
      return frame;
    } catch {
      // What cannot be written is not sent.
      return null;
    }
  };
}

function asRead(rewritten: World["rewritten"], frame: Frame): Frame {
  if (frame.kind === "message") return rewritten(frame.message) ?? frame;
  if (frame.kind !== "blocks") return frame;
  return { ...frame, blocks: throughWire(frame.blocks) };
}

/** Blocks as they are read; what cannot be written, or not be read, is not there. */
function throughWire(blocks: readonly RawBlock[]): readonly RawBlock[] {
  return blocks.flatMap((block) => {
    try {
      const verdict = decodeRawBlock(encodeRawBlock(block));
      return verdict.ok ? [verdict.value] : [];
    } catch {
      return [];
    }
  });
}
