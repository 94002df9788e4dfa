/** Pages and batches over HTTP: what is given, what is refused, and how much at most. */
import assert, { deepEqual, equal } from "node:assert/strict";
import { encodeCbor } from "../../../../core/cbor.ts";
import { toHex } from "../../../../core/bytes.ts";
import { decodeHistoryPage, endOfFeed, verifyHistoryPage } from "../../../../core/history_page.ts";
import { LIMITS } from "../../../../core/limits.ts";
import { platformCrypto } from "../../../../core/platform/crypto.ts";
import { configurationId, feedId } from "../../../../core/state/keys.ts";
import { decodeBatch, encodeBatchRequest } from "../../../../core/transaction_batch.ts";
import { testKey } from "../../../support/keys.ts";
import { configuration, newCid } from "../../../support/test_transactions.ts";
import { startChain } from "../../tenant/chain.ts";
import { startNode } from "../../tenant/node.ts";
import { ask } from "../node.ts";

const { hash } = platformCrypto;
const tenant = testKey("tenant");
const feed = { sender: tenant.publicKey, recipient: null };
const KEY = toHex(feedId(hash, feed));
const IMMUTABLE = "public, max-age=31536000, immutable";

Deno.test("GET /v1/history and POST /v1/transactions/read are bounded, and refuse what they cannot answer", async (t) => {
  await using chain = await startChain();
  const cid = newCid(tenant.publicKey);
  const sent: Uint8Array[] = [];
  for (let vid = 1; vid <= 9; vid++) {
    const made = await configuration(chain.federation, { from: tenant, to: null, content: "x", cid, vid });
    assert((await chain.commit(made.bytes)).ok);
    sent.push(made.bytes);
  }
  const size = sent[0]?.length ?? 0;
  const limits = { ...LIMITS, historyRows: 4, pollBytes: 2 * size };
  await using node = await startNode(chain, { limits });
  await using slow = await startNode(chain, { limits: { ...LIMITS, walkBytes: 2 * 16 * 1024 } });
  const page = (query: string, { url } = node) => ask(`${url}/v1/history?${query}`);
  const rowsIn = (bytes: Uint8Array) => {
    const decoded = decodeHistoryPage(bytes);
    assert(decoded.ok);
    return decoded.value.rows.map(({ height }) => height);
  };

  await t.step("the last rows before a place, for ever the same", async () => {
    const { status, headers, bytes } = await page(`feed=${KEY}&height=10&index=4096&rows=3`);
    deepEqual([status, headers.get("cache-control")], [200, IMMUTABLE]);
    const [certified = null] = await chain.reader.feeds([feedId(hash, feed)]);
    assert(certified !== null);
    const point = endOfFeed(certified);
    assert(verifyHistoryPage(bytes, { kind: "feed", point, most: 3, hash }).ok);
    deepEqual(rowsIn(bytes), [8, 9, 10]);
    deepEqual(rowsIn((await page(`feed=${KEY.toUpperCase()}&height=8&index=0&rows=2`)).bytes), [6, 7]);
    const versions = toHex(configurationId(hash, cid));
    deepEqual(rowsIn((await page(`configuration=${versions}&height=3&index=1&rows=9`)).bytes), [2, 3]);
  });

  await t.step("never more rows than a page has, nor more blocks than are read for one", async () => {
    for (const rows of ["5", "1000000000", `${Number.MAX_SAFE_INTEGER}`]) {
      equal(rowsIn((await page(`feed=${KEY}&height=10&index=4096&rows=${rows}`)).bytes).length, 4);
      equal(rowsIn((await page(`feed=${KEY}&height=10&index=4096&rows=${rows}`, slow)).bytes).length, 2);
    }
  });

  await t.step("nothing where the history has nothing", async () => {
    const wrong = [
      `feed=${KEY}&height=2&index=0&rows=1`,
      `feed=${KEY}&height=1&index=0&rows=1`,
      `feed=${KEY}&height=0&index=0&rows=1`,
      `feed=${KEY}&height=11&index=0&rows=1`,
      `feed=${KEY}&height=${Number.MAX_SAFE_INTEGER}&index=0&rows=1`,
      `feed=${KEY}&height=10&index=4096&rows=0`,
      `feed=${"0".repeat(64)}&height=10&index=4096&rows=1`,
      `configuration=${KEY}&height=10&index=4096&rows=1`,
    ];
    for (const query of wrong) {
      const { status, code, headers } = await page(query);
      deepEqual([status, code, headers.get("cache-control")], [404, "unknown", null], query);
    }
  });

  await t.step("no other questions", async () => {
    const wrong = [
      "",
      `feed=${KEY}`,
      `feed=${KEY}&height=10&index=4096`,
      `feed=${KEY}&height=-1&index=0&rows=1`,
      `feed=${KEY}&height=9007199254740992&index=0&rows=1`,
      `feed=${KEY}&height=1e1&index=0&rows=1`,
      `feed=${KEY}&height=10&index=&rows=1`,
      `feed=${KEY.slice(2)}&height=10&index=0&rows=1`,
      `feed=${KEY}zz&height=10&index=0&rows=1`,
      `feed=${KEY}&configuration=${KEY}&height=10&index=0&rows=1`,
    ];
    for (const query of wrong) {
      const { status, code } = await page(query);
      deepEqual([status, code], [400, "request"], query);
    }
  });

  const read = (body: Uint8Array<ArrayBuffer>) =>
    ask(`${node.url}/v1/transactions/read`, { method: "POST", body });
  const at = (height: number, index = 0) =>
    ({ height, index }) as Parameters<typeof encodeBatchRequest>[0][0];

  await t.step("transactions in the order asked, as many as fit, null where there is none", async () => {
    const { bytes, headers } = await read(encodeBatchRequest([at(3), at(99), at(2), at(2, 1), at(4)]));
    deepEqual(decodeBatch(bytes), { ok: true, value: [sent[1], null, sent[0]] });
    equal(headers.get("cache-control"), "no-store");
    deepEqual(decodeBatch((await read(encodeBatchRequest([]))).bytes), { ok: true, value: [] });
  });

  await t.step("no batch of more places than an answer has transactions, and no other bytes", async () => {
    const places = Array.from({ length: LIMITS.pollTransactions + 1 }, () => at(2));
    for (const body of [encodeBatchRequest(places), encodeCbor([1, [[2, "1"]]]), encodeCbor([2, []])]) {
      const { status } = await read(body);
      equal(status, 400);
    }
    equal((await read(new Uint8Array(70_000))).status, 413);
  });
});
