/** Starting from a journal: what is remembered, what is sent again, and what is never voted twice. */
import assert from "node:assert/strict";
import type { Height } from "../../core/brands.ts";
import type { Bytes } from "../../core/bytes.ts";
import { VnfchainError } from "../../core/errors.ts";
import { decodeShape } from "../../core/shape.ts";
import type { Event } from "../../consensus/events.ts";
import { encodeRecord, recordShape } from "../../consensus/journal.ts";
import type { Commit } from "../../consensus/message.ts";
import { highestVoteOf } from "../../consensus/peers.ts";
import { start } from "../../consensus/start.ts";
import { standingOf } from "../../consensus/state.ts";
import { step } from "../../consensus/step.ts";
import { bareVote } from "../../consensus/vote.ts";
import { decodeMessage, encodeMessage } from "../../consensus/wire.ts";
import { blockOf, secondBlock } from "./driver/compact_scene.ts";
import { crash, fire, greetAll, makeCluster, type Node, restart, setWork } from "./support/cluster.ts";
import { toolsOf } from "./support/fixtures.ts";
import {
  arrival,
  blockBy,
  commit,
  greetedMember,
  hashOf,
  makeScene,
  play,
  prepare,
  prePrepare,
} from "./support/messages.ts";

const scene = makeScene(4);
const A = blockBy(scene, 0, { content: "A" });
const height = 1 as Height;
const events: readonly Event[] = [
  arrival(scene, prePrepare(scene, { sender: 0, proposal: A })),
  { kind: "validated", height, round: 0 as never, blockHash: hashOf(A), verdict: "valid" },
  ...[0, 1].map((sender) => arrival(scene, prepare(scene, { sender, proposal: A }))),
];
const first = play(greetedMember(scene, 2), events);
const records: readonly Bytes[] = first.all.flatMap((action) =>
  action.kind === "persist" ? action.records : []
);
const options = { tools: toolsOf(2), tip: scene.tip, self: 2, work: false };
const peerUp = (member: number): Event => ({ kind: "peerUp", member, height: 0 as Height, highest: null });

Deno.test("start() sends the votes of its journal again, byte for byte", () => {
  const sent = first.all.flatMap((action) => action.kind === "send" ? [encodeMessage(action.message)] : []);
  const { state } = start({ ...options, records });
  const again = step(state, peerUp(3)).actions.flatMap((action) =>
    action.kind === "send" ? [encodeMessage(action.message)] : []
  );
  assert.equal(sent.length, 2);
  assert.deepEqual(again, sent);
});

Deno.test("start() on a chain without a block lets the first one be due after the round's timer", () => {
  const { heartbeatMs, roundTimeoutMs } = scene.tip.federation.document.parameters;
  assert(roundTimeoutMs < heartbeatMs);
  const timer = start({ ...options, records: [] }).actions.find(({ kind }) => kind === "setTimer");
  assert(timer?.kind === "setTimer" && timer.timer === "heartbeat");
  assert.equal(timer.ms, roundTimeoutMs);
});

Deno.test("start() asks for its block's bodies again, without the clock", () => {
  const validate = start({ ...options, records }).actions.find(({ kind }) => kind === "validate");
  assert(validate?.kind === "validate");
  assert.equal(validate.fresh, false);
  assert.deepEqual(validate.blockHash, hashOf(A));
});

Deno.test("start() goes on where the journal ends: no second vote in its round", () => {
  const { state } = start({ ...options, records });
  const { all } = play(state, [peerUp(0), peerUp(1), ...events]);
  assert.deepEqual(all.filter(({ kind }) => kind === "persist"), []);
});

Deno.test("start() after a crash before the COMMIT was durable votes COMMIT now", () => {
  const upToPrepare = first.all.find(({ kind }) => kind === "persist");
  assert(upToPrepare?.kind === "persist");
  const { state } = start({ ...options, records: upToPrepare.records });
  const { actions } = play(state, [peerUp(0), peerUp(1), ...events.slice(2), events[1] as Event]);
  assert.deepEqual(actions.map(({ kind }) => kind), ["persist", "send"]);
});

Deno.test("start() follows below the height of a journal that is ahead of the chain", () => {
  const message = prepare(scene, { sender: 2, height: 2, proposal: A });
  const federationHash = scene.federation.hash;
  const ahead = [encodeRecord({ version: 1, type: 1, federationHash, message, block: A, prepares: [] })];
  const { state } = start({ ...options, records: ahead });
  assert.equal(state.height, 1);
  assert.equal(standingOf(play(state, [peerUp(0), peerUp(1), peerUp(3)]).state), "following");
});

Deno.test("start() remembers the others' highest votes, to show them to who forgot", () => {
  const { state } = start({ ...options, records });
  const shown = highestVoteOf(state, 1);
  assert.deepEqual(shown?.vote, bareVote(prepare(scene, { sender: 1, proposal: A })));
});

Deno.test("votes that our own votes rest on are written once", () => {
  const [seen] = records.slice(-1).map((bytes) =>
    decodeShape(recordShape, bytes, { what: "record", code: "message-format" })
  );
  assert(seen?.ok && seen.value.type === 2);
  // Member 0 has proposed and sent PREPARE, member 1 has sent PREPARE; our COMMIT rests on both.
  assert.deepEqual(seen.value.seen, []);
});

Deno.test("start() remembers the COMMITs of the certificate that its block carries", () => {
  const second = secondBlock();
  const block = blockOf(second, { ids: [] });
  const message = prepare(second, { sender: 2, height: 2, proposal: block });
  const federationHash = second.federation.hash;
  const record = encodeRecord({ version: 1, type: 1, federationHash, message, block, prepares: [] });
  const { state } = start({ ...options, tip: second.tip, records: [record] });
  assert.deepEqual(highestVoteOf(state, 1)?.vote, bareVote(second.commits[1] as Commit));
  assert.equal(highestVoteOf(state, 2), null);
  assert.equal(highestVoteOf(state, 3), null);
});

Deno.test("start() believes no signature in its journal that does not hold", () => {
  const message = commit(scene, { sender: 2, proposal: A });
  const signature = prepare(scene, { sender: 0, proposal: A }).signature;
  const prepares = [{ sender: 1, signature }, { sender: 399, signature }];
  const federationHash = scene.federation.hash;
  const record = encodeRecord({ version: 1, type: 1, federationHash, message, block: null, prepares });
  const { state } = start({ ...options, records: [...records.slice(0, 2), record] });
  assert.equal(highestVoteOf(state, 1), null);
});

Deno.test("a vote of ours above the journal, shown by a peer, makes us follow past its height", () => {
  const vote = commit(scene, { sender: 2, height: 5, proposal: A });
  const shown: Event = {
    kind: "peerUp",
    member: 0,
    height: 4 as Height,
    highest: { federationHash: scene.federation.hash, vote },
  };
  const { state } = step(greetedMember(scene, 2), shown);
  assert.equal(standingOf(state), "following");
  assert.equal(state.followUntil, 5);
});

Deno.test("a vote that a peer claims to be ours, but we did not sign, changes nothing", () => {
  const vote = { ...commit(scene, { sender: 1, height: 1_000_000, proposal: A }), sender: 2 };
  const shown: Event = {
    kind: "peerUp",
    member: 0,
    height: 0 as Height,
    highest: { federationHash: scene.federation.hash, vote },
  };
  assert.equal(standingOf(step(greetedMember(scene, 2), shown).state), "voting");
});

Deno.test("a vote of ours that comes back and that we do not remember makes us follow", () => {
  const message = arrival(scene, prepare(scene, { sender: 2, proposal: A }));
  assert.equal(standingOf(step(greetedMember(scene, 2), message).state), "following");
});

Deno.test("a vote of ours that comes back and that we remember changes nothing", () => {
  const message = arrival(scene, prepare(scene, { sender: 2, proposal: A }));
  assert.equal(standingOf(step(first.state, message).state), "voting");
});

Deno.test("start() refuses another member's journal", () => {
  assert.throws(
    () => start({ ...options, tools: toolsOf(3), self: 3, records }),
    failsWith("journal-foreign"),
  );
});

Deno.test("start() refuses a journal of another chain", () => {
  const elsewhere = makeScene(5);
  assert.throws(() => start({ ...options, tip: elsewhere.tip, records }), failsWith("journal-foreign"));
});

Deno.test("start() refuses a damaged record", () => {
  const damaged = records.map((record, i) => i === 0 ? record.slice(1) : record);
  assert.throws(() => start({ ...options, records: damaged }), failsWith("journal-damaged"));
});

function failsWith(code: string): (error: unknown) => boolean {
  return (error) => error instanceof VnfchainError && error.code === code;
}

Deno.test("start() after each possible length of the journal never votes twice for one round and kind", () => {
  const full = makeCluster({ n: 4 });
  const leader = full.nodes[0] as Node;
  greetAll(full);
  setWork(full, { node: leader, available: true });
  crash(full, 0);
  const { journal, sent } = leader;
  for (let kept = 0; kept <= journal.length; kept++) {
    const cluster = makeCluster({ n: 4 });
    const node = cluster.nodes[0] as Node;
    crash(cluster, 0);
    node.journal = journal.slice(0, kept);
    restart(cluster, 0);
    greetAll(cluster);
    setWork(cluster, { node, available: true });
    fire(cluster, { node, timer: "round" });
    const votes = new Map<string, string>();
    // Without its first records nothing was durable, and so nothing was sent.
    for (const bytes of [...kept > 0 ? sent : [], ...node.sent]) {
      const message = decodeMessage(bytes);
      assert(message.ok && message.value.kind !== "decided");
      const place = `${message.value.kind} ${message.value.height}/${message.value.round}`;
      assert.equal(votes.get(place) ?? String(bytes), String(bytes), place);
      votes.set(place, String(bytes));
    }
  }
});
