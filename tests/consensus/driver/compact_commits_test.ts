import assert from "node:assert/strict";
import { makeSeenCommits, type SeenCommit } from "../../../consensus/driver/compact_commits.ts";
import { prefixOf } from "../../../consensus/driver/compact_form.ts";
import type { Commit } from "../../../consensus/message.ts";
import { secondBlock } from "./compact_scene.ts";

const { tip, commits } = secondBlock();
const [, own] = commits as readonly [Commit, Commit];
const bare = { ...tip, certificate: null };
const seen: SeenCommit = { ...own, prefix: prefixOf(own.blockHash) };

Deno.test("a signature is found for the tip's block and the round that it was cast in", () => {
  const made = makeSeenCommits();
  made.note(seen, bare);
  assert.equal(made.signatureOf(1, { tip: bare, round: 0 }), own.signature);
  assert.equal(made.signatureOf(1, { tip: bare, round: 1 }), undefined);
  assert.equal(made.signatureOf(2, { tip: bare, round: 0 }), undefined);
});

Deno.test("a signature over another block is not used", () => {
  const made = makeSeenCommits();
  made.note({ ...seen, prefix: new Uint8Array(4) }, bare);
  assert.equal(made.signatureOf(1, { tip: bare, round: 0 }), undefined);
});

Deno.test("what lies below the tip or far above it is not kept", () => {
  for (const height of [0, 5, 1_000_000]) {
    const made = makeSeenCommits();
    made.note({ ...seen, height }, bare);
    const later = { ...bare, parent: { ...bare.parent, height: height as typeof bare.parent.height } };
    assert.equal(made.signatureOf(1, { tip: later, round: 0 }), undefined);
  }
});

Deno.test("members go by the numbers that they keep", () => {
  const made = makeSeenCommits((_, index) => index + 10);
  made.note({ ...seen, sender: 11 }, bare);
  assert.equal(made.signatureOf(1, { tip: bare, round: 0 }), own.signature);
});
