import { deepEqual, equal, match, ok } from "node:assert/strict";
import { toHex } from "../../../core/bytes.ts";
import { makeCid } from "../../../core/cid.ts";
import { publicKeyToText } from "../../../core/keys.ts";
import { LIMITS } from "../../../core/limits.ts";
import { platformCrypto, randomBytes } from "../../../core/platform/crypto.ts";
import { generatePrivateKey } from "../../../core/platform/private_key.ts";
import { openTrust } from "../../../cmd/common/federation_trust.ts";
import { signConfiguration } from "../../../cmd/tenant/configuration.ts";
import { failed, type Scene, scene } from "./command_line.ts";
import { lying, refusing, startNode } from "./node.ts";

/** Publishes to the VNF without a process, as many times as wanted. */
async function publishMany(it: Scene, count: number): Promise<void> {
  const context = {
    key: it.tenant,
    federation: it.chain.federation,
    trust: openTrust(it.chain.federation),
    nodes: [],
    token: undefined,
    maxStalenessMs: 0,
    recipients: [],
  };
  for (let i = 0; i < count; i++) {
    const transaction = await signConfiguration(context, {
      content: { bytes: new Uint8Array(), name: undefined, nameRefused: undefined },
      cid: makeCid(platformCrypto.hash, { owner: it.tenant.publicKey, random: randomBytes(16) }),
      vid: 1,
      compression: 0,
      encrypted: false,
      description: String(i),
      recipient: it.vnf.publicKey,
      applyBefore: [],
      applyAfter: [],
    });
    ok((await it.chain.commit(transaction.bytes)).ok);
  }
}

Deno.test("list shows templates and what went to the profile's recipients, in certified order", async () => {
  await using it = await scene();
  const file = await it.file("a.conf", "a");
  const other = publicKeyToText(generatePrivateKey().publicKey);
  await it.json("publish", file, "--to", other, ...it.access());
  await it.json("publish", file, "--to", it.to, "--description", "first", ...it.access());
  await it.json("template", file, "--description", "second", ...it.access());
  const profile = await it.file("tenant.toml", `recipients = ["${it.to}"]\n`);
  const { height, transactions } = await it.json("list", "--profile", profile, ...it.access());
  equal(height, 4);
  const [, second, third] = it.chain.transactions;
  ok(second && third);
  const rowOf = ({ id, payload }: typeof second) => ({
    index: 0,
    time: new Date(payload.timestamp).toISOString(),
    cid: toHex(payload.cid),
    vid: 1,
    transaction: toHex(id),
  });
  deepEqual(transactions, [
    { height: 3, type: "configuration", recipient: it.to, description: "first", ...rowOf(second) },
    { height: 4, type: "template", recipient: null, description: "second", ...rowOf(third) },
  ]);
});

Deno.test("list --to shows one recipient's alone", async () => {
  await using it = await scene();
  const file = await it.file("a.conf", "a");
  await it.json("template", file, ...it.access());
  const { transaction } = await it.json("publish", file, "--to", it.to, ...it.access());
  const { transactions } = await it.json("list", "--to", it.to, ...it.access());
  deepEqual((transactions as { transaction: string }[]).map((row) => row.transaction), [transaction]);
});

Deno.test("list shows terminal escapes in descriptions as text", async () => {
  await using it = await scene();
  const description = "\u001b[2Jcleared\u202e";
  const file = await it.file("a.conf", "a");
  await it.json("template", file, "--description", description, ...it.access());
  const { code, stdout } = await it.run("list", ...it.access());
  equal(code, 0);
  ok(!stdout.includes("\u001b") && !stdout.includes("\u202e"));
  match(stdout, /\\u001b\[2Jcleared\\u202e/);
});

Deno.test("list reads on until all is there when an answer is cut for its size", async () => {
  await using it = await scene();
  const count = LIMITS.pollTransactions + 5;
  await publishMany(it, count);
  const { transactions } = await it.json("list", "--to", it.to, ...it.access());
  const shown = (transactions as { description: string }[]).map(({ description }) => description);
  deepEqual(shown, Array.from({ length: count }, (_, i) => String(i)));
  equal(it.node.asked.filter((path) => path === "/v1/poll").length, 2);
});

Deno.test("list reads in pages what is too long for polls, and keeps the order over all feeds", async () => {
  await using it = await scene();
  await publishMany(it, 9);
  const file = await it.file("a.conf", "a");
  const template = await it.json("template", file, ...it.access());
  await using node = await startNode(it.chain, { limits: { ...LIMITS, pollRows: 4, historyRows: 4 } });
  await using liar = await startNode(it.chain, { fault: lying(), limits: { ...LIMITS, pollRows: 4 } });
  const profile = await it.file("tenant.toml", `recipients = ["${it.to}"]\n`);
  const { transactions } = await it.json("list", "--profile", profile, ...it.access(liar.url, node.url));
  const rows = transactions as { description: string; transaction: string }[];
  deepEqual(rows.map(({ description }) => description), ["0", "1", "2", "3", "4", "5", "6", "7", "8", ""]);
  equal(rows.at(-1)?.transaction, template["transaction"]);
  equal(node.asked.filter((path) => path === "/v1/history").length, 3);
});

Deno.test("list believes no node whose answer does not prove itself", async () => {
  await using it = await scene();
  await publishMany(it, 3);
  await using liar = await startNode(it.chain, { fault: lying() });
  failed(await it.run("list", "--to", it.to, ...it.access(liar.url)), { code: 1, error: /did not verify/ });
  const { transactions } = await it.json("list", "--to", it.to, ...it.access(liar.url, it.node.url));
  equal((transactions as unknown[]).length, 3);
});

Deno.test("list ends with exit code 4 when all that is shown is too old", async () => {
  await using it = await scene();
  const run = await it.run("list", "--max-staleness", "1ms", ...it.access());
  failed(run, { code: 4, error: /stale.*\nhint: / });
});

Deno.test("list asks the next node when one has no block yet", async () => {
  await using it = await scene();
  await using fresh = await startNode(it.chain, { fault: refusing("not-ready") });
  const { height } = await it.json("list", ...it.access(fresh.url, it.node.url));
  equal(height, 1);
});

Deno.test("list of nothing is proved to be nothing", async () => {
  await using it = await scene();
  const { stdout, stderr, code } = await it.run("list", ...it.access());
  deepEqual([code, stdout], [0, ""]);
  match(stderr, /^0 transactions, all there are up to height 1, /);
});
