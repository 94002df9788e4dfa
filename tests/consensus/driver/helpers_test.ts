import assert from "node:assert/strict";
import { makeHelpers } from "../../../consensus/driver/helpers.ts";

Deno.test("who does not help is left alone longer each time, and asked for less, until it helps", () => {
  let now = 0;
  const helpers = makeHelpers(() => now);
  assert.deepEqual([helpers.pauseMs(1), helpers.portion(1, 256)], [0, 256]);
  const seen = Array.from({ length: 8 }, () => {
    helpers.onFailure(1);
    const pause = helpers.pauseMs(1);
    now += pause;
    return [pause, helpers.portion(1, 256)];
  });
  assert.deepEqual(seen, [
    [1000, 64],
    [2000, 16],
    [4000, 4],
    [8000, 1],
    [16000, 1],
    [32000, 1],
    [60000, 1],
    [60000, 1],
  ]);
  assert.equal(helpers.pauseMs(1), 0);
  helpers.onSuccess(1);
  assert.equal(helpers.portion(1, 256), 256);
});
