/**
 * Catching up: runs the plan of ../catch_up.ts over the links. Every block that comes is judged and its certificate
 * verified before it is stored, whoever sent it.
 *
 * Memory is bounded: blocks that nobody asked for are not looked at, each member has one answer to give at a time,
 * and no new question is put while blocks wait to be stored. A member that answers wrongly or not at all is left alone
 * for a while (helpers.ts), so that liars slow us down less and less; all but one may be.
 *
 * @module
 */
import { decodeRawBlock } from "../../core/archive.ts";
import type { RawBlock } from "../../core/block.ts";
import { asHeight, type Height } from "../../core/brands.ts";
import type { Bytes } from "../../core/bytes.ts";
import type { Verdict } from "../../core/errors.ts";
import type { Tip } from "../../core/ports.ts";
import * as planning from "../catch_up.ts";
import type { Background } from "./background.ts";
import { makeHelpers } from "./helpers.ts";
import type { DriverLog } from "./log.ts";

/** How long a member has for an answer. */
const ANSWER_MS = 10_000;
/** After this time another member is asked as well. */
const SLOW_MS = 1_000;

/** What catching up works with. */
export interface CatchUpOptions {
  readonly height: () => Height;
  /** False when the question could not be sent. */
  readonly ask: (member: number, range: { from: Height; count: number }) => boolean;
  /** Judges and stores the next block. */
  readonly append: (block: RawBlock) => Promise<Verdict<Tip>>;
  readonly background: Background;
  readonly log: DriverLog;
  /** {@link ANSWER_MS} unless a test is in a hurry. */
  readonly answerMs?: number | undefined;
}

/** Catching up under way, or resting. */
export interface CatchUpRun extends Disposable {
  /** A member has shown or said that its chain has this height. */
  readonly onClaim: (member: number, height: Height) => void;
  readonly onBlocks: (member: number, answer: { from: Height; blocks: readonly Bytes[] }) => void;
  readonly onDown: (member: number) => void;
}

interface Delivery {
  readonly block: RawBlock;
  readonly member: number;
}

/** Starts at rest. */
export function openCatchUp(options: CatchUpOptions): CatchUpRun {
  const { log, answerMs = ANSWER_MS } = options;
  const helpers = makeHelpers(() => performance.now());
  /** Of each member, the question that it has to answer, or the pause after which its claim counts again. */
  const timers = new Map<number, { readonly id: ReturnType<typeof setTimeout>; readonly isAsked: boolean }>();
  const slowTimers = new Set<ReturnType<typeof setTimeout>>();
  const paused = new Map<number, Height>();
  let plan = planning.makeCatchUp<RawBlock>({ height: options.height() });
  let deliveries: Delivery[] = [];
  const postponed: planning.RangeRequest[] = [];
  let delivering = false;
  let stopped = false;

  function apply(planned: planning.Planned<RawBlock>): void {
    if (stopped) return;
    plan = planned.plan;
    deliveries.push(...planned.deliver);
    if (deliveries.length > 0 && !delivering) options.background.run(deliver());
    if (delivering) postponed.push(...planned.requests);
    else for (const request of planned.requests) send(request);
  }

  function send(request: planning.RangeRequest): void {
    const { member, first, last } = request;
    // While it waited its turn, the member may have failed or the height been reached otherwise.
    if (stopped || !plan.asked.includes(request)) return;
    const count = helpers.portion(member, last - first + 1);
    if (!options.ask(member, { from: asHeight(first), count })) return forget(member);
    setTimer(member, { afterMs: answerMs, isAsked: true, then: () => fail(member, "no answer in time") });
    const slow = setTimeout(() => {
      slowTimers.delete(slow);
      if (plan.asked.includes(request)) apply(planning.onSlow(plan, member));
    }, SLOW_MS);
    slowTimers.add(slow);
  }

  /** It cannot be asked now: whoever else can is. */
  function forget(member: number): void {
    clearTimer(member);
    apply(planning.onFailure(plan, member));
  }

  /** It was asked, and did not help. */
  function fail(member: number, why: string): void {
    distrust(member, why);
    apply(planning.onFailure(plan, member));
  }

  function distrust(member: number, why: string): void {
    log("info", "a member did not help to catch up", { member, why });
    const claim = plan.claims.get(member);
    helpers.onFailure(member);
    if (claim !== undefined) pause(member, asHeight(claim));
  }

  function pause(member: number, claim: Height): void {
    paused.set(member, claim);
    const then = () => {
      const latest = paused.get(member);
      paused.delete(member);
      timers.delete(member);
      if (latest !== undefined) onClaim(member, latest);
    };
    setTimer(member, { afterMs: helpers.pauseMs(member), isAsked: false, then });
  }

  function setTimer(
    member: number,
    { afterMs, isAsked, then }: { afterMs: number; isAsked: boolean; then: () => void },
  ): void {
    clearTimer(member);
    if (!stopped) timers.set(member, { id: setTimeout(then, afterMs), isAsked });
  }

  function clearTimer(member: number): void {
    clearTimeout(timers.get(member)?.id);
    timers.delete(member);
  }

  async function deliver(): Promise<void> {
    delivering = true;
    for (let next = deliveries.shift(); next !== undefined && !stopped; next = deliveries.shift()) {
      const { block, member } = next;
      const verdict = await options.append(block);
      if (verdict.ok) helpers.onSuccess(member);
      else reject(next, verdict);
    }
    delivering = false;
    for (const request of postponed.splice(0)) send(request);
  }

  function reject({ block, member }: Delivery, { code, detail }: { code: string; detail: string }): void {
    log("warning", "block refused", { member, height: block.header.height, code, detail });
    // What was to come after it would be refused too, and is not the fault of whoever sent it.
    deliveries = [];
    distrust(member, "a block was refused");
    apply(planning.onRejected(plan, { member, height: options.height() }));
  }

  function onClaim(member: number, height: Height): void {
    if (stopped) return;
    apply(planning.onHeight(plan, options.height()));
    if (height <= options.height()) return;
    if (paused.has(member)) paused.set(member, height);
    else if (helpers.pauseMs(member) > 0) pause(member, height);
    else apply(planning.onClaim(plan, { member, height }));
  }

  function onBlocks(member: number, { from, blocks }: { from: Height; blocks: readonly Bytes[] }): void {
    const request = plan.asked.find((each) => each.member === member && each.first === from);
    if (request === undefined || timers.get(member)?.isAsked !== true) return; // nobody asked, or it is too late
    clearTimer(member);
    const wanted = blocks.slice(0, request.last - request.first + 1).map(decodeRawBlock);
    const good = wanted.flatMap((verdict) => verdict.ok ? [verdict.value] : []);
    const isRight = good.length === wanted.length &&
      good.every(({ header }, i) => header.height === from + i);
    if (good.length === 0 || !isRight) return fail(member, "its answer is not what was asked for");
    apply(planning.onBlocks(plan, { member, first: from, blocks: good }));
  }

  return {
    onClaim,
    onBlocks,
    onDown: (member) => {
      paused.delete(member);
      forget(member);
    },
    [Symbol.dispose]: () => {
      stopped = true;
      for (const { id } of timers.values()) clearTimeout(id);
      for (const id of slowTimers) clearTimeout(id);
    },
  };
}
