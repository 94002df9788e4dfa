/** What a real node answers to questions, good and bad ones. */
import assert, { deepEqual, equal, match } from "node:assert/strict";
import { decodeRawBlock, readItemHead } from "../../../../core/archive.ts";
import type { Hash, PublicKey } from "../../../../core/brands.ts";
import { type Bytes, toHex } from "../../../../core/bytes.ts";
import { encodeCbor } from "../../../../core/cbor.ts";
import { decodeFederation } from "../../../../core/federation.ts";
import { publicKeyToText } from "../../../../core/keys.ts";
import { type FollowedFeed, type PollContext, verifyPoll } from "../../../../core/light_client.ts";
import { LIMITS } from "../../../../core/limits.ts";
import { platformCrypto } from "../../../../core/platform/crypto.ts";
import { decodePollAnswer, encodePollRequest, type PollConfiguration } from "../../../../core/poll.ts";
import type { Transaction } from "../../../../core/transaction.ts";
import { testKey } from "../../../support/keys.ts";
import { configuration, newCid, type TestConfiguration } from "../../../support/test_transactions.ts";
import { ask, commit, type Outcome, post, startNode, type TestNode } from "../node.ts";

const TENANT = testKey("tenant");
const VNF = testKey("vnf");
const CBOR = { headers: { accept: "application/cbor" } };

async function made(
  { federation }: TestNode,
  options: Partial<TestConfiguration> = {},
): Promise<Transaction> {
  return await configuration(federation, { from: TENANT, to: VNF.publicKey, content: "rules", ...options });
}

/** A feed of the tenant's, of which nothing is known yet. */
function feedTo(recipient: PublicKey | null): FollowedFeed {
  return { sender: TENANT.publicKey, recipient, state: null };
}

interface Question {
  readonly feeds: readonly FollowedFeed[];
  readonly configurations: readonly PollConfiguration[];
}

async function poll({ url }: TestNode, { feeds, configurations }: Question): Promise<Outcome> {
  const body = encodePollRequest({
    feeds: feeds.map(({ sender, recipient, state }) => ({ sender, recipient, count: state?.count ?? 0 })),
    configurations,
  });
  return await ask(`${url}/v1/poll`, { method: "POST", body });
}

/** Polls, and judges the answer as an agent does. */
async function verifiedPoll(node: TestNode, question: Question) {
  const { status, bytes } = await poll(node, question);
  equal(status, 200);
  const context: PollContext = {
    ...question,
    known: null,
    federation: node.federation,
    crypto: platformCrypto,
  };
  const verified = verifyPoll(bytes, context);
  assert(verified.ok, verified.ok ? "" : `${verified.code}: ${verified.detail}`);
  return verified.value;
}

function refused(outcome: Outcome, code: string, status = 400): void {
  deepEqual([outcome.status, outcome.code], [status, code]);
}

Deno.test("POST /v1/poll answers with proofs, and refuses what it cannot answer", async (t) => {
  await using node = await startNode();
  await node.network.reached(0, 1);
  const url = `${node.url}/v1/poll`;

  await t.step("what is not there is proved not to be there", async () => {
    const nothing = newCid(TENANT.publicKey);
    const { feeds, configuration } = await verifiedPoll(node, {
      feeds: [feedTo(VNF.publicKey), feedTo(null)],
      configurations: [{ cid: nothing, vid: null }, { cid: nothing, vid: 7 }],
    });
    for (const feed of feeds) deepEqual([feed.state, feed.transactions, feed.complete], [null, [], true]);
    for (const vid of [null, 7]) deepEqual(configuration({ cid: nothing, vid }), { ok: true, value: null });
  });

  await t.step("a feed comes whole, and from where the client stands", async () => {
    const transactions = [await made(node), await made(node), await made(node)];
    for (const transaction of transactions) await commit(node.url, transaction);
    const all = await verifiedPoll(node, { feeds: [feedTo(VNF.publicKey)], configurations: [] });
    const idsOf = (news: typeof all) =>
      news.feeds[0]?.transactions.map(({ transaction: { id } }) => toHex(id));
    deepEqual(idsOf(all), transactions.map(({ id }) => toHex(id)));
    await commit(node.url, await made(node));
    const state = all.feeds[0]?.state ?? null;
    const later = await verifiedPoll(node, {
      feeds: [{ ...feedTo(VNF.publicKey), state }],
      configurations: [],
    });
    equal(later.feeds[0]?.transactions.length, 1);
    equal(later.feeds[0]?.state?.count, 4);
  });

  await t.step("the configurations that a transaction refers to come unasked", async () => {
    const template = await made(node, { to: null });
    await commit(node.url, template);
    const { cid } = template.payload;
    const receiver = testKey("vnf with a template").publicKey;
    await commit(node.url, await made(node, { to: receiver, before: [{ cid, vid: 1 }] }));
    const { configuration } = await verifiedPoll(node, { feeds: [feedTo(receiver)], configurations: [] });
    const found = configuration({ cid, vid: 1 });
    assert(found.ok && found.value !== null);
    equal(toHex(found.value.transaction.id), toHex(template.id));
  });

  await t.step("more than fits comes in pages", async () => {
    const receiver = testKey("vnf with a long feed").publicKey;
    const count = LIMITS.pollTransactions + 10;
    const sent = await Promise.all(Array.from({ length: count }, () => made(node, { to: receiver })));
    const taken = await Promise.all(sent.map(({ bytes }) => post(node.url, bytes, { wait: true })));
    assert(taken.every(({ status }) => status === 200));
    const first = await verifiedPoll(node, { feeds: [feedTo(receiver)], configurations: [] });
    deepEqual([first.feeds[0]?.transactions.length, first.feeds[0]?.complete], [
      LIMITS.pollTransactions,
      false,
    ]);
    const state = first.feeds[0]?.state ?? null;
    const rest = await verifiedPoll(node, { feeds: [{ ...feedTo(receiver), state }], configurations: [] });
    deepEqual([rest.feeds[0]?.transactions.length, rest.feeds[0]?.complete], [10, true]);
  });

  await t.step("256 feeds are answered, 257 are refused", async () => {
    const feeds = Array.from({ length: 257 }, (_, i) => feedTo(testKey(`vnf ${i}`).publicKey));
    await verifiedPoll(node, { feeds: feeds.slice(1), configurations: [] });
    refused(await poll(node, { feeds, configurations: [] }), "request");
  });

  await t.step("a feed that is named again and again is left to pages once it is too much", async () => {
    const feeds = Array.from({ length: 256 }, () => feedTo(testKey("vnf with a long feed").publicKey));
    const { status, bytes: body } = await poll(node, { feeds, configurations: [] });
    equal(status, 200);
    const answer = decodePollAnswer(body);
    assert(answer.ok);
    const rows = answer.value.feeds.reduce((sum, feed) => sum + (feed?.length ?? 0), 0);
    assert(rows > 0 && rows <= LIMITS.pollRows, `${rows} rows`);
    assert(answer.value.feeds.some((feed) => feed === null));
  });

  await t.step("what never changes may be cached, what is true now may not", async () => {
    const control = async (path: string, init: RequestInit = CBOR) => {
      const { headers } = await ask(`${node.url}${path}`, init);
      return [headers.get("cache-control"), headers.get("vary")];
    };
    const forEver = ["public, max-age=31536000, immutable", "accept"];
    const never = ["no-store", null];
    deepEqual(await control("/v1/blocks/2"), forEver);
    deepEqual(await control("/v1/blocks/2", {}), forEver);
    deepEqual(await control("/v1/blocks/1000000"), [null, null]);
    deepEqual(await control("/v1/head"), never);
    deepEqual(await control("/v1/head", {}), never);
    const body = encodePollRequest({ feeds: [], configurations: [] });
    deepEqual(await control("/v1/poll", { method: "POST", body }), never);
  });

  await t.step("the federation document is not sent again to who has it", async () => {
    for (const headers of [{}, CBOR.headers]) {
      const tag = (await ask(`${node.url}/v1/federation`, { headers })).headers.get("etag") ?? "";
      match(tag, /^"[0-9a-f]{64};application\/(json|cbor)"$/);
      const again = await ask(`${node.url}/v1/federation`, { headers: { ...headers, "if-none-match": tag } });
      deepEqual([again.status, again.bytes.length], [304, 0]);
      const other = { ...headers, "if-none-match": `"${"0".repeat(64)}"` };
      equal((await ask(`${node.url}/v1/federation`, { headers: other })).status, 200);
    }
  });

  await t.step("bytes that are no question are refused", async () => {
    const key = TENANT.publicKey as Bytes;
    const questions: readonly (readonly [Bytes, string])[] = [
      [new Uint8Array(), "cbor"],
      [new Uint8Array(60_000).fill(0x81), "cbor"],
      [encodeCbor([2, [], []]), "request"],
      [encodeCbor([1, [[key, null, "1"]], []]), "request"],
      [encodeCbor([1, [[new Uint8Array(32), null, 0]], []]), "request"],
      [
        encodeCbor([
          1,
          [],
          Array.from({ length: 2 * LIMITS.references + 1 }, () => [new Uint8Array(32), null]),
        ]),
        "request",
      ],
    ];
    for (const [body, code] of questions) refused(await ask(url, { method: "POST", body }), code);
  });

  await t.step("a client that is ahead of the chain gets nothing new, and sees it", async () => {
    const body = encodePollRequest({
      feeds: [{ sender: TENANT.publicKey, recipient: VNF.publicKey, count: 10_000 }],
      configurations: [],
    });
    equal((await ask(url, { method: "POST", body })).status, 200);
  });
});

Deno.test("GET answers about the chain, and refuses what it cannot", async (t) => {
  await using node = await startNode();
  const { url, federation, network } = node;
  await network.reached(0, 3);
  const transaction = await made(node);
  const { height, index } = await commit(url, transaction);
  const id = toHex(transaction.id);

  await t.step("a transaction's status, whatever the case of its id", async () => {
    for (const name of [id, id.toUpperCase()]) {
      const { json } = await ask(`${url}/v1/transactions/${name}`);
      deepEqual(json(), { id, status: "committed", height, index, bytes: transaction.bytes.length });
    }
    const unknown = await ask(`${url}/v1/transactions/${"0".repeat(64)}`);
    deepEqual([unknown.status, unknown.json()["status"]], [404, "unknown"]);
    refused(await ask(`${url}/v1/transactions/${"0".repeat(64)}`, CBOR), "unknown", 404);
    refused(await ask(`${url}/v1/transactions/${"0".repeat(64)}/receipt`), "unknown", 404);
    for (const wrong of ["0", "0".repeat(63), "0".repeat(66), "g".repeat(64), ""]) {
      refused(await ask(`${url}/v1/transactions/${wrong}`), "request");
      refused(await ask(`${url}/v1/transactions/${wrong}/receipt`), "request");
    }
  });

  await t.step("a block by its height, and no other number", async () => {
    const { bytes } = await ask(`${url}/v1/blocks/${height}`, CBOR);
    const block = decodeRawBlock(bytes);
    assert(block.ok);
    deepEqual(block.value.transactions, [transaction.bytes]);
    deepEqual((await ask(`${url}/v1/blocks/${height}`)).json()["transactionBytes"], [
      transaction.bytes.length,
    ]);
    refused(await ask(`${url}/v1/blocks/0`), "unknown", 404);
    refused(await ask(`${url}/v1/blocks/1000000000`), "unknown", 404);
    refused(await ask(`${url}/v1/blocks/${Number.MAX_SAFE_INTEGER}`), "unknown", 404);
    for (const wrong of ["-1", "9007199254740992", "1e3", "0x1", "1.5", "NaN", "%00", "1".repeat(400), ""]) {
      refused(await ask(`${url}/v1/blocks/${wrong}`), "request");
    }
  });

  await t.step("a run of blocks, bounded whatever is asked", async () => {
    const count = async (query: string) => itemsIn((await ask(`${url}/v1/blocks${query}`)).bytes);
    equal(await count("?from=2&limit=1"), 1);
    equal(await count("?from=2&limit=0"), 0);
    assert(await count("?limit=1000000000") >= 3);
    equal(await count("?from=1000000&limit=10"), 0);
    equal(await count(`?from=${Number.MAX_SAFE_INTEGER}`), 0);
    for (
      const wrong of [
        "from=-1",
        "from=9007199254740992",
        "from=",
        "limit=-1",
        "limit=a",
        "limit=1e9",
        "from=1%002",
      ]
    ) {
      refused(await ask(`${url}/v1/blocks?${wrong}`), "request");
    }
  });

  await t.step("a feed for people, in bounded pages", async () => {
    const feed = `sender=${publicKeyToText(TENANT.publicKey)}&recipient=${publicKeyToText(VNF.publicKey)}`;
    const listing = (await ask(`${url}/v1/feeds?${feed}`)).json();
    deepEqual([listing["count"], listing["from"]], [1, 0]);
    deepEqual(listing["transactions"], [{ height, index, id }]);
    for (let i = 0; i < 3; i++) await commit(url, await made(node));
    const page = async (query: string) => {
      const { from, transactions } = (await ask(`${url}/v1/feeds?${feed}&${query}`)).json();
      return [from, (transactions as unknown[]).length];
    };
    deepEqual(await page("limit=1000000000"), [0, 4]);
    deepEqual(await page("limit=2"), [2, 2]);
    deepEqual(await page("from=1&limit=2"), [1, 2]);
    deepEqual(await page("from=99"), [99, 0]);
    refused(await ask(`${url}/v1/feeds`), "request");
    refused(await ask(`${url}/v1/feeds?sender=vc1nothing`), "request");
    refused(await ask(`${url}/v1/feeds?${feed}&from=-1`), "request");
    refused(await ask(`${url}/v1/feeds?${feed}x`), "request");
    const none = (await ask(`${url}/v1/feeds?sender=${publicKeyToText(TENANT.publicKey)}`)).json();
    deepEqual([none["count"], none["transactions"]], [0, []]);
  });

  await t.step("the head and the federation, for people and machines", async () => {
    const head = (await ask(`${url}/v1/head`)).json();
    deepEqual(head["signers"], ["node-1"]);
    match(String(head["hash"]), /^[0-9a-f]{64}$/);
    equal((await ask(`${url}/v1/head`, CBOR)).headers.get("content-type"), "application/cbor");
    equal((await ask(`${url}/v1/federation`)).json()["genesisId"], toHex(federation.genesisId));
    const document = decodeFederation(platformCrypto.hash, (await ask(`${url}/v1/federation`, CBOR)).bytes);
    assert(document.ok);
    equal(toHex(document.value.hash as Hash), toHex(federation.hash));
    equal((await ask(`${url}/v1/status`)).json()["synced"], true);
    equal((await ask(`${url}/healthz`)).json()["healthy"], true);
  });

  await t.step("nothing at paths that are none, and no other methods", async () => {
    const paths = [
      "/",
      "/v1",
      "/v2/head",
      "/v1/head/",
      "/v1/poll/x",
      "/v1/blocks/1/2",
      "/v1/constructor",
      "/__proto__",
      "/v1/../etc/passwd",
      "/%2e%2e/%2e%2e/etc/passwd",
      `/${"a".repeat(5000)}`,
    ];
    for (const path of paths) {
      const outcome = await ask(`${url}${path}`);
      refused(outcome, "unknown", 404);
      assert(outcome.bytes.length < 500);
    }
    refused(await ask(`${url}/v1/head`, { method: "POST", body: "x" }), "method", 405);
    refused(await ask(`${url}/v1/transactions`), "method", 405);
    refused(await ask(`${url}/v1/poll`), "method", 405);
    for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"]) {
      refused(await ask(`${url}/v1/head`, { method }), "method", 405);
    }
  });

  await t.step("HEAD has GET's headers and no body", async () => {
    for (const path of ["/v1/status", "/v1/blocks", "/metrics"]) {
      const { status, bytes, headers } = await ask(`${url}${path}`, { method: "HEAD" });
      deepEqual([status, bytes.length], [200, 0]);
      assert(Number(headers.get("content-length")) > 0);
    }
  });

  await t.step("metrics for Prometheus", async () => {
    const { bytes, headers } = await ask(`${url}/metrics`);
    match(headers.get("content-type") ?? "", /^text\/plain/);
    const text = new TextDecoder().decode(bytes);
    match(text, /^vnfchain_height \d+$/m);
    match(text, /^vnfchain_transactions_total 4$/m);
    match(text, /^vnfchain_refused_total\{code="method"\} \d+$/m);
  });
});

Deno.test("GET /v1/head and POST /v1/poll say not-ready before the first block", async () => {
  await using node = await startNode({ heartbeatMs: 3_600_000 });
  refused(await ask(`${node.url}/v1/head`), "not-ready", 503);
  const outcome = await poll(node, { feeds: [feedTo(null)], configurations: [] });
  refused(outcome, "not-ready", 503);
  equal(outcome.headers.get("retry-after"), "1");
  equal(itemsIn((await ask(`${node.url}/v1/blocks`)).bytes), 0);
  equal((await ask(`${node.url}/v1/feeds?sender=${publicKeyToText(TENANT.publicKey)}`)).json()["count"], 0);
});

/** Items in a CBOR sequence of byte strings. */
function itemsIn(bytes: Uint8Array): number {
  let items = 0;
  for (let offset = 0; offset < bytes.length; items++) {
    const head = readItemHead(bytes.subarray(offset), { maxBytes: LIMITS.frameBytes });
    assert(head.ok && head.value !== "more");
    offset += head.value.start + head.value.length;
  }
  return items;
}
