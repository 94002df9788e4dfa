import assert from "node:assert/strict";
import { makeAwaitedReferences } from "../../../consensus/driver/references.ts";

Deno.test("a transaction waits for the highest version that it names of each configuration", () => {
  const references = makeAwaitedReferences();
  references.wait("a", [{ cid: "x", vid: 1 }, { cid: "x", vid: 3 }, { cid: "y", vid: 1 }]);
  references.wait("b", [{ cid: "x", vid: 2 }]);
  references.wait("c", []);
  assert.deepEqual(["a", "b", "c"].map(references.isWaiting), [true, true, false]);
  references.onVersion({ cid: "x", vid: 2 });
  assert.deepEqual(["a", "b"].map(references.isWaiting), [true, false]);
  references.onVersion({ cid: "x", vid: 3 });
  assert.equal(references.isWaiting("a"), true);
  references.onVersion({ cid: "y", vid: 1 });
  assert.equal(references.count(), 0);
});

Deno.test("what has left the pool waits for nothing", () => {
  const references = makeAwaitedReferences();
  references.wait("a", [{ cid: "x", vid: 1 }, { cid: "y", vid: 1 }]);
  references.forget("a");
  references.onVersion({ cid: "x", vid: 1 });
  assert.equal(references.count(), 0);
});
