import assert from "node:assert/strict";
import { federationOf } from "../../core/federation.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { openRoster } from "../../core/roster.ts";
import { memberKey, testFederation } from "../support/federation.ts";
import { memberOf, nextDocument } from "../support/federation_changes.ts";

const first = testFederation(3);
const member = (index: number, name = `node-${index}`) => memberOf(memberKey(index), { name, index });
const next = (members: readonly ReturnType<typeof member>[]) =>
  federationOf(platformCrypto.hash, nextDocument(first, { members }));

Deno.test("openRoster() numbers a document's members by their indexes", () => {
  const roster = openRoster(first);
  assert.deepEqual([0, 1, 2].map((index) => roster.numberAt(first, index)), [0, 1, 2]);
  assert.equal(roster.numberOf(memberKey(7).publicKey), undefined);
});

Deno.test("a number stays with its key while the indexes move", () => {
  const roster = openRoster(first);
  const second = next([member(5), member(2), member(0)]);
  roster.admit(second);
  assert.deepEqual([0, 1, 2].map((index) => roster.numberAt(second, index)), [3, 2, 0]);
  assert.deepEqual([0, 1, 2, 3].map((number) => roster.indexIn(second, number)), [2, -1, 1, 0]);
  assert.equal(roster.numberOf(memberKey(1).publicKey), 1);
});

Deno.test("a member is known as the newest document has it, and a new key is another member", () => {
  const roster = openRoster(first);
  roster.admit(next([member(0, "renamed"), member(4, "member-1")]));
  assert.deepEqual([0, 1, 3].map((number) => roster.member(number).name), [
    "renamed",
    "member-1",
    "member-1",
  ]);
});
