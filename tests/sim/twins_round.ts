/**
 * One round of the copies that hear each other: their timers expire, then everything that they say arrives, in the order
 * in which it was said. A function of the copies and the reach alone, so it is run once for all schedules.
 */
import type { Action, Event } from "../../consensus/events.ts";
import type { Message } from "../../consensus/message.ts";
import { blockHash } from "../../core/block.ts";
import { checkHeader } from "../../core/block_rules.ts";
import { toHex } from "../../core/bytes.ts";
import type { Proposal } from "../../core/ports.ts";
import { tipAfter } from "../../core/tip.ts";
import { eventText, messageText } from "./texts.ts";
import { checkDecided, checkEvidence, checkVote, placeOf, type TwinViolation } from "./twins_checks.ts";
import { getsThrough, processText, type Reach } from "./twins_choices.ts";
import type { Copy, TwinWorld } from "./twins_world.ts";

/** What a copy's round left behind. */
export interface RoundResult {
  readonly copies: ReadonlyMap<number, Copy>;
  /** The first, if any. */
  readonly violation: TwinViolation | null;
  /** What was met on the way. */
  readonly met: ReadonlySet<Happening>;
}

/** What a complete search meets, or it has shown little. */
export const HAPPENINGS = [
  "decided in round 0",
  "decided above round 0",
  "decided block taken from another",
  "prepared block proposed again",
  "round change names a prepared block",
  "joined others in a higher round",
  "twin accused",
] as const;

/** One of them. */
export type Happening = typeof HAPPENINGS[number];

/** On its way; a fetch asks for the decided block, a height tells that there is one. */
interface Delivery {
  readonly from: number;
  readonly to: number;
  readonly message: Message | "fetch" | "height";
}

/** How a round is run. */
export interface RoundOptions {
  readonly world: TwinWorld;
  /** By process. */
  readonly copies: ReadonlyMap<number, Copy>;
  readonly reach: Reach;
  /** Gets a line for each event and each vote. */
  readonly log?: (line: string) => void;
}

/** A round while it runs. */
interface Running {
  readonly world: TwinWorld;
  readonly reach: Reach;
  readonly log: (line: string) => void;
  readonly copies: Map<number, Copy>;
  readonly deliveries: Delivery[];
  /** To whom each message went, as bits: of what is said again within the round, the repetition is lost. */
  readonly sent: Map<Message, number>;
  readonly met: Set<Happening>;
  violation: TwinViolation | null;
}

/** Runs the round until nobody has anything to say. */
export function runRound({ world, copies, reach, log = () => {} }: RoundOptions): RoundResult {
  const running: Running = {
    world,
    reach,
    log,
    copies: new Map(copies),
    deliveries: [],
    sent: new Map(),
    met: new Set(),
    violation: null,
  };
  let process = -1;
  try {
    for (process of copies.keys()) expire(running, process);
    for (let next = take(running); next !== undefined; next = take(running)) {
      process = next.to;
      arrive(running, next);
    }
  } catch (error) {
    // Nothing that copies say may end one of them, the twin's included.
    const detail = error instanceof Error ? error.message : String(error);
    fail(running, { process, found: { invariant: "crash", detail } });
  }
  return running;
}

function take({ deliveries, violation }: Running): Delivery | undefined {
  return violation === null ? deliveries.shift() : undefined;
}

function fail(running: Running, { process, found }: { process: number; found: TwinViolation | null }): void {
  if (found === null) return;
  running.violation ??= { ...found, detail: `${processText(process)}: ${found.detail}` };
}

function copyOf({ copies }: Running, process: number): Copy {
  return copies.get(process) as Copy;
}

function change(
  running: Running,
  { process, ...changes }: Partial<Copy> & { readonly process: number },
): void {
  running.copies.set(process, { ...copyOf(running, process), ...changes });
}

/** What has waited for the round: something to propose, the round timer, the resend timer. */
function expire(running: Running, process: number): void {
  const { state: { timers, height, work }, decided } = copyOf(running, process);
  if (decided === null && !work) post(running, { process, event: { kind: "work", available: true } });
  if (timers.round !== null) {
    post(running, { process, event: { kind: "timeout", height, round: timers.round } });
  }
  const { resend } = copyOf(running, process).state.timers;
  if (resend !== null) post(running, { process, event: { kind: "resend", height, round: resend } });
}

/** Posts an event, and what follows from it at once. */
function post(running: Running, { process, event: first }: { process: number; event: Event }): void {
  const { world: { protocol }, met, log } = running;
  const events = [first];
  for (
    let event = events.shift();
    event !== undefined && running.violation === null;
    event = events.shift()
  ) {
    log(`${processText(process)}: ${eventText(event)}`);
    const before = copyOf(running, process).state;
    const { state, actions } = protocol.step(before, event);
    if (event.kind === "message" && state.round > before.round) met.add("joined others in a higher round");
    change(running, { process, state });
    for (const action of actions) events.push(...act(running, { process, action }));
  }
}

/** Runs an action; gives the events that follow from it at once. */
function act(
  running: Running,
  { process, action }: { readonly process: number; readonly action: Action },
): readonly Event[] {
  const { world, met } = running;
  switch (action.kind) {
    case "send":
      send(running, { process, action });
      return [];
    case "build": {
      const { height, round } = action;
      return [{ kind: "built", height, round, proposal: world.makeBlock(process, round) }];
    }
    case "validate": {
      const { height, round, blockHash, proposal } = action;
      const { tip } = copyOf(running, process).state;
      const verdict = checkHeader(proposal, { tip, crypto: world.crypto }).ok ? "valid" : "invalid";
      return [{ kind: "validated", height, round, blockHash, verdict }];
    }
    case "commit":
      return append(running, { process, ...action });
    case "adopt": {
      const { header, parentCertificate, transactions, certificate } = action.block;
      const ids = transactions as Proposal["ids"];
      met.add("decided block taken from another");
      return append(running, { process, proposal: { header, parentCertificate, ids }, certificate });
    }
    case "fetchDecided":
      for (const member of action.from) {
        for (const from of copiesOf(running, member)) {
          deliver(running, { from, to: process, message: "fetch" });
        }
      }
      return [];
    case "sendDecided":
      sendDecided(running, { process, to: action.to });
      return [];
    case "evidence":
      met.add("twin accused");
      // A twin may accuse whom it likes: nobody takes its word.
      if (world.memberOf(process) !== world.twin) {
        fail(running, { process, found: checkEvidence(world, action.evidence) });
      }
      return [];
    case "persist":
    case "setTimer":
    case "clearTimer":
      return [];
  }
}

/** The processes here that are this member. */
function copiesOf({ copies, world }: Running, member: number): readonly number[] {
  return [...copies.keys()].filter((process) => world.memberOf(process) === member);
}

function append(
  running: Running,
  { process, proposal, certificate }:
    & { readonly process: number }
    & Pick<NonNullable<Copy["decided"]>, "proposal" | "certificate">,
): readonly Event[] {
  const { world, met, log, copies } = running;
  if (copyOf(running, process).decided !== null) return [];
  const hash = blockHash(world.crypto.hash, proposal.header);
  const decided = { hash, proposal, certificate };
  fail(running, { process, found: checkDecided(world, decided) });
  met.add(certificate.round === 0 ? "decided in round 0" : "decided above round 0");
  log(`${processText(process)} decides ${toHex(hash).slice(0, 6)} of round ${certificate.round}`);
  change(running, { process, decided });
  for (const to of copies.keys()) deliver(running, { from: process, to, message: "height" });
  const before = copyOf(running, process).state.tip;
  const tip = tipAfter({ block: proposal, certificate }, { before, change: null, crypto: world.crypto });
  return [{ kind: "advanced", tip, self: world.memberOf(process), work: false }];
}

function send(
  running: Running,
  { process, action: { to, message } }: {
    readonly process: number;
    readonly action: Extract<Action, { kind: "send" }>;
  },
): void {
  const { copies, met, log } = running;
  if (message.kind === "decided") return;
  log(`${processText(process)} says ${messageText(message)}`);
  const before = copyOf(running, process);
  fail(running, { process, found: checkVote(before, message) });
  change(running, { process, signed: new Map(before.signed).set(placeOf(message), message) });
  if (message.kind === "round-change" && message.prepared !== null) {
    met.add("round change names a prepared block");
  }
  if (message.kind === "pre-prepare" && message.justification.prepares.length > 0) {
    met.add("prepared block proposed again");
  }
  for (const receiver of to === "all" ? copies.keys() : copiesOf(running, to)) {
    deliver(running, { from: process, to: receiver, message });
  }
}

function sendDecided(
  running: Running,
  { process, to }: { readonly process: number; readonly to: number },
): void {
  const { decided } = copyOf(running, process);
  if (decided === null) return;
  const { proposal: { header, parentCertificate, ids }, certificate } = decided;
  const block = { version: 1 as const, header, parentCertificate, transactions: ids, certificate };
  for (const receiver of copiesOf(running, to)) {
    deliver(running, { from: process, to: receiver, message: { kind: "decided", block } });
  }
}

function deliver({ world, reach, deliveries, sent }: Running, delivery: Delivery): void {
  const { from, to, message } = delivery;
  const kind = typeof message === "string" ? message : message.kind;
  // A key has no link to itself.
  if (world.memberOf(from) === world.memberOf(to) || !getsThrough(reach, { kind, to })) return;
  if (typeof message !== "string") {
    const before = sent.get(message) ?? 0;
    if (before >> to & 1) return;
    sent.set(message, before + 2 ** to);
  }
  deliveries.push(delivery);
}

function arrive(running: Running, { from, to, message }: Delivery): void {
  const { world: { memberOf, protocol, crypto }, log } = running;
  const { tip: { federation } } = copyOf(running, to).state;
  if (message === "fetch") return sendDecided(running, { process: from, to: memberOf(to) });
  if (message === "height") {
    const { height } = copyOf(running, from).state.tip.parent;
    return post(running, { process: to, event: { kind: "peerHeight", member: memberOf(from), height } });
  }
  const verdict = protocol.verifyMessage(message, { federation, crypto });
  if (!verdict.ok) return log(`${processText(to)} refuses ${messageText(message)}: ${verdict.detail}`);
  post(running, { process: to, event: { kind: "message", from: memberOf(from), message: verdict.value } });
}
