import assert from "node:assert/strict";
import { makeSeenCommits } from "../../../consensus/driver/compact_commits.ts";
import { type CompactForm, prefixOf } from "../../../consensus/driver/compact_form.ts";
import {
  type CompactInbox,
  makeCompactInbox,
  type Received,
} from "../../../consensus/driver/compact_inbox.ts";
import type { Message, PrePrepare } from "../../../consensus/message.ts";
import { start } from "../../../consensus/start.ts";
import type { State } from "../../../consensus/state.ts";
import { step } from "../../../consensus/step.ts";
import { verifyMessage } from "../../../consensus/verify.ts";
import { encodeMessage } from "../../../consensus/wire.ts";
import type { TxId } from "../../../core/brands.ts";
import { toHex } from "../../../core/bytes.ts";
import { LIMITS } from "../../../core/limits.ts";
import { genesisTip } from "../../../core/tip.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import { sha256 } from "../../support/sha256.ts";
import { toolsOf } from "../support/fixtures.ts";
import { commit, prepare, prePrepare } from "../support/messages.ts";
import {
  blockOf,
  compact,
  given,
  idsOf,
  inFull,
  proposalOf,
  type SecondBlock,
  secondBlock,
  spoiled,
} from "./compact_scene.ts";

/** Member 3 on its second block, with a pool and a clock of the test's. */
interface Bench {
  readonly scene: SecondBlock;
  readonly inbox: CompactInbox;
  readonly pool: TxId[];
  readonly refused: Message[];
  state: State;
  nowMs: number;
  /** Hands over what was received, and what that lets go; gives the messages. */
  readonly give: (received: readonly Received[]) => readonly Message[];
}

function bench(
  options: { scene?: SecondBlock; pool?: readonly TxId[]; commits?: boolean; state?: State } = {},
): Bench {
  const { scene = secondBlock(), pool = [], commits = true } = options;
  const { federation, tip } = scene;
  const seen = makeSeenCommits();
  const made: Bench = {
    scene,
    pool: [...pool],
    refused: [],
    state: options.state ?? scene.stateOf(3),
    nowMs: 0,
    inbox: makeCompactInbox({
      state: () => made.state,
      poolIds: () => made.pool,
      commits: seen,
      hash: sha256,
      monotonicMs: () => made.nowMs,
      verify: (message) => {
        const verdict = verifyMessage(message, { federation, crypto: platformCrypto });
        if (!verdict.ok) made.refused.push(message);
        return verdict;
      },
    }),
    give: (received) => {
      const queue = [...received];
      for (let i = 0; i < queue.length; i++) {
        const next = queue[i] as Received;
        made.state = given(made.state, next);
        queue.push(...made.inbox.learn(next));
      }
      return queue.map(({ message: { message } }) => message);
    },
  };
  for (const { height, round, sender, blockHash, signature } of commits ? scene.commits : []) {
    seen.note({ height, round, sender, prefix: prefixOf(blockHash), signature }, tip);
  }
  return made;
}

function same(found: readonly Message[], wanted: readonly Message[]): void {
  const text = (messages: readonly Message[]) => messages.map((each) => toHex(encodeMessage(each)));
  assert.deepEqual(text(found), text(wanted));
}

/** Another prefix than that of any block. */
function withPrefix(form: CompactForm, from: PrePrepare): CompactForm {
  assert("prefix" in form.form);
  return { ...form, form: { ...form.form, prefix: prefixOf(from.blockHash) } } as CompactForm;
}

Deno.test("a compact proposal and the votes for it are received as they were sent", () => {
  const ids = idsOf(3);
  const { scene, inbox, give } = bench({ pool: ids });
  const proposal = proposalOf(scene, ids);
  same(give(inbox.receive(0, compact(proposal))), [proposal]);
  for (const vote of [prepare, commit]) {
    const message = vote(scene, { sender: 1, height: 2, proposal: proposal.proposal });
    same(give(inbox.receive(1, compact(message))), [message]);
  }
  assert.deepEqual(inbox.ask(), []);
  assert.equal(inbox.askInMs(), undefined);
});

Deno.test("votes that come before the proposal wait for it", () => {
  const { scene, inbox, give } = bench();
  const proposal = proposalOf(scene, []);
  const votes = [0, 1, 2].map((sender) => prepare(scene, { sender, height: 2, proposal: proposal.proposal }));
  for (const vote of votes) assert.deepEqual(inbox.receive(vote.sender, compact(vote)), []);
  same(give(inbox.receive(0, compact(proposal))), [proposal, ...votes]);
  assert.equal(inbox.askInMs(), undefined);
});

Deno.test("who votes for an unknown block is asked once, after a while, and one full vote helps all the others", () => {
  const made = bench();
  const { scene, inbox, give } = made;
  const { proposal } = proposalOf(scene, []);
  const votes = [1, 2].map((sender) => prepare(scene, { sender, height: 2, proposal }));
  for (const vote of votes) inbox.receive(vote.sender, compact(vote));
  assert.deepEqual(inbox.ask(), []);
  made.nowMs = inbox.askInMs() ?? 0;
  assert(made.nowMs > 0);
  assert.deepEqual(inbox.ask(), [1, 2]);
  made.nowMs *= 10;
  assert.deepEqual(inbox.ask(), []);
  same(give([inFull(scene, votes[0] as Message & { sender: number })]), votes);
});

Deno.test("a vote whose prefix is that of another block is asked for at once and taken in full", () => {
  const { scene, inbox, give, refused } = bench({ pool: idsOf(1) });
  const known = proposalOf(scene, idsOf(1));
  give(inbox.receive(0, compact(known)));
  const vote = prepare(scene, { sender: 1, height: 2, proposal: blockOf(scene, { ids: [] }) });
  assert.deepEqual(inbox.receive(1, withPrefix(compact(vote), known)), []);
  assert.equal(refused.length, 1);
  assert.deepEqual(inbox.ask(), [1]);
  same(give([inFull(scene, vote)]), [vote]);
  assert.equal(inbox.askInMs(), undefined);
});

Deno.test("a vote is tried with a few blocks at most", () => {
  const made = bench();
  const { scene, inbox } = made;
  const vote = prepare(scene, { sender: 1, height: 2, proposal: blockOf(scene, { ids: [] }) });
  // All of these begin like the block of the vote.
  const { blockHash } = vote;
  const alike = Array.from(
    { length: 9 },
    (_, i) => ({ ...vote, sender: 10 + i, blockHash: blockHash.map((byte, at) => at < 4 ? byte : i) }),
  );
  const prepares = new Map(alike.map((each) => [each.sender, each as typeof vote]));
  made.state = { ...made.state, votes: { ...made.state.votes, prepares } };
  assert.deepEqual(inbox.receive(1, compact(vote)), []);
  assert.equal(made.refused.length, LIMITS.compactCandidates);
  assert.deepEqual(inbox.ask(), [1]);
});

Deno.test("a proposal with an unknown transaction is asked for at once, and expands when it comes", () => {
  const ids = idsOf(3);
  const { scene, inbox, give } = bench({ pool: ids.slice(1) });
  const proposal = proposalOf(scene, ids);
  assert.deepEqual(inbox.receive(0, compact(proposal)), []);
  assert.deepEqual(inbox.ask(), [0]);
  assert.deepEqual(inbox.onTransactions(idsOf(2, "other")), []);
  same(give(inbox.onTransactions(ids.slice(0, 1))), [proposal]);
});

Deno.test("a proposal waits for a COMMIT that its parent's certificate has, and asks after a while", () => {
  const scene = secondBlock();
  const { inbox, give, ...made } = bench({ scene, commits: false, state: scene.stateOf(3, null) });
  const proposal = proposalOf(scene, []);
  assert.deepEqual(inbox.receive(0, compact(proposal)), []);
  assert.deepEqual(inbox.ask(), []);
  assert((inbox.askInMs() ?? 0) > 0, `${made.nowMs}`);
  const late = scene.commits.map((message) => inbox.receive(message.sender, compact(message)));
  assert.deepEqual(late.map((received) => received.length), [0, 0, 1, 0]);
  same(give(late.flat()), [proposal]);
});

Deno.test("the chain's own certificate helps out after a start", () => {
  const { scene, inbox, give } = bench({ commits: false });
  const proposal = proposalOf(scene, []);
  same(give(inbox.receive(0, compact(proposal))), [proposal]);
});

Deno.test("a member that signed a COMMIT twice spoils an expansion, and the full form is asked for", () => {
  const { scene, inbox, give } = bench();
  inbox.receive(1, compact(spoiled(scene.commits[1] as Message & { signature: unknown })));
  const proposal = proposalOf(scene, []);
  assert.deepEqual(inbox.receive(0, compact(proposal)), []);
  assert.deepEqual(inbox.ask(), [0]);
  same(give([inFull(scene, proposal)]), [proposal]);
  assert.equal(inbox.askInMs(), undefined);
});

Deno.test("a proposal by a member whose turn it is not costs nothing", () => {
  const { scene, inbox, refused } = bench();
  const proposal = prePrepare(scene, {
    sender: 1,
    height: 2,
    proposal: blockOf(scene, { ids: [], proposer: 1 }),
  });
  assert.deepEqual(inbox.receive(1, compact(proposal)), []);
  assert.deepEqual(refused, []);
  assert.equal(inbox.askInMs(), undefined);
});

Deno.test("a leader that sends proposal after proposal has few of them searched for and is asked once", () => {
  const made = bench();
  const { scene, inbox } = made;
  let searches = 0;
  Object.defineProperty(made, "pool", { get: () => (searches++, []) });
  const asked = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((i) => {
    assert.deepEqual(inbox.receive(0, compact(proposalOf(scene, idsOf(1, `${i}`)))), []);
    return inbox.ask();
  });
  assert.deepEqual(asked, [0]);
  assert.equal(searches, LIMITS.compactCandidates);
});

Deno.test("what is about the next height waits until the protocol is there", () => {
  const ids = idsOf(2);
  const scene = secondBlock();
  const { tip, federation } = scene;
  const before = start({ tools: toolsOf(3), tip: genesisTip(federation), self: 3, work: false, records: [] });
  const made = bench({ scene, pool: ids, state: before.state });
  const { inbox, give } = made;
  const proposal = proposalOf(scene, ids);
  const vote = prepare(scene, { sender: 1, height: 2, proposal: proposal.proposal });
  assert.deepEqual(inbox.receive(1, compact(vote)), []);
  assert.deepEqual(inbox.receive(0, compact(proposal)), []);
  assert.equal(inbox.askInMs(), undefined);
  made.state = step(made.state, { kind: "advanced", tip, self: 3, work: false }).state;
  same(give(inbox.onAdvanced()), [proposal, vote]);
});

Deno.test("a vote that is known says nothing new; another of the same member and round does", () => {
  const { scene, inbox, give, refused } = bench({ pool: idsOf(1) });
  const [a, b] = [proposalOf(scene, []), proposalOf(scene, idsOf(1))];
  give([inFull(scene, a), inFull(scene, { ...b, sender: 0 })]);
  const votes = [a, b].map(({ proposal }) => prepare(scene, { sender: 1, height: 2, proposal }));
  const [first, second] = votes.map(compact);
  assert(first !== undefined && second !== undefined);
  same(give(inbox.receive(1, first)), votes.slice(0, 1));
  assert.deepEqual(inbox.receive(1, first), []);
  inbox.receive(1, second);
  assert.deepEqual(refused, []);
  assert.notEqual(inbox.askInMs(), undefined);
});
