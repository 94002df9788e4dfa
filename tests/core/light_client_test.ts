import assert from "node:assert/strict";
import fc from "fast-check";
import { asHash, asHeight, type Hash } from "../../core/brands.ts";
import { blockHash } from "../../core/block.ts";
import { type Bytes, toHex, u64be } from "../../core/bytes.ts";
import { type FollowedFeed, type PollContext, verifyPoll } from "../../core/light_client.ts";
import { platformCrypto as crypto } from "../../core/platform/crypto.ts";
import type { PollConfiguration } from "../../core/poll.ts";
import type { FeedState } from "../../core/state/values.ts";
import type { Transaction } from "../../core/transaction.ts";
import { testKey } from "../support/keys.ts";
import { certify, makeFederation } from "../support/federation.ts";
import type { AnswerParts } from "../support/test_answers.ts";
import { TestChain } from "../support/test_chain.ts";
import { configuration, newCid } from "../support/test_transactions.ts";

const tenant = testKey("tenant");
const vnf = testKey("vnf");
const feed = { sender: tenant.publicKey, recipient: vnf.publicKey };
const templates = { sender: tenant.publicKey, recipient: null };
const cid = newCid(tenant.publicKey);
const template = newCid(tenant.publicKey);

/** Four members; a template, then three versions that refer to it, then an empty block. */
async function story(): Promise<{ chain: TestChain; transactions: readonly Transaction[] }> {
  const chain = new TestChain(makeFederation({ size: 4 }));
  const { federation } = chain;
  const transactions: Transaction[] = [];
  const first = await configuration(federation, {
    from: tenant,
    to: null,
    cid: template,
    content: "template",
  });
  chain.commit([first]);
  for (const vid of [1, 2, 3]) {
    const before = [{ cid: template, vid: null }];
    const next = await configuration(federation, {
      from: tenant,
      to: vnf.publicKey,
      cid,
      vid,
      content: `${vid}`,
      before,
    });
    transactions.push(next);
    chain.commit([next]);
  }
  chain.commit();
  return { chain, transactions };
}

const { chain, transactions } = await story();

interface Asked {
  readonly feeds?: readonly FollowedFeed[];
  readonly configurations?: readonly PollConfiguration[];
  readonly known?: PollContext["known"];
}

const BOTH: readonly FollowedFeed[] = [{ ...feed, state: null }, { ...templates, state: null }];

function answer(
  { feeds = BOTH, configurations = [] }: Asked,
  alter?: (parts: AnswerParts) => AnswerParts,
): Bytes {
  const request = {
    version: 1 as const,
    feeds: feeds.map(({ sender, recipient, state }) => ({ sender, recipient, count: state?.count ?? 0 })),
    configurations,
  };
  return chain.answer(request, alter === undefined ? {} : { alter });
}

function verify(bytes: Bytes, { feeds = BOTH, configurations = [], known = null }: Asked = {}) {
  return verifyPoll(bytes, { feeds, configurations, known, federation: chain.federation, crypto });
}

function codeOf(verdict: ReturnType<typeof verify>): string {
  return verdict.ok ? "accepted" : verdict.code;
}

Deno.test("verifyPoll() gives all new transactions in order, with their places", () => {
  const verdict = verify(answer({}));
  assert(verdict.ok, verdict.ok ? "" : verdict.detail);
  const [news] = verdict.value.feeds;
  assert.deepEqual(
    news?.transactions.map(({ transaction }) => toHex(transaction.id)),
    transactions.map(({ id }) => toHex(id)),
  );
  assert.deepEqual(news?.transactions.map(({ height, index }) => [height, index]), [[2, 0], [3, 0], [4, 0]]);
  assert.equal(news?.complete, true);
});

Deno.test("verifyPoll() goes on from what the client has, and then finds nothing new", () => {
  const first = verify(answer({}));
  assert(first.ok);
  const feeds = BOTH.map((each, i) => ({ ...each, state: first.value.feeds[i]?.state as FeedState }));
  const again = verify(answer({ feeds }), { feeds });
  assert(again.ok, again.ok ? "" : again.detail);
  assert.deepEqual(again.value.feeds.map(({ transactions }) => transactions.length), [0, 0]);
});

Deno.test("verifyPoll() proves that a feed has nothing", () => {
  const feeds = [{ sender: vnf.publicKey, recipient: tenant.publicKey, state: null }];
  const verdict = verify(answer({ feeds }), { feeds });
  assert(verdict.ok);
  assert.deepEqual(verdict.value.feeds, [{ transactions: [], state: null, complete: true, paged: null }]);
});

Deno.test("verifyPoll() takes an answer that was cut, and says where to go on", () => {
  const bytes = chain.answer({ version: 1, feeds: [{ ...feed, count: 0 }], configurations: [] }, { most: 1 });
  const feeds = [{ ...feed, state: null }];
  const verdict = verify(bytes, { feeds });
  assert(verdict.ok, verdict.ok ? "" : verdict.detail);
  const [news] = verdict.value.feeds;
  assert.deepEqual([news?.transactions.length, news?.complete, news?.state?.count], [1, false, 1]);
});

Deno.test("verifyPoll() takes a feed that is left to pages, with its certified state", () => {
  const feeds = [{ ...feed, state: null }, { ...templates, state: null }];
  const bytes = answer({ feeds }, (parts) => ({ ...parts, feeds: [null, ...parts.feeds.slice(1)] }));
  const verdict = verify(bytes, { feeds });
  assert(verdict.ok, verdict.ok ? "" : verdict.detail);
  const [paged, whole] = verdict.value.feeds;
  assert.deepEqual([paged?.transactions, paged?.complete, paged?.state, paged?.paged?.count], [
    [],
    false,
    null,
    3,
  ]);
  assert.deepEqual([whole?.transactions.length, whole?.complete, whole?.paged], [1, true, null]);
});

Deno.test("verifyPoll() takes a feed that is left to pages with nothing new for one with nothing new", () => {
  const first = verify(answer({}));
  assert(first.ok);
  const feeds = [{ ...feed, state: first.value.feeds[0]?.state ?? null }];
  const again = verify(answer({ feeds }, (parts) => ({ ...parts, feeds: [null] })), { feeds });
  assert(again.ok);
  assert.deepEqual([again.value.feeds[0]?.complete, again.value.feeds[0]?.paged], [true, null]);
  const behind = [{ ...feeds[0] as FollowedFeed, state: { ...feeds[0]?.state as FeedState, count: 9 } }];
  assert.equal(
    codeOf(verify(answer({ feeds: behind }, (parts) => ({ ...parts, feeds: [null] })), { feeds: behind })),
    "proof-incomplete",
  );
});

Deno.test("verifyPoll() tells of a configuration that is left to pages, with its certified state", () => {
  const configurations = [{ cid, vid: 1 }, { cid, vid: null }];
  const verdict = verify(
    answer({ configurations }, (parts) => ({
      ...parts,
      configurations: parts.configurations.map((found) =>
        found.vid === 1 ? { ...found, versions: null } : found
      ),
    })),
    { configurations },
  );
  assert(verdict.ok);
  const [old, latest] = configurations as [PollConfiguration, PollConfiguration];
  assert.equal(verdict.value.paged(old)?.latestVid, 3);
  const found = verdict.value.configuration(old);
  assert.equal(found.ok ? "accepted" : found.code, "proof-incomplete");
  assert.equal(verdict.value.paged(latest), null);
  assert(verdict.value.configuration(latest).ok);
  assert.equal(verdict.value.paged({ cid: newCid(vnf.publicKey), vid: 1 }), null);
});

Deno.test("verifyPoll() resolves references at the certified height, pinned and latest", () => {
  const configurations = [{ cid, vid: 2 }, { cid, vid: null }, { cid: template, vid: null }];
  const verdict = verify(answer({ configurations }), { configurations });
  assert(verdict.ok);
  const found = configurations.map((wanted) => verdict.value.configuration(wanted));
  assert(found.every((each) => each.ok));
  assert.deepEqual(found.map((each) => each.ok ? each.value?.transaction.payload.vid : undefined), [2, 3, 1]);
});

Deno.test("verifyPoll() proves that a configuration, or a version of it, is not there", () => {
  const configurations = [{ cid, vid: 4 }, { cid: newCid(vnf.publicKey), vid: null }];
  const verdict = verify(answer({ configurations }), { configurations });
  assert(verdict.ok);
  for (const wanted of configurations) {
    assert.deepEqual(verdict.value.configuration(wanted), { ok: true, value: null });
  }
});

const lies: readonly (readonly [string, (parts: AnswerParts) => AnswerParts, string])[] = [
  ["withholds the last transaction", withFeed((entries) => entries.slice(0, -1)), "proof-incomplete"],
  ["withholds one in the middle", withFeed((entries) => entries.toSpliced(1, 1)), "proof-incomplete"],
  ["withholds all", withFeed(() => []), "proof-incomplete"],
  [
    "sends two in another order",
    withFeed(([a, b, c]) => [b, a, c].filter((each) => each !== undefined)),
    "proof-incomplete",
  ],
  [
    "sends one twice",
    withFeed(([a, ...rest]) => [a, a, ...rest].filter((each) => each !== undefined)),
    "proof-incomplete",
  ],
  [
    "moves one to another height",
    withFeed(([a, ...rest]) =>
      [{ ...a, height: asHeight(1) } as typeof rest[0], ...rest].filter((each) => each !== undefined)
    ),
    "proof-incomplete",
  ],
  [
    "moves one to another index",
    withFeed(([a, ...rest]) =>
      [{ ...a, index: 5 } as typeof rest[0], ...rest].filter((each) => each !== undefined)
    ),
    "proof-incomplete",
  ],
  [
    "sends another transaction under an id",
    withFeed(([a, b, ...rest]) =>
      [{ ...a, transaction: b?.transaction ?? null } as typeof rest[0], b, ...rest].filter((each) =>
        each !== undefined
      )
    ),
    "proof-incomplete",
  ],
  ["answers fewer feeds", (parts) => ({ ...parts, feeds: parts.feeds.slice(0, 1) }), "proof-incomplete"],
  ["swaps the feeds", (parts) => ({ ...parts, feeds: parts.feeds.toReversed() }), "proof-incomplete"],
  ["shows an old block with its certificate", withBlock(2), "proof-root"],
  [
    "shows another state root",
    (parts) => ({ ...parts, header: { ...parts.header, stateRoot: asHash(new Uint8Array(32)) } }),
    "certificate-mismatch",
  ],
  ["has one signature less than a quorum", withSigners(2), "certificate-quorum"],
  ["leaves the proof out", (parts) => ({ ...parts, proof: { ...parts.proof, items: [] } }), "proof-format"],
  [
    "claims that everything is absent",
    (parts) => ({ ...parts, proof: { ...parts.proof, items: [{ kind: "empty" }] } }),
    "proof-root",
  ],
];

type Entries = NonNullable<AnswerParts["feeds"][number]>;

function withFeed(change: (entries: Entries) => Entries) {
  return (parts: AnswerParts): AnswerParts => ({
    ...parts,
    feeds: [change(parts.feeds[0] ?? []), ...parts.feeds.slice(1)],
  });
}

function withBlock(height: number) {
  return (parts: AnswerParts): AnswerParts => {
    const block = chain.blocks[height - 1];
    assert(block !== undefined);
    return { ...parts, header: block.header, certificate: block.certificate };
  };
}

function withSigners(signers: number) {
  return (parts: AnswerParts): AnswerParts => ({
    ...parts,
    certificate: certify(chain, { header: parts.header, signers }),
  });
}

for (const [name, alter, code] of lies) {
  Deno.test(`verifyPoll() refuses a node that ${name} with ${code}`, () => {
    assert.equal(codeOf(verify(answer({}, alter))), code);
  });
}

const configurationLies: readonly (readonly [string, (parts: AnswerParts) => AnswerParts])[] = [
  ["withholds a configuration", (parts) => ({ ...parts, configurations: [] })],
  ["withholds its bytes", withConfiguration((found) => ({ ...found, transaction: null }))],
  ["sends an older version as the latest", withConfiguration((found) => ({ ...found, vid: 2 }))],
  [
    "leaves a version out",
    withConfiguration((found) => ({ ...found, versions: found.versions?.slice(0, -1) ?? null })),
  ],
  [
    "moves a version",
    withConfiguration((found) => ({
      ...found,
      versions: found.versions?.map((version) => ({ ...version, height: asHeight(version.height + 1) })) ??
        null,
    })),
  ],
  [
    "sends another's bytes",
    withConfiguration((found) => ({ ...found, transaction: transactions[0]?.bytes ?? null })),
  ],
];

function withConfiguration(
  change: (found: AnswerParts["configurations"][number]) => AnswerParts["configurations"][number],
) {
  return (parts: AnswerParts): AnswerParts => ({
    ...parts,
    configurations: parts.configurations.map(change),
  });
}

for (const [name, alter] of configurationLies) {
  Deno.test(`verifyPoll().configuration() refuses a node that ${name}`, () => {
    const feeds: readonly FollowedFeed[] = [];
    const configurations = [{ cid, vid: null }];
    const verdict = verify(answer({ feeds, configurations }, alter), { feeds, configurations });
    const found = verdict.ok ? verdict.value.configuration({ cid, vid: null }) : verdict;
    assert.equal(found.ok ? "accepted" : found.code, "proof-incomplete");
  });
}

Deno.test("verifyPoll() refuses an answer that ends below a header seen before", () => {
  const known = { height: asHeight(9), hash: asHash(new Uint8Array(32)) };
  assert.equal(codeOf(verify(answer({}), { known })), "rollback");
});

Deno.test("verifyPoll() tells of two certified blocks at one height", () => {
  const known = { height: asHeight(chain.height), hash: asHash(new Uint8Array(32)) };
  assert.equal(codeOf(verify(answer({}), { known })), "fork");
  const header = chain.blocks.at(-1)?.header;
  assert(header !== undefined);
  const same = { height: header.height, hash: blockHash(crypto.hash, header) as Hash };
  assert.equal(codeOf(verify(answer({}), { known: same })), "accepted");
});

Deno.test("verifyPoll() refuses an answer of another federation", () => {
  const federation = makeFederation({ size: 4 }).federation;
  const verdict = verifyPoll(answer({}), {
    feeds: BOTH,
    configurations: [],
    known: null,
    federation,
    crypto,
  });
  assert.equal(codeOf(verdict), "proof-root");
});

Deno.test("verifyPoll() refuses or leaves the meaning as it was, whichever byte of an answer is changed", () => {
  const configurations = [{ cid, vid: 2 }];
  const bytes = answer({ configurations });
  const meaning = meaningOf(verify(bytes, { configurations }));
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const altered = bytes.slice();
      altered[at] = (altered[at] as number) ^ change;
      const verdict = verify(altered, { configurations });
      if (verdict.ok) assert.equal(meaningOf(verdict), meaning, `byte ${at}`);
    }),
    { numRuns: 1500 },
  );

  /** All that a client takes from an answer, as text; what it refuses lazily counts as refused. */
  function meaningOf(verdict: ReturnType<typeof verify>): string {
    assert(verdict.ok);
    const found = verdict.value.configuration({ cid, vid: 2 });
    if (!found.ok) return meaning;
    const placed = [...verdict.value.feeds.flatMap((news) => news.transactions), found.value];
    const parts = placed.map((each) =>
      `${each?.height}/${each?.index}/${toHex(each?.transaction.id ?? u64be(0))}`
    );
    return [toHex(verdict.value.head.hash), ...parts].join(" ");
  }
});

Deno.test("verifyPoll() never throws, whatever the bytes", () => {
  const good = answer({});
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(good.length), (noise, cut) => {
    assert(!verify(noise as Bytes).ok);
    verify(good.slice(0, cut));
  }));
});
