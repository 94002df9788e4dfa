import { deepEqual, equal, match, ok } from "node:assert/strict";
import { federationToJson } from "../../../cmd/common/federation_file.ts";
import { createKeyFile } from "../../../cmd/common/key_file.ts";
import { toHex } from "../../../core/bytes.ts";
import { archiveOf } from "../../support/archive.ts";
import { runProgram } from "../../support/program.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../support/temporary_directory.ts";
import { testNode } from "../../support/test_node.ts";
import { auditedFederation, FIREWALL, receiptOf, tellStory } from "./story.ts";

const PASSPHRASE = "canary-passphrase";
const story = await tellStory();
const { chain } = story;

const audit = (...args: readonly string[]) => runProgram(["audit", ...args]);

/** A directory with the story's archive, federation, keys and a receipt. */
async function prepared(): Promise<TemporaryDirectory & { readonly base: readonly string[] }> {
  const directory = await temporaryDirectory();
  const { file } = directory;
  await Deno.writeFile(file("chain.archive"), archiveOf(chain.federation, chain.blocks));
  await Deno.writeTextFile(file("federation.json"), federationToJson(chain.federation));
  await createKeyFile(file("tenant.pem"), story.tenant);
  await createKeyFile(file("vnf.pem"), story.vnf, { passphrase: PASSPHRASE });
  await Deno.writeTextFile(file("passphrase"), PASSPHRASE, { mode: 0o600 });
  await Deno.writeFile(file("receipt.cbor"), receiptOf(chain, { height: 20 }));
  const base = ["--chain", file("chain.archive"), "--federation", file("federation.json")];
  return { ...directory, base };
}

Deno.test("audit prints a summary and exits 0 when everything holds", async () => {
  await using directory = await prepared();
  const { code, stdout, stderr } = await audit(...directory.base);
  equal(stderr, "");
  equal(code, 0);
  match(stdout, /^height +36$/m);
  match(stdout, /^audit: ok: /m);
});

Deno.test("audit --json prints one document with the history, and nothing else", async () => {
  await using directory = await prepared();
  const { code, stdout, stderr } = await audit(
    ...directory.base,
    "--key",
    directory.file("tenant.pem"),
    "--json",
  );
  deepEqual([code, stderr], [0, ""]);
  const { ok: holds, height, blocks, transactions, findings, history, federation } = JSON.parse(stdout);
  deepEqual([holds, height, blocks, findings], [true, 36, 36, []]);
  equal(transactions, chain.blocks.reduce((sum, block) => sum + block.transactions.length, 0));
  equal(federation.genesisId, toHex(chain.federation.genesisId));
  equal(history.length, 5);
  deepEqual(Object.keys(history[0]), [
    "height",
    "index",
    "transaction",
    "type",
    "cid",
    "vid",
    "sender",
    "recipient",
    "time",
    "timestamp",
    "description",
    "compression",
    "encryption",
    "applyBefore",
    "content",
  ]);
  equal(history[1].content.text, FIREWALL[1]);
});

Deno.test("audit --json prints a document with an empty history when there are no keys", async () => {
  await using directory = await prepared();
  const { stdout } = await audit(...directory.base, "--json");
  deepEqual(JSON.parse(stdout).history, []);
});

Deno.test("audit shows a history in text, with an encrypted key file, and never the passphrase", async () => {
  await using directory = await prepared();
  const keys = ["--key", directory.file("vnf.pem"), "--key", directory.file("tenant.pem")];
  const { code, stdout, stderr } = await audit(
    ...directory.base,
    ...keys,
    "--passphrase-file",
    directory.file("passphrase"),
  );
  equal(code, 0);
  ok(stdout.includes("    | table inet fw { chain input { drop } }"));
  match(stdout, /not opened +decryption/);
  equal((stdout + stderr).includes(PASSPHRASE), false);
});

Deno.test("audit exits 1 and names height and rule when a check fails", async () => {
  await using directory = await prepared();
  await Deno.writeFile(
    directory.file("chain.archive"),
    archiveOf(chain.federation, chain.blocks.toSpliced(9, 1)),
  );
  const text = await audit(...directory.base);
  equal(text.code, 1);
  match(text.stdout, /^failure +block 10 +block-link /m);
  match(text.stdout, /^audit: failed: .* height 9 /m);
  const json = await audit(...directory.base, "--json");
  equal(json.code, 1);
  const { ok: holds, height, findings } = JSON.parse(json.stdout);
  deepEqual([holds, height], [false, 9]);
  deepEqual([findings[0].severity, findings[0].height, findings[0].rule], ["failure", 10, "block-link"]);
});

Deno.test("audit holds a chain against receipts", async () => {
  await using directory = await prepared();
  const receipt = ["--receipt", directory.file("receipt.cbor")];
  const whole = await audit(...directory.base, ...receipt);
  equal(whole.code, 0);
  match(whole.stdout, /^receipts +1$/m);
  await Deno.writeFile(
    directory.file("chain.archive"),
    archiveOf(chain.federation, chain.blocks.slice(0, 10)),
  );
  equal((await audit(...directory.base)).code, 0);
  const cut = await audit(...directory.base, ...receipt);
  equal(cut.code, 1);
  match(cut.stdout, /^failure +block 20 .*the chain ends at 10$/m);
});

Deno.test("audit reads a node's URL, and exits 3 when nobody answers", async () => {
  await using directory = await prepared();
  const federation = ["--federation", directory.file("federation.json")];
  let url = "";
  {
    await using node = testNode(chain);
    url = node.url;
    equal((await audit("--chain", url, ...federation)).code, 0);
  }
  const { code, stdout, stderr } = await audit("--chain", url, ...federation, "--json");
  deepEqual([code, stdout], [3, ""]);
  match(stderr, /^vnfchain: error: .*\nhint: /);
});

Deno.test("audit --json ends its document when the node is lost in the middle", async () => {
  await using directory = await prepared();
  const instead = ({ searchParams }: URL) =>
    searchParams.get("from") === "11" ? new Response("", { status: 400 }) : undefined;
  await using node = testNode(chain, { instead });
  const federation = ["--federation", directory.file("federation.json")];
  const key = ["--key", directory.file("tenant.pem")];
  const { code, stdout } = await audit("--chain", node.url, ...federation, ...key, "--json");
  equal(code, 1);
  const { ok: holds, error, history } = JSON.parse(stdout);
  deepEqual([holds, error.code, history.length], [false, "request", 1]);
});

Deno.test("audit exits 2 for wrong usage, with a hint and nothing on standard output", async () => {
  await using directory = await prepared();
  const { base, file } = directory;
  const federation = ["--federation", file("federation.json")];
  const other = await auditedFederation(1);
  const later = { ...other.federation.document, sequence: 1, genesisId: chain.federation.genesisId };
  await Deno.writeTextFile(file("broken.json"), JSON.stringify(later));
  await Deno.writeTextFile(file("exposed.pem"), "x", { mode: 0o644 });
  const cases: [string, readonly string[]][] = [
    ["no options", []],
    ["unknown option", [...base, "--frobnicate"]],
    ["argument", [...base, "extra"]],
    ["missing archive", ["--chain", file("nothing"), ...federation]],
    ["directory", ["--chain", file("."), ...federation]],
    ["no URL", ["--chain", "http://[", ...federation]],
    ["missing federation", ["--chain", file("chain.archive"), "--federation", file("nothing")]],
    ["broken federation", ["--chain", file("chain.archive"), "--federation", file("broken.json")]],
    ["missing key", [...base, "--key", file("nothing")]],
    ["exposed key", [...base, "--key", file("exposed.pem")]],
    ["passphrase missing", [...base, "--key", file("vnf.pem")]],
    ["missing receipt", [...base, "--receipt", file("nothing")]],
    ["directory as receipt", [...base, "--receipt", file(".")]],
  ];
  for (const [name, args] of cases) {
    const { code, stdout, stderr } = await audit(...args);
    deepEqual([code, stdout], [2, ""], `${name}: ${stderr}`);
    match(stderr, /error: /, name);
  }
});
