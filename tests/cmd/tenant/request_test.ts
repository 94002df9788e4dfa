import { deepEqual, equal, match, ok } from "node:assert/strict";
import { asTxId } from "../../../core/brands.ts";
import { type Bytes, toBase64, toHex, utf8 } from "../../../core/bytes.ts";
import { packConfiguration } from "../../../core/platform/configuration.ts";
import { platformCrypto, randomBytes } from "../../../core/platform/crypto.ts";
import type { PrivateKey } from "../../../core/platform/private_key.ts";
import {
  COMPRESSION,
  type ConfigurationPayload,
  ENCRYPTION,
  envelopeContext,
  type RequestPayload,
  signTransaction,
  type Transaction,
  TYPE,
} from "../../../core/transaction.ts";
import type { Running } from "../../support/program.ts";
import { failed, type Scene, scene, startTenant } from "./command_line.ts";
import { lying, startNode } from "./node.ts";

/** Waits until the chain has a request, and gives it. */
async function requestOn({ chain }: Scene): Promise<Transaction & { readonly payload: RequestPayload }> {
  for (;;) {
    const last = chain.transactions.at(-1);
    if (last?.payload.type === TYPE.request) return { ...last, payload: last.payload };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Answers as an agent does. */
async function answer(
  { chain, vnf }: Scene,
  { request, bytes, changes = {} }: {
    request: Transaction & { readonly payload: RequestPayload };
    bytes: Bytes;
    changes?: Partial<ConfigurationPayload["body"]>;
  },
): Promise<Transaction> {
  const asked = request.payload;
  const header: ConfigurationPayload = {
    ...asked,
    type: TYPE.configuration,
    sender: vnf.publicKey,
    recipient: asked.body.replyTo,
    nonce: randomBytes(16),
    body: {
      applyBefore: [],
      applyAfter: [],
      inReplyTo: request.id,
      configuration: new Uint8Array(),
      ...changes,
    },
  };
  const configuration = await packConfiguration({
    bytes,
    type: "state",
    compression: asked.compression,
    encryption: asked.encryption,
    context: envelopeContext(header),
    recipients: [asked.body.replyTo, vnf.publicKey],
    random: randomBytes,
  });
  const transaction = sign({ ...header, body: { ...header.body, configuration } }, { key: vnf, chain });
  ok((await chain.commit(transaction.bytes)).ok);
  return transaction;
}

function sign(
  payload: ConfigurationPayload,
  { key, chain }: { key: PrivateKey; chain: Scene["chain"] },
): Transaction {
  const { genesisId } = chain.federation;
  return signTransaction(payload, { genesisId, hash: platformCrypto.hash, sign: key.sign });
}

function startRequest(it: Scene, ...args: readonly string[]): Running {
  return startTenant(["request", "--to", it.to, ...args], { home: it.directory.path });
}

const STATE = utf8("table inet filter { }\n");

Deno.test("request waits for the VNF's answer, opens it, and prints what it is", async () => {
  await using it = await scene();
  const process = startRequest(it, "--json", "--description", "how are you", ...it.access());
  const request = await requestOn(it);
  const { compression, encryption, description, recipient, body, vid } = request.payload;
  deepEqual([compression, encryption, description, vid], [
    COMPRESSION.zstd,
    ENCRYPTION.hpke,
    "how are you",
    1,
  ]);
  deepEqual([recipient, body.replyTo], [it.vnf.publicKey, it.tenant.publicKey]);
  const answered = await answer(it, { request, bytes: STATE });
  const { code, stdout, stderr } = await process.finished;
  equal(code, 0, stderr);
  deepEqual(JSON.parse(stdout), {
    transaction: toHex(request.id),
    answer: toHex(answered.id),
    cid: toHex(request.payload.cid),
    height: 3,
    bytes: STATE.length,
    contentType: "state",
    base64: toBase64(STATE),
  });
});

Deno.test("request --out writes the answer for the owner alone; --plain and --compress say how it shall come", async () => {
  await using it = await scene();
  const out = it.directory.file("state.nft");
  const process = startRequest(it, "--json", "--out", out, "--plain", "--compress", "gzip", ...it.access());
  const request = await requestOn(it);
  deepEqual([request.payload.compression, request.payload.encryption], [COMPRESSION.gzip, ENCRYPTION.none]);
  await answer(it, { request, bytes: STATE });
  const { code, stdout, stderr } = await process.finished;
  equal(code, 0, stderr);
  equal((JSON.parse(stdout) as { base64?: string }).base64, undefined);
  deepEqual(new Uint8Array(await Deno.readFile(out)), STATE);
  equal(((await Deno.stat(out)).mode ?? 0) & 0o777, 0o600);
});

Deno.test("request prints the answer's bytes into a pipe as they are", async () => {
  await using it = await scene();
  const bytes = randomBytes(5000);
  const process = startRequest(it, ...it.access());
  await answer(it, { request: await requestOn(it), bytes });
  const { code, output, stderr } = await process.finished;
  equal(code, 0, stderr);
  deepEqual(new Uint8Array(output), new Uint8Array(bytes));
  match(stderr, /^answer [0-9a-f]{64} at height 3, state, 5000 bytes/);
});

Deno.test("request takes no answer from a node that lies", async () => {
  await using it = await scene();
  await using liar = await startNode(it.chain, { fault: lying() });
  const process = startRequest(it, "--json", ...it.access(liar.url, it.node.url));
  const answered = await answer(it, { request: await requestOn(it), bytes: STATE });
  const { code, stdout, stderr } = await process.finished;
  equal(code, 0, stderr);
  equal((JSON.parse(stdout) as { answer: string }).answer, toHex(answered.id));
});

for (const inReplyTo of [null, asTxId(new Uint8Array(32))]) {
  const what = inReplyTo === null ? "no answer" : "an answer to another request";
  Deno.test(`request fails when ${what} stands where its answer should`, async () => {
    await using it = await scene();
    const process = startRequest(it, "--json", ...it.access());
    await answer(it, { request: await requestOn(it), bytes: STATE, changes: { inReplyTo } });
    failed(await process.finished, { code: 1, error: /stands where the answer should/ });
  });
}

Deno.test("request ends with exit code 3 when no answer comes in time, and says how to find it later", async () => {
  await using it = await scene();
  const process = startRequest(it, "--timeout", "1500ms", ...it.access());
  const { payload } = await requestOn(it);
  const later = new RegExp(`no answer in time.*\\nhint: .*vnfchain tenant show ${toHex(payload.cid)}@1`);
  failed(await process.finished, { code: 3, error: later });
});

Deno.test("request ends on SIGINT with exit code 1 and says what was sent", async () => {
  await using it = await scene();
  const process = startRequest(it, ...it.access());
  const request = await requestOn(it);
  // Asked for the answer: so the request is committed, and the wait has begun.
  while (!it.node.asked.includes("/v1/poll")) await new Promise((resolve) => setTimeout(resolve, 20));
  process.kill("SIGINT");
  failed(await process.finished, {
    code: 1,
    error: new RegExp(`interrupted: request ${toHex(request.id)} was sent`),
  });
});

Deno.test("show tells a request from its id, with whom it wants to be answered", async () => {
  await using it = await scene();
  const process = startRequest(it, "--json", ...it.access());
  const request = await requestOn(it);
  await answer(it, { request, bytes: STATE });
  await process.finished;
  const shown = await it.json("show", toHex(request.id), ...it.access());
  deepEqual([shown.type, shown.recipient, shown.content], ["request", it.to, null]);
  const byCid = await it.json("show", toHex(request.payload.cid), ...it.access());
  deepEqual([byCid.type, byCid.inReplyTo], ["answer", toHex(request.id)]);
});
