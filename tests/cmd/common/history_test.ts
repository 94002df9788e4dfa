/** Histories read in pages from real nodes over a real store, with limits so small that a few transactions are many. */
import assert from "node:assert/strict";
import { ZERO_HASH } from "../../../core/brands.ts";
import { toHex } from "../../../core/bytes.ts";
import type { FollowedFeed, PlacedTransaction } from "../../../core/light_client.ts";
import { LIMITS } from "../../../core/limits.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import { feedId } from "../../../core/state/keys.ts";
import type { FeedState } from "../../../core/state/values.ts";
import {
  type HistoryLimits,
  type HistorySource,
  readFeed,
  readVersion,
} from "../../../cmd/common/history.ts";
import { decodeHistoryPage, encodeHistoryPage } from "../../../core/history_page.ts";
import { decodeBatch, encodeBatch } from "../../../core/transaction_batch.ts";
import { cborReply } from "../../../cmd/node/api/exchange.ts";
import { testKey } from "../../support/keys.ts";
import { configuration, newCid } from "../../support/test_transactions.ts";
import { startChain, type TestChain } from "../tenant/chain.ts";
import { type Fault, lying, refusing, startNode } from "../tenant/node.ts";

const tenant = testKey("tenant");
const vnf = testKey("vnf");
const feed: FollowedFeed = { sender: tenant.publicKey, recipient: vnf.publicKey, state: null };
const cid = newCid(tenant.publicKey);
const COUNT = 23;
const SMALL: HistoryLimits = { historyRows: 3, historyRowsHeld: 7, pollTransactions: 2 };

/** A chain whose tenant has sent the VNF one configuration after the other, and something else in between. */
async function makeChain(): Promise<TestChain> {
  const chain = await startChain();
  for (let vid = 1; vid <= COUNT; vid++) {
    const options = { from: tenant, content: `${vid}`, encryption: 0 } as const;
    const own = await configuration(chain.federation, { ...options, to: vnf.publicKey, cid, vid });
    assert((await chain.commit(own.bytes)).ok);
    const other = await configuration(chain.federation, { ...options, to: null });
    if (vid % 5 === 0) assert((await chain.commit(other.bytes)).ok);
  }
  return chain;
}

interface Stage extends AsyncDisposable {
  readonly chain: TestChain;
  readonly certified: FeedState;
  /** Nodes that behave so, before which the source asks. */
  readonly source: (...faults: readonly (Fault | undefined)[]) => Promise<HistorySource>;
  /** Vids that were read. */
  readonly read: (source: HistorySource, known?: FeedState | null) => Promise<readonly number[] | string>;
}

async function stage(limits: HistoryLimits = SMALL): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const chain = stack.use(await makeChain());
  const [certified = null] = await chain.reader.feeds([feedId(platformCrypto.hash, feed)]);
  assert(certified !== null);
  const opened = stack.move();
  return {
    chain,
    certified,
    source: async (...faults) => {
      const urls: string[] = [];
      for (const fault of faults) {
        urls.push(opened.use(await startNode(chain, fault === undefined ? {} : { fault })).url);
      }
      return { nodes: () => urls, genesisId: chain.federation.genesisId, limits };
    },
    read: async (source, known = null) => {
      const news: PlacedTransaction[] = [];
      const onNews = (placed: readonly PlacedTransaction[]) => void news.push(...placed);
      const reading = await readFeed(source, { feed: { ...feed, state: known }, certified, onNews });
      if (!reading.ok) return reading.failures.map(({ code }) => code).join(" ");
      return news.map(({ transaction }) => transaction.payload.vid);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** The feed's state after so many rows. */
async function stateAfter({ chain, certified }: Stage, count: number): Promise<FeedState> {
  const before = { height: certified.lastHeight, index: LIMITS.blockTransactions };
  const items = await chain.reader.history({ kind: "feed", key: feedId(platformCrypto.hash, feed) }, {
    before,
    most: COUNT - count,
    budget: { take: () => true },
  });
  const [first] = items ?? [];
  assert(first !== undefined);
  return { version: 1, count, feedHash: first.previous, lastHeight: first.height };
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

Deno.test("readFeed() gives a feed's transactions in order, whatever the client has", async (t) => {
  await using it = await stage();
  const source = await it.source(undefined);
  for (const known of [0, 1, 2, 10, 16, 19, 22]) {
    await t.step(`from ${known} on`, async () => {
      const state = known === 0 ? null : await stateAfter(it, known);
      assert.deepEqual(await it.read(source, state), range(known + 1, COUNT));
    });
  }
});

Deno.test("readFeed() gives the same when all rows can be held", async () => {
  await using it = await stage({ historyRows: 4, historyRowsHeld: 100, pollTransactions: 50 });
  assert.deepEqual(await it.read(await it.source(undefined)), range(1, COUNT));
});

Deno.test("readFeed() finds out that the certified feed does not go on from what the client has", async () => {
  await using it = await stage();
  const source = await it.source(undefined);
  const state = await stateAfter(it, 9);
  assert.equal(await it.read(source, { ...state, feedHash: it.certified.feedHash }), "history");
  assert.equal(await it.read(source, { ...state, count: 8 }), "history");
});

const only = (path: string, change: (body: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>): Fault => {
  return async (request, honest) => {
    const reply = await honest();
    return request.path === path && reply.refused === undefined ? cborReply(change(reply.body)) : reply;
  };
};

const changedPage = (change: (rows: readonly unknown[]) => readonly unknown[]): Fault =>
  only("/v1/history", (body) => {
    const page = decodeHistoryPage(body);
    assert(page.ok);
    return encodeHistoryPage({ ...page.value, rows: change(page.value.rows) as typeof page.value.rows });
  });

const changedBatch = (change: (sent: readonly unknown[]) => readonly unknown[]): Fault =>
  only("/v1/transactions/read", (body) => {
    const batch = decodeBatch(body);
    assert(batch.ok);
    return encodeBatch(change(batch.value) as typeof batch.value);
  });

const faults: Readonly<Record<string, readonly [Fault, string]>> = {
  "flips a byte": [lying(), "proof-incomplete"],
  "leaves a row out of a page": [changedPage((rows) => rows.slice(1)), "proof-incomplete"],
  "gives an empty page": [changedPage(() => []), "proof-incomplete"],
  "swaps rows": [changedPage((rows) => rows.toReversed()), "proof-incomplete"],
  "keeps the bytes back": [changedBatch((sent) => sent.map(() => null)), "proof-incomplete"],
  "sends no bytes": [changedBatch(() => []), "proof-incomplete"],
  "sends one transaction for another": [changedBatch((sent) => sent.toReversed()), "proof-incomplete"],
  "is not ready": [refusing("not-ready"), "not-ready"],
};

for (const [name, [fault, code]] of Object.entries(faults)) {
  Deno.test(`readFeed() does without a node that ${name}`, async () => {
    await using it = await stage();
    assert.deepEqual(await it.read(await it.source(fault, undefined)), range(1, COUNT));
    assert.equal(await it.read(await it.source(fault)), code);
  });
}

Deno.test("readFeed() refuses transactions of another feed, even where the history names them", async () => {
  await using it = await stage();
  const other = { ...feed, recipient: testKey("another vnf").publicKey };
  const key = toHex(feedId(platformCrypto.hash, feed));
  const swapped: Fault = (request, honest) => {
    request.query.set("feed", key);
    return honest();
  };
  const reading = await readFeed(await it.source(swapped), {
    feed: other,
    certified: it.certified,
    onNews: () => assert.fail("they are of another feed"),
  });
  assert.deepEqual(reading.failures.map(({ code }) => code), ["proof-incomplete"]);
});

Deno.test("readFeed() holds few rows: it reads those between two points once more", async () => {
  for (const [historyRowsHeld, pages] of [[100, 8], [7, 16]] as const) {
    await using it = await stage({ ...SMALL, historyRowsHeld });
    let asked = 0;
    const counting: Fault = (request, honest) => {
      if (request.path === "/v1/history") asked++;
      return honest();
    };
    assert.deepEqual(await it.read(await it.source(counting)), range(1, COUNT));
    assert.equal(asked, pages);
  }
});

Deno.test("readFeed() asks another node when pages are short, so that one cannot hold it up", async () => {
  await using it = await stage({ ...SMALL, historyRows: 6, historyRowsHeld: 12 });
  let asked = 0;
  const slow = (async (request, honest) => {
    if (request.path !== "/v1/history") return await honest();
    asked++;
    request.query.set("rows", "1");
    return await honest();
  }) as Fault;
  assert.deepEqual(await it.read(await it.source(slow, undefined)), range(1, COUNT));
  assert(asked <= 3, `the slow node was asked for ${asked} pages`);
});

Deno.test("readVersion() gives the version meant, proved, and no other", async () => {
  await using it = await stage();
  const certified = await it.chain.reader.configuration(cid);
  assert(certified !== null);
  for (const vid of [1, 2, 11, COUNT]) {
    const reading = await readVersion(await it.source(lying(), undefined), { cid, vid, certified });
    assert(reading.ok);
    assert.equal(reading.value.transaction.payload.vid, vid);
    assert(reading.failures.every(({ lied }) => lied));
  }
  const forged = { ...certified, versionsHash: ZERO_HASH };
  const reading = await readVersion(await it.source(undefined), { cid, vid: 1, certified: forged });
  assert(!reading.ok);
});
