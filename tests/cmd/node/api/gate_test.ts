import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { makeBudget, makeGate } from "../../../../cmd/node/api/gate.ts";

/** A gate with one place that is taken until `leave` is called; who came through stands in `through`. */
function takenGate() {
  const gate = makeGate(1);
  const through: string[] = [];
  const { promise, resolve: leave } = Promise.withResolvers<void>();
  const enter = (name: string, signal = new AbortController().signal) =>
    gate(() => {
      through.push(name);
      return Promise.resolve(name);
    }, signal);
  const first = gate(() => promise, new AbortController().signal);
  return { enter, through, leave: () => (leave(), first) };
}

Deno.test("makeGate() lets as many through at once as it has places", async () => {
  const gate = makeGate(2);
  let inside = 0;
  let most = 0;
  await Promise.all(Array.from({ length: 20 }, () =>
    gate(async () => {
      most = Math.max(most, ++inside);
      await Promise.resolve();
      inside--;
    }, new AbortController().signal)));
  deepEqual([inside, most], [0, 2]);
});

Deno.test("makeGate() lets through in order", async () => {
  const { enter, through, leave } = takenGate();
  const waiting = ["a", "b", "c"].map((name) => enter(name));
  deepEqual(through, []);
  await leave();
  deepEqual(await Promise.all(waiting), ["a", "b", "c"]);
  deepEqual(through, ["a", "b", "c"]);
});

Deno.test("makeGate() passes over those that went away, and their places are not lost", async () => {
  const { enter, through, leave } = takenGate();
  const controller = new AbortController();
  const gone = enter("gone", controller.signal);
  const staying = enter("staying");
  controller.abort();
  equal(await gone, undefined);
  equal(await enter("already gone", AbortSignal.abort()), undefined);
  await leave();
  equal(await staying, "staying");
  equal(await enter("next"), "next");
  deepEqual(through, ["staying", "next"]);
});

Deno.test("makeGate() frees the place of a task that fails", async () => {
  const gate = makeGate(1);
  const { signal } = new AbortController();
  await rejects(gate(() => Promise.reject(new Error("failed")), signal), /failed/);
  equal(await gate(() => Promise.resolve(1), signal), 1);
});

Deno.test("makeBudget() gives no more than it has, and takes back no more than it gave", () => {
  const budget = makeBudget(10);
  deepEqual([budget.take(6), budget.take(5), budget.take(4), budget.take(1)], [true, false, true, false]);
  budget.give(10);
  equal(budget.take(10), true);
  throws(() => budget.give(11), /more bytes/);
});
