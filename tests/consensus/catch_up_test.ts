/** Catch-up plans: who is asked for what, and that blocks come out in order whatever the members do. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Height } from "../../core/brands.ts";
import {
  type CatchUp,
  isBehind,
  makeCatchUp,
  onBlocks,
  onClaim,
  onFailure,
  onHeight,
  onRejected,
  onSlow,
  type Planned,
  type RangeRequest,
} from "../../consensus/catch_up.ts";

const at = (height: number) => height as Height;
const plan = (height = 0) => makeCatchUp<number>({ height: at(height), rangeBlocks: 10 });
const claim = (from: CatchUp<number>, member: number, height: number) =>
  onClaim(from, { member, height: at(height) });
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const answer = (from: CatchUp<number>, { member, first, last }: RangeRequest) =>
  onBlocks(from, { member, first, blocks: range(first, last) });
const heights = ({ deliver }: Planned<number>) => deliver.map(({ block }) => block);

/** Two members at height 25; each was asked for ten heights. */
const two = claim(claim(plan(), 1, 25).plan, 2, 25);

Deno.test("several members are asked at once, for heights that do not overlap", () => {
  assert.deepEqual(two.plan.asked, [{ member: 1, first: 1, last: 10 }, { member: 2, first: 11, last: 20 }]);
});

Deno.test("nobody is asked for heights that it does not claim", () => {
  assert.deepEqual(claim(plan(5), 1, 5).requests, []);
  assert.deepEqual(claim(plan(5), 1, 7).requests, [{ member: 1, first: 6, last: 7 }]);
});

Deno.test("blocks come out in order, though the later range came first", () => {
  const later = answer(two.plan, { member: 2, first: 11, last: 20 });
  assert.deepEqual(heights(later), []);
  const both = answer(later.plan, { member: 1, first: 1, last: 10 });
  assert.deepEqual(heights(both), range(1, 20));
  assert.deepEqual(both.requests, [{ member: 1, first: 21, last: 25 }]);
});

Deno.test("a range goes to another member when its own fails", () => {
  const busy = onFailure(two.plan, 1);
  assert.deepEqual(busy.requests, []);
  assert.deepEqual(answer(busy.plan, { member: 2, first: 11, last: 20 }).requests, [{
    member: 2,
    first: 1,
    last: 10,
  }]);
});

Deno.test("what a slow member was asked for is asked of another as well, and taken from whoever is first", () => {
  const { plan: asked } = claim(plan(), 1, 5);
  const slow = onSlow(claim(asked, 2, 5).plan, 1);
  assert.deepEqual(slow.requests, [{ member: 2, first: 1, last: 5 }]);
  const first = answer(slow.plan, { member: 2, first: 1, last: 5 });
  assert.deepEqual(heights(first), range(1, 5));
  assert.deepEqual(heights(answer(first.plan, { member: 1, first: 1, last: 5 })), []);
});

Deno.test("a member that is not asked for anything is not slow", () => {
  const { plan: asked } = claim(plan(), 1, 5);
  assert.deepEqual(onSlow(asked, 2).requests, []);
  assert.equal(onSlow(asked, 2).plan.slow.size, 0);
});

Deno.test("a member that failed is asked again only after it shows its height anew", () => {
  const failed = onFailure(two.plan, 1).plan;
  assert.equal(failed.asked.some(({ member }) => member === 1), false);
  assert.equal(claim(failed, 1, 25).requests.some(({ member }) => member === 1), true);
});

Deno.test("an empty answer is a failure", () => {
  const { plan: after } = onBlocks(two.plan, { member: 1, first: 1, blocks: [] });
  assert.equal(after.claims.has(1), false);
});

Deno.test("a short answer is taken, and the rest asked for again", () => {
  const short = onBlocks(two.plan, { member: 1, first: 1, blocks: range(1, 4) });
  assert.deepEqual(heights(short), range(1, 4));
  assert.deepEqual(short.requests, [{ member: 1, first: 5, last: 10 }]);
});

Deno.test("more blocks than were asked for are cut, and answers to no question ignored", () => {
  const long = onBlocks(two.plan, { member: 1, first: 1, blocks: range(1, 99) });
  assert.deepEqual(heights(long), range(1, 10));
  assert.deepEqual(onBlocks(two.plan, { member: 3, first: 1, blocks: range(1, 4) }).deliver, []);
});

Deno.test("a block that does not hold is asked of another member", () => {
  const delivered = answer(two.plan, { member: 1, first: 1, last: 10 });
  const rejected = onRejected(delivered.plan, { member: 1, height: at(3) });
  assert.equal(rejected.plan.next, 4);
  const next = answer(rejected.plan, { member: 2, first: 11, last: 20 });
  assert.deepEqual(next.requests, [{ member: 2, first: 4, last: 10 }]);
});

Deno.test("heights that the chain got otherwise are not waited for", () => {
  const later = answer(two.plan, { member: 2, first: 11, last: 20 });
  assert.deepEqual(heights(onHeight(later.plan, at(12))), range(13, 20));
});

Deno.test("a claim of any height keeps what waits within the window", () => {
  const liar = claim(two.plan, 3, Number.MAX_SAFE_INTEGER);
  assert.deepEqual(liar.requests, [{ member: 3, first: 21, last: 30 }]);
});

Deno.test("isBehind() says whether somebody that may be asked claims more", () => {
  assert.equal(isBehind(two.plan), true);
  assert.equal(isBehind(onFailure(onFailure(two.plan, 1).plan, 2).plan), false);
});

Deno.test("every height comes out once and in order, whoever answers, cuts short or fails", () => {
  const target = 60;
  const choice = fc.record({ which: fc.nat(), what: fc.constantFrom("all", "some", "none", "fail") });
  fc.assert(fc.property(fc.array(choice, { maxLength: 60 }), (choices) => {
    let state = plan();
    const out: number[] = [];
    const take = (planned: Planned<number>) => {
      state = planned.plan;
      out.push(...heights(planned));
    };
    for (const member of [1, 2, 3]) take(claim(state, member, target));
    for (const { which, what } of choices) {
      const request = state.asked[which % Math.max(1, state.asked.length)];
      if (request === undefined) break;
      const { member, first, last } = request;
      if (what === "fail") take(onFailure(state, member));
      else if (what === "none") take(onBlocks(state, { member, first, blocks: [] }));
      else take(answer(state, { member, first, last: what === "some" ? first : last }));
      if (!state.claims.has(member)) take(claim(state, member, target));
    }
    for (let request = state.asked[0]; request !== undefined; request = state.asked[0]) {
      take(answer(state, request));
    }
    assert.deepEqual(out, range(1, target));
  }));
});
