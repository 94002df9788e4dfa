/**
 * Catching up: runs the plan of ../catch_up.ts over the links. Every block that comes is judged and its certificate
 * verified before it is stored, whoever sent it.
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
import type { DriverLog } from "./log.ts";

/** How long a member has for an answer. */
const ANSWER_MS = 10_000;

/** What catching up works with. */
export interface CatchUpOptions {
  readonly height: () => Height;
  /** False when the question could not be sent. */
  readonly ask: (member: number, range: { from: Height; count: number }) => boolean;
  /** Judges and stores the next block. */
  readonly append: (block: RawBlock) => Promise<Verdict<Tip>>;
  readonly log: DriverLog;
  readonly fatal: (error: unknown) => void;
}

/** Catching up under way, or resting. */
export interface CatchUpRun extends Disposable {
  /** A member has shown or said that its chain has this height. */
  readonly onClaim: (member: number, height: Height) => void;
  readonly onBlocks: (member: number, answer: { from: Height; blocks: readonly Bytes[] }) => void;
  readonly onDown: (member: number) => void;
  /** Whether somebody claims more than we have. */
  readonly isBehind: () => boolean;
}

/** Starts at rest. */
export function openCatchUp(options: CatchUpOptions): CatchUpRun {
  let plan = planning.makeCatchUp<RawBlock>({ height: options.height() });
  const timers = new Map<number, ReturnType<typeof setTimeout>>();
  let delivering: Promise<void> = Promise.resolve();
  let stopped = false;

  function apply(planned: planning.Planned<RawBlock>): void {
    if (stopped) return;
    plan = planned.plan;
    if (planned.deliver.length > 0) {
      delivering = delivering.then(() => deliver(planned.deliver)).catch(options.fatal);
    }
    for (const request of planned.requests) send(request);
  }

  function send({ member, first, last }: planning.RangeRequest): void {
    if (!options.ask(member, { from: asHeight(first), count: last - first + 1 })) return fail(member);
    setTimer(member, setTimeout(() => fail(member), ANSWER_MS));
  }

  function fail(member: number): void {
    setTimer(member, undefined);
    apply(planning.onFailure(plan, member));
  }

  function setTimer(member: number, timer: ReturnType<typeof setTimeout> | undefined): void {
    clearTimeout(timers.get(member));
    if (timer === undefined) timers.delete(member);
    else timers.set(member, timer);
  }

  async function deliver(blocks: readonly { block: RawBlock; member: number }[]): Promise<void> {
    for (const { block, member } of blocks) {
      if (stopped) return;
      const verdict = await options.append(block);
      if (verdict.ok) continue;
      const { code, detail } = verdict;
      options.log("warning", "block refused", { member, height: block.header.height, code, detail });
      return apply(planning.onRejected(plan, { member, height: options.height() }));
    }
  }

  return {
    onClaim: (member, height) => {
      apply(planning.onHeight(plan, options.height()));
      if (height > options.height()) apply(planning.onClaim(plan, { member, height }));
    },
    onBlocks: (member, { from, blocks }) => {
      setTimer(member, undefined);
      const decoded = blocks.map(decodeRawBlock);
      const good = decoded.flatMap((verdict) => verdict.ok ? [verdict.value] : []);
      if (good.length < decoded.length) return fail(member);
      apply(planning.onBlocks(plan, { member, first: from, blocks: good }));
    },
    onDown: fail,
    isBehind: () => planning.isBehind(planning.onHeight(plan, options.height()).plan),
    [Symbol.dispose]: () => {
      stopped = true;
      for (const timer of timers.values()) clearTimeout(timer);
    },
  };
}
