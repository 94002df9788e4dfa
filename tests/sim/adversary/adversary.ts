/**
 * The adversary: draws for each of its nodes how it misbehaves, and stands between the node's honest face (the real
 * code, with the node's key) and the network.
 */
import { memberIndex } from "../../../core/federation.ts";
import type { Adversary, AdversaryFactory, AdversaryPort, Frame, NodeId, Random, Sending } from "../types.ts";
import { type BehaviourName, BEHAVIOURS, THEMES } from "./behaviours.ts";
import { type Knowledge, makeKnowledge } from "./knowledge.ts";
import { openTwins, type Twins } from "./twins.ts";
import type { Behaviour, Place, Puppet } from "./types.ts";

interface Played {
  readonly puppet: Puppet;
  readonly twins: Twins;
  readonly behaviours: readonly Behaviour[];
  last: Place | null;
}

/** Which behaviours a node has; by default drawn for each. */
export interface AdversaryOptions {
  readonly behaviours?: readonly BehaviourName[];
}

/** An adversary of the drawn kind. */
export const makeAdversary: AdversaryFactory = (port) => openAdversary(port);

/** An adversary with chosen behaviours, or drawn ones. */
export function openAdversary(port: AdversaryPort, options: AdversaryOptions = {}): Adversary {
  const knowledge = makeKnowledge();
  const nodes = new Map<NodeId, Played>();
  for (const node of port.nodes) nodes.set(node, play(port, { node, knowledge, options }));
  return {
    onFrame: ({ from, to, frame }) => {
      const played = nodes.get(to);
      if (played === undefined) return;
      learn(knowledge, frame);
      for (const { onFrame } of played.behaviours) onFrame?.({ from, to, frame });
      played.twins.receive(from, frame);
      lookAround(played);
    },
    onUp: ({ node, peer, hello }) => nodes.get(node)?.twins.up(peer, hello),
    onDown: ({ node, peer }) => nodes.get(node)?.twins.down(peer),
    hello: ({ node, peer }) => {
      const { twins, behaviours } = nodes.get(node) as Played;
      return behaviours.reduce((hello, each) => each.hello?.(peer, hello) ?? hello, twins.hello(peer));
    },
    blocks: (node, range) => {
      const { twins, behaviours } = nodes.get(node) as Played;
      return behaviours.reduce((blocks, each) => each.blocks?.(blocks) ?? blocks, twins.face.blocks(range));
    },
  };
}

function learn(knowledge: Knowledge, frame: Frame): void {
  if (frame.kind === "message") knowledge.note(frame.message);
  else if (frame.kind === "transactions") knowledge.noteTransactions(frame.transactions);
  else if (frame.kind === "blocks") {
    for (const block of frame.blocks) knowledge.note({ kind: "decided", block });
  }
}

/** What is of use where the federation changes. */
const CHANGING: readonly BehaviourName[] = ["badChanges", "badChanges", "wrongFederation"];

/** Names of behaviours for a node: none but silence, some that help each other, or any mixed. */
function drawNames(random: Random, isChanging: boolean): readonly BehaviourName[] {
  const names = drawAny(random);
  if (!isChanging || names.includes("silent") || random.chance(0.4)) return names;
  // First, before others change what it says.
  return [...new Set([random.pick(CHANGING), ...names])];
}

function drawAny(random: Random): readonly BehaviourName[] {
  if (random.chance(0.05)) return ["silent"];
  const all = Object.keys(BEHAVIOURS) as BehaviourName[];
  const loud = random.shuffled(all.filter((name) => name !== "silent"));
  if (random.chance(0.4)) return loud.slice(0, 1 + random.below(8));
  return [...new Set([...random.pick(THEMES), ...loud.slice(0, random.below(4))])];
}

function play(
  port: AdversaryPort,
  { node, knowledge, options }: { node: NodeId; knowledge: Knowledge; options: AdversaryOptions },
): Played {
  const random = port.random.split(`node ${node}`);
  const names = options.behaviours ?? drawNames(random.split("behaviours"), port.isChanging);
  const behaviours: Behaviour[] = [];
  const twins = openTwins(port, {
    node,
    random: random.split("twins"),
    isDouble: names.includes("twins"),
    onSend: (sending) => leave(port, { sending, behaviours, knowledge }),
  });
  const puppetOf = (name: BehaviourName) =>
    makePuppet(port, { node, knowledge, twins, random: random.split(name), name });
  for (const name of names) behaviours.push(BEHAVIOURS[name](puppetOf(name)));
  const played: Played = { puppet: puppetOf("twins"), twins, behaviours, last: null };
  tick(played, random.split("ticks"));
  return played;
}

/** What the face wants to send goes through all behaviours in turn. */
function leave(
  port: AdversaryPort,
  { sending, behaviours, knowledge }: {
    sending: Sending;
    behaviours: readonly Behaviour[];
    knowledge: Knowledge;
  },
): void {
  learn(knowledge, sending.frame);
  const leaving = behaviours.reduce<readonly Sending[]>(
    (all, { filter }) => filter === undefined ? all : all.flatMap(filter),
    [sending],
  );
  for (const each of leaving) dispatch(port, each);
}

/** What is held back lets pass what is sent meanwhile. */
function dispatch(port: AdversaryPort, { delayMs = 0, ...sending }: Sending): void {
  if (delayMs > 0) port.after(delayMs, () => port.send(sending));
  else port.send(sending);
}

function makePuppet(
  port: AdversaryPort,
  { node, knowledge, twins, random, name }: {
    node: NodeId;
    knowledge: Knowledge;
    twins: Twins;
    random: Random;
    name: BehaviourName;
  },
): Puppet {
  const { face } = twins;
  const federation = () => face.tip().federation;
  const indexIn = (each: NodeId) => memberIndex(federation(), port.keyOf(each));
  const sendLate: Puppet["sendLate"] = (to, late) => {
    for (const each of typeof to === "number" ? [to] : to) dispatch(port, { from: node, to: each, ...late });
  };
  return {
    port,
    node,
    random,
    knowledge,
    face,
    tip: face.tip,
    federation,
    parameters: () => federation().document.parameters,
    place: () => face.state(),
    index: () => indexIn(node),
    allies: () => port.nodes.filter((each) => indexIn(each) >= 0),
    victims: port.allNodes.filter((each) => !port.nodes.includes(each)),
    send: (to, frame) => sendLate(to, { frame, delayMs: 0 }),
    sendLate,
    count: () => port.count(name),
  };
}

/** Tells the behaviours when the face has come to another height or round. */
function lookAround(played: Played): void {
  const { height, round } = played.puppet.place();
  if (played.last?.height === height && played.last.round === round) return;
  played.last = { height, round };
  if (played.puppet.index() < 0) return;
  for (const { onRound } of played.behaviours) onRound?.({ height, round });
}

function tick(played: Played, random: Random): void {
  const { port, parameters, index } = played.puppet;
  port.after(random.between(0.2, 1.6) * parameters().roundTimeoutMs, () => {
    if (index() >= 0) { for (const { onTick } of played.behaviours) onTick?.(); }
    played.twins.shuffle();
    lookAround(played);
    tick(played, random);
  });
}
