/** Replaying chains whose federation changes: who signs, who proposes, and which document is named, at which height. */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { RawBlock } from "../../core/block.ts";
import { checkHeader } from "../../core/block_rules.ts";
import { toHex } from "../../core/bytes.ts";
import type { ReplayedBlock } from "../../core/chain_replay.ts";
import { type Federation, type FederationDocument, federationOf } from "../../core/federation.ts";
import type { FederationChange } from "../../core/federation_change.ts";
import { platformCrypto as crypto } from "../../core/platform/crypto.ts";
import type { RefusalCode } from "../../core/refusals.ts";
import type { Transaction } from "../../core/transaction.ts";
import { leaderAt } from "../../consensus/leader.ts";
import { asRound } from "../../core/brands.ts";
import {
  approvalOf,
  type ChangeOptions,
  changeTransaction,
  makeChange,
  memberOf,
  naming,
  nextDocument,
} from "../support/federation_changes.ts";
import { certify, makeFederation, memberKey } from "../support/federation.ts";
import { testKey } from "../support/keys.ts";
import { replayOf } from "../support/replay.ts";
import { blockAt, type BlockOptions, TestChain } from "../support/test_chain.ts";
import { plainConfiguration } from "../support/test_transactions.ts";

const keys = Array.from({ length: 8 }, (_, index) => memberKey(index));
const tenant = testKey("tenant");

/** A member by the index of its key. */
function member(index: number) {
  return memberOf(memberKey(index), { name: `member-${index}`, index });
}

function membersOf(...indexes: readonly number[]): Partial<FederationDocument> {
  return { members: indexes.map(member) };
}

/** A chain of members 0 to n − 1 with the keys of all eight, and so many empty blocks. */
function chainOf(n: number, blocks = 2): TestChain {
  const { federation } = makeFederation({ keys: keys.slice(0, n), parameters: { tenureBlocks: 1_000 } });
  const chain = new TestChain({ federation, keys });
  for (let i = 0; i < blocks; i++) chain.append();
  return chain;
}

/** A change on the chain's tip. */
function changeOn(chain: TestChain, next: Partial<FederationDocument>, options: Partial<ChangeOptions> = {}) {
  const last = chain.blocks.at(-1);
  const { federation } = chain.tip();
  return makeChange({ federation, keys, next, ...(last && { names: naming(last.header) }), ...options });
}

function sent(chain: TestChain, change: FederationChange): Transaction {
  return changeTransaction(change, {
    federation: chain.federation,
    from: tenant,
    timestamp: chain.tip().parent.time,
  });
}

/** Appends a block that decides a change; gives the new federation. */
function decide(chain: TestChain, next: Partial<FederationDocument>, options: BlockOptions = {}): Federation {
  const change = changeOn(chain, next);
  chain.append([sent(chain, change)], options);
  return federationOf(crypto.hash, change.document);
}

/** Replays blocks that all hold. */
function replayed(chain: TestChain): readonly ReplayedBlock[] {
  const replay = replayOf(chain);
  return chain.blocks.map((block) => {
    const verdict = replay.push(block);
    ok(verdict.ok, verdict.ok ? "" : `${verdict.code}: ${verdict.detail}`);
    return verdict.value;
  });
}

/** Expects all blocks but the last one to hold. */
function lastRefused(
  { federation, blocks }: Pick<TestChain, "federation" | "blocks">,
  code: RefusalCode,
): void {
  const replay = replayOf({ federation });
  for (const [i, block] of blocks.entries()) {
    const verdict = replay.push(block);
    if (i < blocks.length - 1) ok(verdict.ok, verdict.ok ? "" : `${i + 1}: ${verdict.detail}`);
    else equal(verdict.ok ? "accepted" : verdict.code, code, verdict.ok ? "" : verdict.detail);
  }
}

/** The chain with its last block exchanged. */
function withLast({ federation, blocks }: TestChain, change: (last: RawBlock) => Partial<RawBlock>) {
  const last = blocks.at(-1) as RawBlock;
  return { federation, blocks: [...blocks.slice(0, -1), { ...last, ...change(last) }] };
}

Deno.test("push() has a change in force two blocks later, and headers name it one block ahead", () => {
  const chain = chainOf(4);
  const next = decide(chain, membersOf(0, 1, 2, 3, 4));
  for (let i = 0; i < 3; i++) chain.append();
  const first = chain.federation;
  const names = (federation: Federation) => federation === next ? "new" : "old";
  const named = replayed(chain).slice(2).map(({ header, federation, change }) => {
    const nameOf = (hash: Uint8Array) =>
      names([next, first].find((one) => toHex(one.hash) === toHex(hash)) ?? first);
    const own = nameOf(federation.hash);
    return `${header.height} ${own} ${nameOf(header.federation)} ${nameOf(header.nextFederation)} ${
      change?.document.sequence ?? "-"
    }`;
  });
  deepEqual(named, ["3 old old old 1", "4 old old new -", "5 new new new -", "6 new new new -"]);
});

Deno.test("push() follows members added one by one, replaced, and removed one by one", () => {
  const chain = chainOf(1);
  const lists = [[0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 5, 2, 3], [5, 2, 3], [7], [7, 0]];
  for (const list of lists) {
    decide(chain, membersOf(...list));
    chain.append();
  }
  chain.append();
  const changes = replayed(chain).flatMap(({ change }) =>
    change === null ? [] : [change.document.members.length]
  );
  deepEqual(changes, lists.map((list) => list.length));
});

Deno.test("push() takes the first change as soon as the one before is in force", () => {
  const chain = chainOf(2);
  decide(chain, membersOf(0, 1, 2));
  chain.append();
  decide(chain, membersOf(0, 1, 2, 3));
  equal(replayed(chain).at(-1)?.change?.document.sequence, 2);
});

Deno.test("push() refuses a change while one is pending, in the next block and in the same one", () => {
  const next = chainOf(4);
  decide(next, membersOf(0, 1, 2, 3, 4));
  // Of the document that is on its way, and approved by its own members too.
  next.append([sent(next, changeOn(next, membersOf(0, 1, 2), { federation: next.tip().nextFederation }))]);
  lastRefused(next, "federation-pending");
  const same = chainOf(4);
  const first = changeOn(same, membersOf(0, 1, 2));
  const pair = (second: FederationChange) => [sent(same, first), sent(same, second)];
  const follows = changeOn(same, membersOf(0, 1), { federation: federationOf(crypto.hash, first.document) });
  same.append(pair(follows));
  lastRefused(same, "federation-pending");
});

Deno.test("push() refuses two rival changes in one block by their version", () => {
  const chain = chainOf(4);
  chain.append([
    sent(chain, changeOn(chain, membersOf(0, 1, 2))),
    sent(chain, changeOn(chain, membersOf(1, 2, 3))),
  ]);
  lastRefused(chain, "vid-order");
});

Deno.test("push() refuses a rival of the change that is in force, and the same change again", () => {
  for (const rival of [membersOf(1, 2, 3), membersOf(0, 1, 2)]) {
    const chain = chainOf(4);
    const late = changeOn(chain, rival);
    decide(chain, membersOf(0, 1, 2));
    chain.append();
    chain.append([sent(chain, late)]);
    lastRefused(chain, "vid-order");
  }
});

Deno.test("push() refuses a next document approved by members who left", () => {
  const chain = chainOf(4);
  decide(chain, membersOf(4, 5, 6, 7));
  chain.append();
  const document = nextDocument(chain.tip().federation);
  const approvals = [0, 1, 2].map((member) =>
    approvalOf(document, { federation: chain.federation, keys, member })
  );
  chain.append([sent(chain, { document, approvals, joinings: [] })]);
  lastRefused(chain, "federation-approvals");
});

Deno.test("push() wants the old members' certificate at h and h+1, and the new ones' from h+2", () => {
  for (const [after, isNew] of [[0, false], [1, false], [2, true], [3, true]] as const) {
    const chain = chainOf(4);
    decide(chain, membersOf(4, 5, 6, 7));
    for (let i = 0; i < after; i++) chain.append();
    const next = chain.tip().nextFederation;
    const replay = replayed(chain);
    equal(replay.at(-1)?.federation.document.sequence, isNew ? 1 : 0);
    const wrong = isNew
      ? { federation: chain.federation, keys: keys.slice(0, 4) }
      : { federation: after === 0 ? chain.federation : next, keys: keys.slice(4) };
    lastRefused(
      withLast(chain, ({ header }) => ({ certificate: certify(wrong, { header }) })),
      "certificate-signature",
    );
  }
});

Deno.test("push() judges the parent's certificate by those who were in force at the parent", () => {
  const chain = chainOf(4);
  decide(chain, membersOf(4, 5, 6, 7));
  chain.append();
  chain.append();
  const replay = replayOf(chain);
  for (const block of chain.blocks.slice(0, 4)) ok(replay.push(block).ok);
  const tip = replay.tip();
  equal(tip.signedBy.document.sequence, 0);
  equal(tip.federation.document.sequence, 1);
  // Block 5 is the first under the new document, its parent the last under the old one.
  const { header, parentCertificate } = blockAt(chain, 5);
  ok(checkHeader({ header, parentCertificate }, { tip, crypto }).ok);
  const byNew = checkHeader({ header, parentCertificate }, {
    tip: { ...tip, signedBy: tip.federation },
    crypto,
  });
  equal(byNew.ok ? "accepted" : byNew.code, "certificate-signature");
});

Deno.test("push() counts the new quorum from h+2 on, and not before", () => {
  // Four decide by three; seven decide by five.
  const chain = chainOf(4);
  decide(chain, membersOf(0, 1, 2, 3, 4, 5, 6));
  chain.append([], { signers: [0, 1, 2] });
  chain.append([], { signers: [0, 1, 2, 3, 4] });
  replayed(chain);
  const few = chainOf(4);
  decide(few, membersOf(0, 1, 2, 3, 4, 5, 6));
  few.append([], { signers: [0, 1, 2] });
  few.append([], { signers: [0, 1, 2, 3] });
  lastRefused(few, "certificate-quorum");
});

Deno.test("push() refuses headers that name the change too early, too late, or another one", () => {
  const at = (
    after: number,
    lie: (hashes: { old: Federation; next: Federation }) => Partial<RawBlock["header"]>,
  ) => {
    const chain = chainOf(4);
    const change = changeOn(chain, membersOf(0, 1, 2, 3, 4));
    const federations = { old: chain.federation, next: federationOf(crypto.hash, change.document) };
    for (let i = 0; i <= after; i++) {
      const options = i === after
        ? { lie: (header: RawBlock["header"]) => ({ ...header, ...lie(federations) }) }
        : {};
      chain.append(i === 0 ? [sent(chain, change)] : [], options);
    }
    lastRefused(chain, "block-link");
  };
  at(0, ({ next }) => ({ nextFederation: next.hash }));
  at(0, ({ next }) => ({ federation: next.hash }));
  at(1, ({ old }) => ({ nextFederation: old.hash }));
  at(1, ({ next }) => ({ federation: next.hash }));
  at(2, ({ old }) => ({ federation: old.hash }));
  at(2, ({ old }) => ({ nextFederation: old.hash }));
});

Deno.test("push() begins with the first of the list when the last proposer has left", () => {
  const chain = chainOf(4, 1);
  chain.append([], { createdRound: 2 });
  equal(leaderAt(chain.tip(), asRound(0)), 2);
  decide(chain, membersOf(0, 1, 3));
  chain.append();
  equal(leaderAt(chain.tip(), asRound(0)), 0);
  equal(leaderAt(chain.tip(), asRound(1)), 1);
  chain.append([], { createdRound: 1 });
  replayed(chain);
});

Deno.test("push() goes on with the proposer whose place in the list has moved", () => {
  const chain = chainOf(4, 1);
  chain.append([], { createdRound: 2 });
  decide(chain, membersOf(5, 2, 0, 1));
  chain.append();
  equal(leaderAt(chain.tip(), asRound(0)), 1);
  chain.append();
  equal(toHex(replayed(chain).at(-1)?.header.proposer as Uint8Array), toHex(memberKey(2).publicKey));
});

Deno.test("push() refuses a proposer who has left, and one who is not in force yet", () => {
  const left = chainOf(4);
  decide(left, membersOf(1, 2, 3, 4));
  left.append();
  left.append([], { lie: (header) => ({ ...header, proposer: memberKey(0).publicKey }) });
  lastRefused(left, "block-proposer");
  const early = chainOf(4);
  decide(early, membersOf(4, 1, 2, 3));
  early.append([], { lie: (header) => ({ ...header, proposer: memberKey(4).publicKey }) });
  lastRefused(early, "block-proposer");
});

Deno.test("push() applies the parameters of the document in force, from h+2 on", async () => {
  const chain = chainOf(1);
  const { parameters } = chain.federation.document;
  const large = () => plainConfiguration(chain, tenant, { content: new Uint8Array(5_000) });
  decide(chain, { parameters: { ...parameters, maxTransactionBytes: 4_000 } });
  chain.append([await large()]);
  replayed(chain);
  chain.append([await large()]);
  lastRefused(chain, "too-large");
});

Deno.test("push() applies a shorter lifetime from h+2 on, and lets no transaction come back by it", async () => {
  for (const again of [true, false]) {
    const chain = chainOf(1);
    const { parameters } = chain.federation.document;
    const aged = (ageMs: number) =>
      plainConfiguration(chain, tenant, { timestamp: chain.tip().parent.time + 1_000 - ageMs });
    const once = await aged(60_000);
    chain.append([once]);
    decide(chain, { parameters: { ...parameters, transactionLifetimeMs: 30_000 } });
    chain.append([await aged(60_000)]);
    chain.append([await aged(30_000)]);
    replayed(chain);
    chain.append([again ? once : await aged(30_001)]);
    lastRefused(chain, "expired");
  }
});

Deno.test("push() refuses a newcomer that names a block of a fork, or its own block's height", () => {
  const fork = chainOf(4, 1);
  fork.append([], { afterMs: 1_001 });
  const chain = new TestChain({ federation: fork.federation, keys });
  for (let i = 0; i < 2; i++) chain.append();
  const forked = changeOn(chain, membersOf(0, 1, 2, 3, 4), { names: naming(blockAt(fork, 2).header) });
  chain.append([sent(chain, forked)]);
  lastRefused(chain, "federation-newcomer");
  const ahead = chainOf(4);
  const { header } = blockAt(ahead, 2);
  const names = { ...naming(header), height: (header.height + 1) as typeof header.height };
  ahead.append([sent(ahead, changeOn(ahead, membersOf(0, 1, 2, 3, 4), { names }))]);
  lastRefused(ahead, "federation-newcomer");
});

Deno.test("push() takes a named block of exactly the lifetime's age from memory, and none older", () => {
  for (const [more, holds] of [[0, true], [1, false]] as const) {
    const chain = chainOf(4);
    const { header } = blockAt(chain, 2);
    const lifetimeMs = chain.federation.document.parameters.transactionLifetimeMs;
    chain.append([], { afterMs: lifetimeMs - 1_000 });
    const change = changeOn(chain, membersOf(0, 1, 2, 3, 4), { names: naming(header) });
    chain.append([sent(chain, change)], { afterMs: 1_000 + more });
    if (holds) replayed(chain);
    else lastRefused(chain, "federation-newcomer");
  }
});
