/** Every mutant can still be made: the sources have each text that it replaces exactly once. */
import assert from "node:assert/strict";
import { MUTANTS } from "./catalogue.ts";
import { assertApplies, patch } from "./patched.ts";

Deno.test("every mutant's replacements apply to the sources as they are", () => {
  for (const each of MUTANTS) assertApplies(each);
});

Deno.test("every mutant has a name of its own and changes something", () => {
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  for (const { name, patches = [], rules = {}, isSmallQuorum } of MUTANTS) {
    assert(patches.length + Object.keys(rules).length > 0 || isSmallQuorum, name);
  }
});

Deno.test("patch() refuses a text that is missing, or there twice", () => {
  const file = "consensus/step.ts";
  assert.throws(() => patch("one two", [{ file, find: "three", replace: "" }]), /has 0 times/);
  assert.throws(() => patch("one one", [{ file, find: "one", replace: "" }]), /has 2 times/);
  assert.equal(patch("one $& two", [{ file, find: "two", replace: "$&" }]), "one $& $&");
});
