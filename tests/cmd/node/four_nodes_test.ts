/** Clients that tell four nodes different things. */
import assert, { deepEqual, equal } from "node:assert/strict";
import { readFederationFile } from "../../../cmd/common/federation_file.ts";
import { toHex } from "../../../core/bytes.ts";
import { randomBytes } from "../../../core/platform/crypto.ts";
import type { Transaction } from "../../../core/transaction.ts";
import { assertOneChain, idsOf, readChain } from "../../support/chain_check.ts";
import { testKey } from "../../support/keys.ts";
import { startNetwork } from "../../support/network.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { configuration, newCid } from "../../support/test_transactions.ts";
import { ask, commit, post } from "./node.ts";

const TENANT = testKey("tenant");

Deno.test("four nodes put a transaction on the chain once, and one of two that contradict each other", async (t) => {
  await using directory = await temporaryDirectory();
  await using network = await startNetwork({
    nodes: 4,
    directory: directory.path,
    parameters: { heartbeatMs: 1000, roundTimeoutMs: 500, roundTimeoutMaxMs: 2000 },
  });
  const { urls } = network;
  const federation = await readFederationFile(network.federation);
  const made = (
    options: { vid?: number; nonce?: ReturnType<typeof randomBytes>; cid?: ReturnType<typeof newCid> },
  ) => configuration(federation, { from: TENANT, to: null, content: toHex(randomBytes(8)), ...options });
  const byNode = async (transactions: readonly Transaction[]) =>
    await Promise.all(urls.map((url, i) => {
      const { bytes } = transactions[i % transactions.length] as Transaction;
      return post(url, bytes, { wait: true });
    }));
  await network.reached(0, 1);

  await t.step("the same transaction sent to all of them", async () => {
    const transaction = await made({});
    for (const { status, code } of await byNode([transaction])) deepEqual([status, code], [200, undefined]);
  });

  // A node that heard of the other one first refuses what goes on to win by way of another node.
  const assertOneWins = async (pair: readonly Transaction[], code: string) => {
    const outcomes = await byNode(pair);
    const codes = pair.map((_, i) => [outcomes[i]?.code, outcomes[i + 2]?.code]);
    const winner = codes.findIndex((own) => own.includes(undefined));
    assert(winner >= 0, JSON.stringify(codes));
    deepEqual(codes[1 - winner], [code, code]);
    assert(codes[winner]?.every((own) => own === undefined || own === code), JSON.stringify(codes));
  };

  await t.step("two with one sender and nonce, each to half of them", async () => {
    const nonce = randomBytes(16);
    await assertOneWins([await made({ nonce }), await made({ nonce })], "duplicate");
  });

  await t.step("two with one VID, each to half of them", async () => {
    const cid = newCid(TENANT.publicKey);
    await assertOneWins([await made({ cid }), await made({ cid })], "vid-order");
  });

  await t.step("each node has the receipt of what another took", async () => {
    const transaction = await made({});
    const { height } = await commit(urls[0] as string, transaction);
    for (const [i, url] of urls.entries()) {
      await network.reached(i, height);
      equal((await ask(`${url}/v1/transactions/${toHex(transaction.id)}/receipt`)).status, 200);
      equal((await post(url, transaction.bytes)).status, 202);
    }
  });

  const chains = await Promise.all(urls.map(readChain));
  assertOneChain(chains);
  const ids = idsOf(chains[0] ?? [], federation);
  deepEqual([ids.length, new Set(ids).size], [4, 4]);
});
