import { deepEqual, equal, match, ok } from "node:assert/strict";
import { publicKeyFromText } from "../../../core/keys.ts";
import { readKeyFile } from "../../../cmd/common/key_file.ts";
import { failed, scene } from "./command_line.ts";

const COMMANDS = ["keygen", "publish", "template", "request", "list", "show"];

Deno.test("every command refuses unknown flags with exit code 2 and names its help", async () => {
  await using it = await scene();
  for (const command of COMMANDS) {
    const hint = new RegExp(`unknown option '--unknown'\nhint: vnfchain tenant ${command} --help`);
    const needed = { keygen: ["--out", "x"], publish: ["--to", it.to], request: ["--to", it.to] }[command] ??
      [];
    failed(await it.run(command, ...needed, "--unknown"), { code: 2, error: hint });
  }
});

Deno.test("every command has help with examples, and it ends with exit code 0", async () => {
  await using it = await scene();
  for (const command of COMMANDS) {
    const { code, stdout, stderr } = await it.run(command, "--help");
    deepEqual([code, stderr], [0, ""]);
    match(stdout, new RegExp(`Examples:\n  \\$ vnfchain tenant ${command}\\b`));
  }
});

Deno.test("a command that is missing or unknown is wrong usage", async () => {
  await using it = await scene();
  failed(await it.run(), { code: 2, error: /Usage: vnfchain tenant/ });
  failed(await it.run("publsh"), { code: 2, error: /Did you mean publish\?/ });
});

Deno.test("a missing key, federation or node list is wrong usage that names flag and profile", async () => {
  await using it = await scene();
  for (const name of ["key", "federation", "nodes"]) {
    const access = [...it.access()];
    access.splice(access.indexOf(`--${name}`), 2);
    const both = new RegExp(`--${name} is missing\nhint: give --${name}, or set ${name} in the profile`);
    failed(await it.run("list", ...access), { code: 2, error: both });
  }
});

Deno.test("the profile in the home directory gives key, nodes and federation; flags win", async () => {
  await using it = await scene();
  const directory = it.directory.file(".config/vnfchain");
  await Deno.mkdir(directory, { recursive: true });
  const lines = [
    `key = "../../tenant.pem"`,
    `nodes = ["${it.node.url}"]`,
    `federation = "../../federation.json"`,
  ];
  await Deno.writeTextFile(`${directory}/tenant.toml`, lines.join("\n"));
  equal((await it.json("list")).height, 1);
  failed(await it.run("list", "--nodes", "http://127.0.0.1:1"), {
    code: 3,
    error: /127\.0\.0\.1:1: unreachable/,
  });
});

Deno.test("a profile is read strictly", async () => {
  await using it = await scene();
  const wrong = [
    ["kye = 'a'", /kye is no key\nhint: the nearest key is key/],
    ["nodes = 'http://a'", /nodes is not a list of texts/],
    ["nodes = ['ftp://a']", /nodes is not a list of addresses/],
    ["recipients = ['vc1x']", /recipients is not a list of at most \d+ public keys/],
    ["key =", /read configuration/],
  ] as const;
  for (const [text, error] of wrong) {
    const profile = await it.file("tenant.toml", text);
    failed(await it.run("list", "--profile", profile, ...it.access()), { code: 2, error });
  }
  const missing = it.directory.file("missing.toml");
  failed(await it.run("list", "--profile", missing), { code: 2, error: /cannot be read/ });
});

Deno.test("values that are no key, address, duration, compression or short description are wrong usage", async () => {
  await using it = await scene();
  const file = await it.file("a.conf", "a");
  const wrong = [
    ["--to", "vc1qqqq"],
    ["--nodes", "127.0.0.1:8000"],
    ["--nodes", "http://user:secret@host"],
    ["--nodes", ""],
    ["--timeout", "2"],
    ["--compress", "brotli"],
    ["--description", "x".repeat(257)],
    ["--cid", "00"],
  ];
  for (const flags of wrong) {
    const run = await it.run("publish", file, "--to", it.to, ...it.access(), ...flags);
    failed(run, { code: 2, error: /is invalid\./ });
  }
  equal(it.chain.transactions.length, 0);
});

Deno.test("a key that others may read is refused, and so is a federation document that was changed", async () => {
  await using it = await scene();
  await Deno.chmod(it.directory.file("tenant.pem"), 0o644);
  failed(await it.run("list", ...it.access()), { code: 2, error: /its mode is 0644.*\nhint: chmod 600/ });
  await Deno.chmod(it.directory.file("tenant.pem"), 0o600);
  const path = it.directory.file("federation.json");
  await Deno.writeTextFile(path, (await Deno.readTextFile(path)).replace(`"test"`, `"tset"`));
  failed(await it.run("list", ...it.access()), { code: 2, error: /genesisId or hash/ });
});

Deno.test("keygen makes two keys for their owner alone and prints their public keys", async () => {
  await using it = await scene();
  const out = it.directory.file("new.pem");
  const { publicKey, recoveryPublicKey } = await it.json("keygen", "--out", out);
  const recovery = it.directory.file("new.recovery.pem");
  deepEqual((await readKeyFile(out)).publicKey, publicKeyFromText(String(publicKey)));
  deepEqual((await readKeyFile(recovery)).publicKey, publicKeyFromText(String(recoveryPublicKey)));
  ok(publicKey !== recoveryPublicKey);
  for (const path of [out, recovery]) equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
});

Deno.test("keygen writes over nothing, and leaves nothing behind when a path is taken", async () => {
  await using it = await scene();
  const out = it.directory.file("tenant.pem");
  const before = await Deno.readTextFile(out);
  failed(await it.run("keygen", "--out", out), { code: 2, error: /tenant\.pem: the path is taken\nhint: / });
  equal(await Deno.readTextFile(out), before);
  const recovery = await it.file("other.recovery.pem", "something");
  failed(await it.run("keygen", "--out", it.directory.file("other.pem")), {
    code: 2,
    error: /recovery\.pem/,
  });
  equal(await Deno.readTextFile(recovery), "something");
  const names = (await Array.fromAsync(Deno.readDir(it.directory.path))).map(({ name }) => name).sort();
  deepEqual(names, ["federation.json", "other.recovery.pem", "tenant.pem"]);
});

Deno.test("keygen encrypts with a passphrase from a file that nobody else can read", async () => {
  await using it = await scene();
  const passphrase = await it.file("passphrase", "open sesame\n");
  const out = it.directory.file("new.pem");
  await Deno.chmod(passphrase, 0o640);
  failed(await it.run("keygen", "--out", out, "--passphrase-file", passphrase), { code: 2, error: /0640/ });
  await Deno.chmod(passphrase, 0o600);
  await it.json("keygen", "--out", out, "--passphrase-file", passphrase);
  ok((await Deno.readTextFile(out)).startsWith("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
  ok(await readKeyFile(out, { passphrase: "open sesame" }));
  failed(await it.run("list", ...it.access(), "--key", out), {
    code: 2,
    error: /encrypted and no passphrase/,
  });
  const { height } = await it.json("list", ...it.access(), "--key", out, "--passphrase-file", passphrase);
  equal(height, 1);
});
