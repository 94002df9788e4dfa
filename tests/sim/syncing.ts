/** Catching up: runs the real plan over the simulated links, as the driver does. */
import { makeHelpers } from "../../consensus/driver/helpers.ts";
import type { CatchUp, Planned, RangeRequest } from "../../consensus/catch_up.ts";
import { asHeight, type Height } from "../../core/brands.ts";
import type { RawBlock } from "../../core/block.ts";
import type { Task } from "./tasks.ts";
import { runTask } from "./tasks.ts";
import type { NodeId, Protocol } from "./types.ts";

/** How long a member has for an answer, as in the driver. */
const ANSWER_MS = 10_000;
const SLOW_MS = 1_000;

/** What catching up works with. */
export interface SyncingOptions {
  readonly protocol: Protocol;
  readonly height: () => Height;
  readonly nowMs: () => number;
  readonly after: (ms: number, run: () => void) => void;
  readonly ask: (node: NodeId, range: { readonly from: Height; readonly count: number }) => boolean;
  /** Judges and stores; whether it held. */
  readonly append: (block: RawBlock) => Task<boolean>;
  readonly onCaughtUp: () => void;
}

/** Catching up under way, or resting. Members are known by their nodes: a place in a federation may change. */
export interface Syncing {
  readonly onClaim: (node: NodeId, height: Height) => void;
  readonly onBlocks: (
    node: NodeId,
    answer: { readonly from: Height; readonly blocks: readonly RawBlock[] },
  ) => void;
  readonly onDown: (node: NodeId) => void;
  readonly plan: () => CatchUp<RawBlock>;
}

/** Starts at rest. */
export function makeSyncing(options: SyncingOptions): Syncing {
  const { protocol: { catchUp: planning } } = options;
  const helpers = makeHelpers(options.nowMs);
  /** Of each member, the timer that counts: for its answer, or for its pause. */
  const timers = new Map<NodeId, { readonly isAsked: boolean }>();
  const paused = new Map<NodeId, Height>();
  let plan = planning.makeCatchUp<RawBlock>({ height: options.height() });
  let deliveries: { readonly block: RawBlock; readonly member: number }[] = [];
  const postponed: RangeRequest[] = [];
  let delivering = false;

  function apply(planned: Planned<RawBlock>): void {
    plan = planned.plan;
    deliveries.push(...planned.deliver);
    if (deliveries.length > 0 && !delivering) {
      delivering = true;
      runTask(deliver());
    }
    if (delivering) postponed.push(...planned.requests);
    else for (const request of planned.requests) send(request);
  }

  function send(request: RangeRequest): void {
    const { member, first, last } = request;
    if (!plan.asked.includes(request)) return;
    const count = helpers.portion(member, last - first + 1);
    if (!options.ask(member, { from: asHeight(first), count })) {
      timers.delete(member);
      return apply(planning.onFailure(plan, member));
    }
    setTimer(member, { afterMs: ANSWER_MS, isAsked: true, then: () => fail(member) });
    options.after(SLOW_MS, () => {
      if (plan.asked.includes(request)) apply(planning.onSlow(plan, member));
    });
  }

  function setTimer(
    member: NodeId,
    { afterMs, isAsked, then }: { afterMs: number; isAsked: boolean; then: () => void },
  ): void {
    const timer = { isAsked };
    timers.set(member, timer);
    options.after(afterMs, () => {
      if (timers.get(member) !== timer) return;
      timers.delete(member);
      then();
    });
  }

  function fail(member: NodeId): void {
    distrust(member);
    apply(planning.onFailure(plan, member));
  }

  function distrust(member: NodeId): void {
    const claim = plan.claims.get(member);
    helpers.onFailure(member);
    if (claim !== undefined) pause(member, asHeight(claim));
  }

  function pause(member: NodeId, claim: Height): void {
    paused.set(member, claim);
    const then = () => {
      const latest = paused.get(member);
      paused.delete(member);
      if (latest !== undefined) onClaim(member, latest);
    };
    setTimer(member, { afterMs: helpers.pauseMs(member), isAsked: false, then });
  }

  function* deliver(): Task {
    for (let next = deliveries.shift(); next !== undefined; next = deliveries.shift()) {
      const { block, member } = next;
      if (yield* options.append(block)) {
        helpers.onSuccess(member);
        options.onCaughtUp();
        continue;
      }
      deliveries = [];
      distrust(member);
      apply(planning.onRejected(plan, { member, height: options.height() }));
    }
    delivering = false;
    for (const request of postponed.splice(0)) send(request);
  }

  function onClaim(member: NodeId, height: Height): void {
    apply(planning.onHeight(plan, options.height()));
    if (height <= options.height()) return;
    if (paused.has(member)) paused.set(member, height);
    else if (helpers.pauseMs(member) > 0) pause(member, height);
    else apply(planning.onClaim(plan, { member, height }));
  }

  return {
    onClaim,
    onBlocks: (member, { from, blocks }) => {
      const request = plan.asked.find((each) => each.member === member && each.first === from);
      if (request === undefined || timers.get(member)?.isAsked !== true) return;
      timers.delete(member);
      const wanted = blocks.slice(0, request.last - request.first + 1);
      const isRight = wanted.every(({ header }, i) => header.height === from + i);
      if (wanted.length === 0 || !isRight) return fail(member);
      apply(planning.onBlocks(plan, { member, first: from, blocks: wanted }));
    },
    onDown: (member) => {
      paused.delete(member);
      timers.delete(member);
      apply(planning.onFailure(plan, member));
    },
    plan: () => plan,
  };
}
