/**
 * Planning how to catch up: which heights to ask of whom, several members at once, and in which order the answers go
 * on. It plans only: whether a block is decided is judged where it is stored, and a member's height is a claim.
 *
 * Each member has at most one range outstanding. A range whose member fails, lies or takes long goes to another; a
 * member that failed is asked again only after it showed its height anew. Ranges start close above our own height, so
 * that what waits out of order stays bounded whatever heights are claimed.
 *
 * @module
 */
import type { Height } from "../core/brands.ts";
import { LIMITS } from "../core/limits.ts";

/** Heights `first` to `last`, both included, asked of a member. */
export interface RangeRequest {
  readonly member: number;
  readonly first: number;
  readonly last: number;
}

/** A plan under way; `B` is what a block is to the caller. */
export interface CatchUp<B> {
  /** The height delivered next. */
  readonly next: number;
  /** The highest height that each member claims; only those that may be asked. */
  readonly claims: ReadonlyMap<number, number>;
  readonly asked: readonly RangeRequest[];
  /** Members that take long to answer: what they were asked for may be asked of others as well. */
  readonly slow: ReadonlySet<number>;
  /** Blocks that came before their turn, with whom they are from. */
  readonly early: ReadonlyMap<number, { readonly block: B; readonly member: number }>;
  /** Heights of one request at most. */
  readonly rangeBlocks: number;
}

/** A plan with what it wants done: requests to send, blocks to judge and store in this order. */
export interface Planned<B> {
  readonly plan: CatchUp<B>;
  readonly requests: readonly RangeRequest[];
  readonly deliver: readonly { readonly block: B; readonly member: number }[];
}

/** Nobody to ask yet; `height` is our chain's. */
export function makeCatchUp<B>(
  { height, rangeBlocks = LIMITS.catchUpBlocks }: { height: Height; rangeBlocks?: number },
): CatchUp<B> {
  return { next: height + 1, claims: new Map(), asked: [], slow: new Set(), early: new Map(), rangeBlocks };
}

/** A member showed or claimed its height; one that failed may be asked again. */
export function onClaim<B>(
  plan: CatchUp<B>,
  { member, height }: { member: number; height: Height },
): Planned<B> {
  return ask({ ...plan, claims: new Map(plan.claims).set(member, height) });
}

/** A member's answer, from its request's first height on; it may be shorter than asked. Empty is a failure. */
export function onBlocks<B>(
  plan: CatchUp<B>,
  { member, first, blocks }: { member: number; first: number; blocks: readonly B[] },
): Planned<B> {
  const request = plan.asked.find((each) => each.member === member && each.first === first);
  if (request === undefined) return unchanged(plan);
  if (blocks.length === 0) return onFailure(plan, member);
  const early = new Map(plan.early);
  for (const [i, block] of blocks.slice(0, request.last - first + 1).entries()) {
    if (first + i >= plan.next && !early.has(first + i)) early.set(first + i, { block, member });
  }
  const asked = plan.asked.filter((each) => each !== request);
  return ask(deliverable({ ...plan, early, asked, slow: without(plan.slow, member) }));
}

/**
 * A member has not answered for a while. It still may, but nobody waits for it alone: else one that falls silent would
 * hold us up for the whole time that an honest member on a slow line needs.
 */
export function onSlow<B>(plan: CatchUp<B>, member: number): Planned<B> {
  if (!plan.asked.some((each) => each.member === member)) return unchanged(plan);
  return ask({ ...plan, slow: new Set(plan.slow).add(member) });
}

/** A member timed out, hung up, or gave a block that does not hold: what is not delivered of it is asked anew. */
export function onFailure<B>(plan: CatchUp<B>, member: number): Planned<B> {
  const claims = new Map(plan.claims);
  claims.delete(member);
  return ask({
    ...plan,
    claims,
    asked: plan.asked.filter((each) => each.member !== member),
    slow: without(plan.slow, member),
    early: new Map([...plan.early].filter(([, each]) => each.member !== member)),
  });
}

/** A delivered block did not hold: back to the height after our chain's, without its member. */
export function onRejected<B>(
  plan: CatchUp<B>,
  { member, height }: { member: number; height: Height },
): Planned<B> {
  return onFailure({ ...plan, next: height + 1 }, member);
}

/** The chain has this height, however it came there. */
export function onHeight<B>(plan: CatchUp<B>, height: Height): Planned<B> {
  if (height < plan.next) return unchanged(plan);
  const early = new Map([...plan.early].filter(([each]) => each > height));
  return ask(deliverable({ ...plan, next: height + 1, early }));
}

/** Whether somebody that may be asked claims a height that we do not have. */
export function isBehind<B>({ claims, next }: CatchUp<B>): boolean {
  return [...claims.values()].some((height) => height >= next);
}

function without(members: ReadonlySet<number>, member: number): ReadonlySet<number> {
  return new Set([...members].filter((each) => each !== member));
}

function unchanged<B>(plan: CatchUp<B>): Planned<B> {
  return { plan, requests: [], deliver: [] };
}

/** Takes what is next in turn out of the early ones. */
function deliverable<B>(plan: CatchUp<B>): Planned<B> {
  const early = new Map(plan.early);
  const deliver = [];
  let next = plan.next;
  for (let turn = early.get(next); turn !== undefined; turn = early.get(next)) {
    deliver.push(turn);
    early.delete(next++);
  }
  return { plan: { ...plan, next, early }, requests: [], deliver };
}

/** Gives every idle member that claims more than we have a range that nobody was asked for. */
function ask<B>(from: CatchUp<B> | Planned<B>): Planned<B> {
  const { plan, deliver } = "plan" in from ? from : unchanged(from);
  const asked = [...plan.asked];
  const requests: RangeRequest[] = [];
  const idle = [...plan.claims].filter(([member]) => !asked.some((each) => each.member === member));
  // Who claims least comes first, so that a low claim is not left without a range that it could serve.
  for (const [member, height] of idle.sort(([a, x], [b, y]) => x - y || a - b)) {
    const range = gap({ ...plan, asked }, height);
    if (range === undefined) continue;
    const request = { member, ...range };
    asked.push(request);
    requests.push(request);
  }
  return { plan: { ...plan, asked }, requests, deliver };
}

/** The first heights up to `height` that are neither here nor asked for, as one range within the window. */
function gap<B>(
  { next, asked, slow, early, rangeBlocks, claims }: CatchUp<B>,
  height: number,
): { first: number; last: number } | undefined {
  // A range for each member that may be asked is all that can wait out of order.
  const end = Math.min(height, next + rangeBlocks * Math.max(1, claims.size) - 1);
  const isTaken = (each: number) =>
    early.has(each) ||
    asked.some(({ member, first, last }) => !slow.has(member) && each >= first && each <= last);
  let first = next;
  while (first <= end && isTaken(first)) first++;
  if (first > end) return undefined;
  let last = first;
  while (last < Math.min(end, first + rangeBlocks - 1) && !isTaken(last + 1)) last++;
  return { first, last };
}
