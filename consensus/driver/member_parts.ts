/**
 * The parts of a member, wired together: all but the protocol, which they reach through {@link ProtocolPort}.
 *
 * @module
 */
import { equal } from "../../core/bytes.ts";
import { memberIndex } from "../../core/federation.ts";
import type { Action, Event } from "../events.ts";
import type { State } from "../state.ts";
import { encodeMessage } from "../wire.ts";
import { type Background, openBackground } from "./background.ts";
import { type Bodies, openBodies } from "./bodies.ts";
import { type CatchUpRun, openCatchUp } from "./catch_up_run.ts";
import { type ChainTasks, openChainTasks, type Validate } from "./chain_tasks.ts";
import type { DriverPorts } from "./driver.ts";
import { encodeFrame } from "./frames.ts";
import { type HeldBlocks, openHeldBlocks } from "./held_blocks.ts";
import { type DriverLog, limitLog } from "./log.ts";
import type { MemberOptions } from "./member_options.ts";
import { type MemberPool, openMemberPool } from "./pool.ts";
import { makeServing, type Serving } from "./serving.ts";
import { makeTraffic, type Traffic } from "./traffic.ts";

/** The protocol, as its parts use it. */
export interface ProtocolPort {
  /** Resolves once the event was dealt with. */
  readonly post: (event: Event) => Promise<void>;
  readonly state: () => State;
  /** Stops the protocol and has the process end. */
  readonly fatal: (error: unknown) => void;
}

/** The parts. */
export interface MemberParts {
  readonly pool: MemberPool;
  /** Whether something can be proposed, as the protocol is told now. */
  readonly work: () => boolean;
  readonly held: HeldBlocks;
  readonly tasks: ChainTasks;
  readonly catchUp: CatchUpRun;
  readonly serving: Serving;
  readonly traffic: Traffic;
  readonly background: Background;
  readonly log: DriverLog;
}

/** Opens the parts; nothing reaches the protocol before it runs. */
export async function openMemberParts(options: MemberOptions, protocol: ProtocolPort): Promise<MemberParts> {
  const { chain, crypto, network, readBlocks } = options;
  const { send } = network;
  const { post, state } = protocol;
  const log = limitLog(options.log, options.nowMs);
  const monotonicMs = () => performance.now();
  const background = openBackground(protocol.fatal);
  const { pool, work } = await openWorkingPool(options, { post, log });
  const held = openHeldBlocks(chain);
  const bodies = openBodies({
    lookUp: (id) => pool.get(id) ?? held.transaction(id),
    want: (member, ids) => send(member, encodeFrame({ kind: "want", ids })),
  });
  const tasks = openTasks(options, { protocol, pool, work, held, bodies, background, log });
  const catchUp = openCatchUp({
    height: () => chain.tip().parent.height,
    ask: (member, range) => send(member, encodeFrame({ kind: "getBlocks", ...range })),
    append: tasks.append,
    background,
    log,
    answerMs: options.timing?.answerMs,
  });
  const serving = makeServing({ send, pool, held, chain, readBlocks, monotonicMs });
  const { onBlocks } = catchUp;
  const traffic = makeTraffic({
    network,
    chain,
    pool,
    bodies,
    crypto,
    post,
    state,
    serving,
    onBlocks,
    monotonicMs,
    log,
  });
  return { pool, work, held, tasks, catchUp, serving, traffic, background, log };
}

/** The pool, and the protocol told whenever there is work or none any more. */
async function openWorkingPool(
  options: MemberOptions,
  { post, log }: Pick<ProtocolPort, "post"> & { log: DriverLog },
): Promise<Pick<MemberParts, "pool" | "work">> {
  const { chain, nowMs, crypto: { hash } } = options;
  let told = false;
  const work = () => told = pool.available();
  const pool: MemberPool = await openMemberPool({
    port: options.pool,
    reader: chain,
    parameters: chain.tip().federation.document.parameters,
    hash,
    nowMs,
    isDiskLow: options.isDiskLow ?? (() => false),
    onChange: ({ grew }) => {
      if (grew && told) return;
      const before = told;
      const available = work();
      if (available !== before) void post({ kind: "work", available });
    },
    log,
  });
  return { pool, work };
}

function openTasks(
  { chain, crypto, key, nowMs, network, onAppended }: MemberOptions,
  { protocol, work, ...parts }:
    & Pick<MemberParts, "pool" | "work" | "held" | "background" | "log">
    & { protocol: ProtocolPort; bodies: Bodies },
): ChainTasks {
  const { publicKey } = key;
  return openChainTasks({
    ...parts,
    chain,
    crypto,
    publicKey,
    nowMs,
    post: protocol.post,
    isWanted: (action) => isBeingValidated(protocol.state(), action),
    onAppended: (decided) => {
      const tip = chain.tip();
      const self = memberIndex(tip.federation, publicKey);
      void protocol.post({ kind: "advanced", tip, self, work: work() });
      // A crash before this: the others hear of our height when the links come up again.
      network.broadcast(encodeFrame({ kind: "height", height: decided.block.header.height }));
      onAppended(decided);
    },
  });
}

/** Whether the protocol waits for this answer: it is in the round of this proposal, and has no verdict. */
function isBeingValidated(
  { height, current }: State,
  action: Validate,
): boolean {
  return height === action.height && current?.round === action.round && current.status === "validating" &&
    equal(current.blockHash, action.blockHash);
}

/** How the protocol's actions are run by the parts. */
export function driverPorts(
  { network, journal, onEvidence }: MemberOptions,
  { fatal, state, tasks, catchUp, serving, background, log }: ProtocolPort & MemberParts,
): DriverPorts {
  const adopt = async ({ block, from }: Extract<Action, { kind: "adopt" }>) => {
    const verdict = await tasks.append(block);
    if (verdict.ok) return;
    const { code, detail } = verdict;
    log("warning", "block refused", { member: from, height: block.header.height, code, detail });
  };
  return {
    journal,
    fatal,
    build: tasks.build,
    validate: tasks.validate,
    commit: tasks.commit,
    send: (to, message) => {
      const frame = encodeFrame({ kind: "message", bytes: encodeMessage(message) });
      if (to === "all") network.broadcast(frame);
      else network.send(to, frame);
    },
    adopt: (action) => background.run(adopt(action)),
    fetchDecided: ({ height, from }) => {
      const { heights } = state().peers;
      for (const member of from) {
        const claimed = heights.get(member) ?? height;
        catchUp.onClaim(member, claimed < height ? height : claimed);
      }
    },
    sendDecided: ({ to, height }) => background.run(serving.decided(to, height)),
    evidence: ({ evidence }) => onEvidence(evidence),
  };
}
