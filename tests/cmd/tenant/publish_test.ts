import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type Bytes, toHex, utf8 } from "../../../core/bytes.ts";
import { decodeEnvelope } from "../../../core/envelope.ts";
import { LIMITS } from "../../../core/limits.ts";
import { agreementKeyFromSeed } from "../../../core/platform/agreement.ts";
import { openConfiguration, type OpenedConfiguration } from "../../../core/platform/configuration.ts";
import { platformCrypto, randomBytes } from "../../../core/platform/crypto.ts";
import { generatePrivateKey, type PrivateKey } from "../../../core/platform/private_key.ts";
import { publicKeyToText } from "../../../core/keys.ts";
import { verifyReceipt } from "../../../core/receipt.ts";
import {
  COMPRESSION,
  type ConfigurationPayload,
  ENCRYPTION,
  envelopeContext,
  TYPE,
} from "../../../core/transaction.ts";
import { failed, type Scene, scene, startTenant } from "./command_line.ts";
import { refusing, startNode } from "./node.ts";

const RULES = "flush ruleset\ntable inet filter { chain input { type filter hook input priority 0; } }\n";

/** The payload of the last configuration on the chain. */
function lastPayload({ chain }: Scene): ConfigurationPayload {
  const payload = chain.transactions.at(-1)?.payload;
  ok(payload?.type === TYPE.configuration);
  return payload;
}

async function openedWith(
  payload: ConfigurationPayload,
  key: PrivateKey,
): Promise<OpenedConfiguration | string> {
  const opened = await openConfiguration(payload.body.configuration, {
    compression: payload.compression,
    encryption: payload.encryption,
    context: envelopeContext(payload),
    keys: [agreementKeyFromSeed(key.agreementSeed())],
  });
  return opened.ok ? opened.value : opened.code;
}

async function bytesWith(payload: ConfigurationPayload, key: PrivateKey): Promise<Bytes | string> {
  const opened = await openedWith(payload, key);
  return typeof opened === "string" ? opened : opened.bytes;
}

Deno.test("publish prints transaction, CID, VID and height of what the chain has", async () => {
  await using it = await scene();
  const file = await it.file("rules.nft", RULES);
  const printed = await it.json("publish", file, "--to", it.to, ...it.access());
  const [transaction, ...others] = it.chain.transactions;
  ok(transaction);
  equal(others.length, 0);
  const cid = toHex(transaction.payload.cid);
  deepEqual(printed, { transaction: toHex(transaction.id), cid, vid: 1, height: 2 });
});

Deno.test("publish encrypts to recipient and sender and to nobody else", async () => {
  await using it = await scene();
  await it.json("publish", await it.file("rules.nft", RULES), "--to", it.to, ...it.access());
  const payload = lastPayload(it);
  equal(payload.encryption, ENCRYPTION.hpke);
  deepEqual(await bytesWith(payload, it.vnf), utf8(RULES));
  deepEqual(await bytesWith(payload, it.tenant), utf8(RULES));
  equal(await bytesWith(payload, generatePrivateKey()), "decryption");
  const opened = await openedWith(payload, it.vnf);
  ok(typeof opened !== "string");
  deepEqual([opened.content.type, opened.content.name], ["file", "rules.nft"]);
});

Deno.test("publish to oneself wraps the content key once", async () => {
  await using it = await scene();
  const own = publicKeyToText(it.tenant.publicKey);
  await it.json("publish", await it.file("rules.nft", RULES), "--to", own, ...it.access());
  const envelope = decodeEnvelope(lastPayload(it).body.configuration);
  ok(envelope.ok);
  equal(envelope.value.wraps.length, 1);
});

Deno.test("publish --plain lets everybody read", async () => {
  await using it = await scene();
  await it.json("publish", await it.file("rules.nft", RULES), "--to", it.to, "--plain", ...it.access());
  equal(lastPayload(it).encryption, ENCRYPTION.none);
  deepEqual(await bytesWith(lastPayload(it), generatePrivateKey()), utf8(RULES));
});

for (const name of ["zstd", "gzip", "none"] as const) {
  Deno.test(`publish --compress ${name} does so, and the content opens again`, async () => {
    await using it = await scene();
    const text = RULES.repeat(100);
    await it.json(
      "publish",
      await it.file("rules.nft", text),
      "--to",
      it.to,
      "--compress",
      name,
      ...it.access(),
    );
    equal(lastPayload(it).compression, COMPRESSION[name]);
    deepEqual(await bytesWith(lastPayload(it), it.vnf), utf8(text));
  });
}

Deno.test("publish compresses with zstd by default, but neither what is tiny nor what does not shrink", async () => {
  await using it = await scene();
  const cases = [[utf8(RULES.repeat(100)), "zstd"], [utf8("a".repeat(40)), "none"], [
    randomBytes(5000),
    "none",
  ]] as const;
  for (const [bytes, name] of cases) {
    const run = await it.run("publish", await it.file("rules.nft", bytes), "--to", it.to, ...it.access());
    equal(run.code, 0, run.stderr);
    equal(lastPayload(it).compression, COMPRESSION[name]);
    match(run.stdout, new RegExp(`compression +${name}, ${bytes.length} to \\d+ bytes`));
    deepEqual(await bytesWith(lastPayload(it), it.vnf), bytes);
  }
});

Deno.test("publish --cid makes the next version, found by a proof", async () => {
  await using it = await scene();
  const file = await it.file("rules.nft", RULES);
  const first = await it.json("publish", file, "--to", it.to, ...it.access());
  const again = () => it.json("publish", file, "--to", it.to, "--cid", String(first.cid), ...it.access());
  const second = await again();
  const third = await again();
  deepEqual(
    [first, second, third].map(({ cid, vid }) => [cid, vid]),
    [1, 2, 3].map((vid) => [first.cid, vid]),
  );
});

Deno.test("publish --cid refuses another key's CID before anything is sent", async () => {
  await using it = await scene();
  const file = await it.file("rules.nft", RULES);
  const run = await it.run("publish", file, "--to", it.to, "--cid", "ab".repeat(32), ...it.access());
  failed(run, { code: 1, error: /belongs to another key\nhint: / });
  deepEqual(it.node.asked, []);
});

Deno.test("publish says to publish again when another version came in between", async () => {
  await using it = await scene();
  await using node = await startNode(it.chain, {
    fault: (request, honest) =>
      request.path === "/v1/transactions" ? refusing("vid-order")(request, honest) : undefined,
  });
  const file = await it.file("rules.nft", RULES);
  const first = await it.json("publish", file, "--to", it.to, ...it.access());
  const run = await it.run(
    "publish",
    file,
    "--to",
    it.to,
    "--cid",
    String(first.cid),
    ...it.access(node.url),
  );
  failed(run, { code: 1, error: /vid-order.*\nhint: .*publish again/ });
});

Deno.test("publish --before and --after take lists and repetition, with and without a VID", async () => {
  await using it = await scene();
  const file = await it.file("rules.nft", RULES);
  const cids: string[] = [];
  for (let i = 0; i < 4; i++) cids.push(String((await it.json("template", file, ...it.access())).cid));
  const [a, b, c, d] = cids as [string, string, string, string];
  const references = ["--before", `${a}@1,${b}`, "--before", `${c}@1`, "--after", d];
  await it.json("publish", file, "--to", it.to, ...references, ...it.access());
  const { applyBefore, applyAfter } = lastPayload(it).body;
  const shown = (list: typeof applyBefore) => list.map(({ cid, vid }) => [toHex(cid), vid]);
  deepEqual(shown(applyBefore), [[a, 1], [b, null], [c, 1]]);
  deepEqual(shown(applyAfter), [[d, null]]);
});

Deno.test("publish refuses a reference that is not on the chain, malformed, or named twice", async () => {
  await using it = await scene();
  const publish = async (...flags: string[]) =>
    await it.run("publish", await it.file("rules.nft", RULES), "--to", it.to, ...flags, ...it.access());
  const cid = "cd".repeat(32);
  failed(await publish("--before", cid), { code: 1, error: /reference-unknown/ });
  failed(await publish("--before", `${cid},${cid}@1`), { code: 1, error: /referred to twice/ });
  for (const wrong of ["xyz", `${cid}@`, `${cid}@0`, `${cid}@1@2`, `${cid}@-1`, ""]) {
    failed(await publish("--after", wrong), { code: 2, error: /wanted/ });
  }
  equal(it.chain.transactions.length, 0);
});

Deno.test("publish --receipt keeps a receipt that verifies with the federation document alone", async () => {
  await using it = await scene();
  const path = it.directory.file("rules.receipt");
  const file = await it.file("rules.nft", RULES);
  const printed = await it.json("publish", file, "--to", it.to, "--receipt", path, ...it.access());
  const receipt = verifyReceipt(await Deno.readFile(path), {
    pinned: it.chain.federation,
    crypto: platformCrypto,
  });
  ok(receipt.ok);
  const { header, transaction } = receipt.value;
  deepEqual([header.height, toHex(transaction.id)], [printed.height, printed.transaction]);
});

Deno.test("publish refuses a receipt's path before it sends", async () => {
  await using it = await scene();
  const path = it.directory.file("no/rules.receipt");
  const file = await it.file("rules.nft", RULES);
  const run = await it.run("publish", file, "--to", it.to, "--receipt", path, ...it.access());
  failed(run, { code: 2, error: /no path for a file\nhint: / });
  equal(it.chain.transactions.length, 0);
});

Deno.test("publish --no-wait ends once a node has the transaction, without height and receipt", async () => {
  await using it = await scene();
  const file = await it.file("rules.nft", RULES);
  const printed = await it.json("publish", file, "--to", it.to, "--no-wait", ...it.access());
  deepEqual([printed.vid, printed.height], [1, null]);
  const both = ["--no-wait", "--receipt", it.directory.file("receipt")];
  failed(await it.run("publish", file, "--to", it.to, ...both, ...it.access()), {
    code: 2,
    error: /exclude/,
  });
});

Deno.test("publish - takes standard input, binary as it is", async () => {
  await using it = await scene();
  const bytes = randomBytes(100_000);
  const process = startTenant(["publish", "-", "--to", it.to, "--json", ...it.access()], {
    home: it.directory.path,
    stdin: bytes,
  });
  const { code, stderr } = await process.finished;
  equal(code, 0, stderr);
  const opened = await openedWith(lastPayload(it), it.vnf);
  ok(typeof opened !== "string");
  deepEqual([opened.bytes, opened.content.name], [bytes, null]);
});

Deno.test("publish takes an empty file, and says what agents do with it", async () => {
  await using it = await scene();
  const run = await it.run("publish", await it.file("empty", ""), "--to", it.to, ...it.access());
  equal(run.code, 0);
  match(run.stderr, /note: the content is empty/);
  deepEqual(await bytesWith(lastPayload(it), it.vnf), new Uint8Array());
});

Deno.test("publish leaves out a file name that agents would not write, and says so", async () => {
  await using it = await scene();
  const run = await it.run("publish", await it.file("my rules;id", RULES), "--to", it.to, ...it.access());
  equal(run.code, 0);
  match(run.stderr, /note: published without a name/);
  const opened = await openedWith(lastPayload(it), it.vnf);
  ok(typeof opened !== "string");
  equal(opened.content.name, null);
});

Deno.test("publish refuses what the federation's limit does not allow before it sends", async () => {
  await using it = await scene();
  const { maxTransactionBytes } = it.chain.federation.document.parameters;
  const file = await it.file("big", randomBytes(maxTransactionBytes));
  const run = await it.run("publish", file, "--to", it.to, ...it.access());
  failed(run, { code: 1, error: new RegExp(`allows ${maxTransactionBytes}\\nhint: .*split`) });
  deepEqual(it.node.asked, []);
});

Deno.test("publish takes nearly as much as the federation's limit allows", async () => {
  await using it = await scene();
  const { maxTransactionBytes } = it.chain.federation.document.parameters;
  const bytes = randomBytes(Math.floor(maxTransactionBytes * 0.9));
  const file = await it.file("big", bytes);
  await it.json("publish", file, "--to", it.to, ...it.access());
  deepEqual(await bytesWith(lastPayload(it), it.vnf), bytes);
});

Deno.test("publish refuses more content than any federation takes, a directory, and a file that is not there", async () => {
  await using it = await scene();
  const huge = it.directory.file("huge");
  await Deno.writeTextFile(huge, "");
  await Deno.truncate(huge, LIMITS.contentBytes + 1);
  const publish = (path: string) => it.run("publish", path, "--to", it.to, ...it.access());
  failed(await publish(huge), { code: 1, error: /has more than \d+ bytes\nhint: / });
  failed(await publish(it.directory.path), { code: 2, error: /cannot be read/ });
  failed(await publish(it.directory.file("missing")), { code: 2, error: /cannot be read/ });
  deepEqual(it.node.asked, []);
});

Deno.test("publish shows neither content, nor key, nor passphrase, nor token to anybody", async () => {
  await using it = await scene();
  const bodies: Uint8Array[] = [];
  await using node = await startNode(it.chain, {
    fault: (request, honest) => {
      bodies.push(request.body);
      return honest();
    },
  });
  const canaries = ["canary-content", "canary-passphrase", "canary-token"];
  const [content, passphrase, token] = canaries as [string, string, string];
  const passphraseFile = await it.file("passphrase", `${passphrase}\n`);
  const tokenFile = await it.file("token", token);
  for (const path of [passphraseFile, tokenFile]) await Deno.chmod(path, 0o600);
  const key = it.directory.file("encrypted.pem");
  const made = await it.run("keygen", "--out", key, "--passphrase-file", passphraseFile);
  equal(made.code, 0, made.stderr);
  const file = await it.file("rules.nft", content);
  const secrets = ["--passphrase-file", passphraseFile, "--token-file", tokenFile, "--compress", "none"];
  const published = await it.run(
    "publish",
    file,
    "--to",
    it.to,
    ...it.access(node.url),
    "--key",
    key,
    ...secrets,
  );
  equal(published.code, 0, published.stderr);
  const wrong = await it.run(
    "publish",
    file,
    "--to",
    it.to,
    ...it.access(),
    "--key",
    key,
    "--passphrase-file",
    tokenFile,
  );
  equal(wrong.code, 2);
  const seen = [made, published, wrong].map(({ stdout, stderr }) => stdout + stderr).join("") +
    bodies.map((body) => new TextDecoder("latin1").decode(body)).join("");
  for (const canary of canaries) ok(!seen.includes(canary), canary);
  const keyLines = (await Deno.readTextFile(key)).split("\n").slice(1, -2);
  for (const line of keyLines) ok(!seen.includes(line));
});

Deno.test("template has no recipient and no encryption, and has versions too", async () => {
  await using it = await scene();
  const file = await it.file("base.nft", RULES);
  const first = await it.json("template", file, "--description", "base rules", ...it.access());
  const payload = lastPayload(it);
  deepEqual([payload.recipient, payload.encryption, payload.description], [
    null,
    ENCRYPTION.none,
    "base rules",
  ]);
  deepEqual(await bytesWith(payload, generatePrivateKey()), utf8(RULES));
  const second = await it.json("template", file, "--cid", String(first.cid), ...it.access());
  deepEqual([second.cid, second.vid], [first.cid, 2]);
  failed(await it.run("template", file, "--to", it.to, ...it.access()), { code: 2, error: /unknown option/ });
});
