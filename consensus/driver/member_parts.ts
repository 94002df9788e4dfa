/**
 * The parts of a member, wired together: all but the protocol, which they reach through protocol_port.ts.
 *
 * @module
 */
import { equal } from "../../core/bytes.ts";
import { memberIndex } from "../../core/federation.ts";
import type { Action } from "../events.ts";
import type { State } from "../state.ts";
import { type Background, openBackground } from "./background.ts";
import { type Bodies, openBodies } from "./bodies.ts";
import { type CatchUpRun, openCatchUp } from "./catch_up_run.ts";
import { type ChainTasks, openChainTasks, type Validate } from "./chain_tasks.ts";
import { type CompactLinks, openCompactLinks } from "./compact_links.ts";
import type { DriverPorts } from "./driver.ts";
import { encodeFrame } from "./frames.ts";
import { type HeldBlocks, openHeldBlocks } from "./held_blocks.ts";
import { type DriverLog, limitLog } from "./log.ts";
import type { MemberOptions } from "./member_options.ts";
import { type MemberPool, openMemberPool } from "./pool.ts";
import type { ProtocolPort } from "./protocol_port.ts";
import { makeServing, type Serving } from "./serving.ts";
import { makeTraffic, type Traffic } from "./traffic.ts";

/** The parts. */
export interface MemberParts {
  readonly pool: MemberPool;
  /** Whether something can be proposed, as the protocol is told now. */
  readonly work: () => boolean;
  readonly held: HeldBlocks;
  readonly tasks: ChainTasks;
  readonly catchUp: CatchUpRun;
  readonly serving: Serving;
  readonly compact: CompactLinks;
  readonly traffic: Traffic;
  readonly background: Background;
  readonly log: DriverLog;
}

/** Opens the parts; nothing reaches the protocol before it runs. */
export async function openMemberParts(options: MemberOptions, protocol: ProtocolPort): Promise<MemberParts> {
  const { chain, crypto, network, roster, readBlocks } = options;
  const { send } = network;
  const { post, about, state } = protocol;
  const log = limitLog(options.log, options.nowMs);
  const monotonicMs = () => performance.now();
  const background = openBackground(protocol.fatal);
  const { pool, work } = await openWorkingPool(options, { post, log });
  const held = openHeldBlocks(chain);
  const bodies = openBodies({
    lookUp: (id) => pool.get(id) ?? held.transaction(id),
    want: (member, ids) => send(member, encodeFrame({ kind: "want", ids })),
  });
  const serving = makeServing({ send, pool, held, chain, readBlocks, monotonicMs });
  const compact = openCompactLinks({
    network,
    roster,
    chain,
    pool,
    crypto,
    about,
    state,
    serving,
    monotonicMs,
  });
  const tasks = openTasks(options, { protocol, pool, work, held, bodies, compact, background, log });
  const catchUp = openCatchUp({
    height: () => chain.tip().parent.height,
    ask: (member, range) => send(member, encodeFrame({ kind: "getBlocks", ...range })),
    append: tasks.append,
    background,
    log,
    answerMs: options.timing?.answerMs,
  });
  const { onBlocks } = catchUp;
  const traffic = makeTraffic({
    network,
    chain,
    pool,
    bodies,
    compact,
    crypto,
    about,
    state,
    serving,
    onBlocks,
    monotonicMs,
    log,
  });
  return { pool, work, held, tasks, catchUp, serving, compact, traffic, background, log };
}

/** The pool, and the protocol told whenever there is work or none any more. */
async function openWorkingPool(
  options: MemberOptions,
  { post, log }: Pick<ProtocolPort, "post"> & { log: DriverLog },
): Promise<Pick<MemberParts, "pool" | "work">> {
  const { chain, nowMs, crypto } = options;
  let told = false;
  const work = () => told = pool.available();
  const pool: MemberPool = await openMemberPool({
    port: options.pool,
    reader: chain,
    crypto,
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
  { chain, crypto, key, nowMs, network, roster, onAppended }: MemberOptions,
  { protocol, work, compact, ...parts }:
    & Pick<MemberParts, "pool" | "work" | "held" | "compact" | "background" | "log">
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
      roster.admit(tip.federation);
      const advanced = protocol.post({ kind: "advanced", tip, self, work: work() });
      parts.background.run(advanced.then(compact.onAdvanced));
      // A crash before this: the others hear of our height when the links come up again.
      network.broadcast(encodeFrame({ kind: "height", height: decided.block.header.height }));
      // After `advanced` was posted: who is linked from now on is a member at its turn.
      network.follow(tip);
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
  { journal, roster, onEvidence }: MemberOptions,
  { fatal, state, tasks, catchUp, serving, compact, background, log }: ProtocolPort & MemberParts,
): DriverPorts {
  const numberAt = (index: number) => roster.numberAt(state().tip.federation, index);
  const adopt = async ({ block, from }: Extract<Action, { kind: "adopt" }>) => {
    const member = numberAt(from);
    const verdict = await tasks.append(block);
    if (verdict.ok) return;
    const { code, detail } = verdict;
    log("warning", "block refused", { member, height: block.header.height, code, detail });
  };
  return {
    journal,
    fatal,
    build: tasks.build,
    validate: (action) => tasks.validate({ ...action, from: action.from.map(numberAt) }),
    commit: tasks.commit,
    send: (to, message) => compact.send(to === "all" ? to : numberAt(to), message),
    adopt: (action) => background.run(adopt(action)),
    fetchDecided: ({ height, from }) => {
      const { heights } = state().peers;
      for (const member of from) {
        const claimed = heights.get(member) ?? height;
        catchUp.onClaim(numberAt(member), claimed < height ? height : claimed);
      }
    },
    sendDecided: ({ to, height }) => background.run(serving.decided(numberAt(to), height)),
    evidence: ({ evidence }) => onEvidence(evidence),
  };
}
