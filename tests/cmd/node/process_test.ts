/** A node as a process: what it listens on, how it ends, who may write, what it shows to nobody. */
import assert, { deepEqual, equal, match } from "node:assert/strict";
import { toHex, utf8 } from "../../../core/bytes.ts";
import { readFederationFile } from "../../../cmd/common/federation_file.ts";
import { hashToken } from "../../../cmd/node/config.ts";
import type { Federation } from "../../../core/federation.ts";
import { testKey } from "../../support/keys.ts";
import { HAS_OPENSSL, openssl } from "../../support/openssl.ts";
import { runJson, type Running, runProgram, startProgram } from "../../support/program.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { configuration, newCid } from "../../support/test_transactions.ts";
import { addressOf, exchange } from "./api/raw.ts";
import { ask, commit, post } from "./node.ts";

const TENANT = testKey("tenant");
const HAS_SS = await new Deno.Command("ss", { args: ["-V"], stdout: "null" }).output().then(
  ({ success }) => success,
  () => false,
);

/** A federation of one on disk, and its node as processes. */
interface Made extends AsyncDisposable {
  readonly directory: string;
  readonly federation: Federation;
  /** Runs the node, to its `ready`; clients reach it at `url`, members at `peer`. */
  readonly run: (
    options?: { toml?: string; flags?: readonly string[]; host?: string },
  ) => Promise<Running & { readonly url: string; readonly peer: string }>;
}

async function make(): Promise<Made> {
  await using stack = new AsyncDisposableStack();
  const temporary = stack.use(await temporaryDirectory());
  const net = temporary.file("net");
  await runJson(["node", "testnet", "--nodes", "1", "--dir", net, "--set", "heartbeatMs=500"]);
  const directory = `${net}/node-1`;
  const federation = await readFederationFile(`${net}/federation.json`);
  const run: Made["run"] = async ({ toml = "", flags = [], host = "127.0.0.1" } = {}) => {
    await Deno.writeTextFile(`${directory}/node.toml`, toml);
    // Any free port: what it is stands in the log.
    const any = [`--listen=${host}:0`, `--http=${host}:0`];
    const running = stackOf.use(startProgram(["node", "--dir", directory, ...any, ...flags]));
    await running.saw("ready");
    const [, peer = "", url = ""] = /ready .*members=(\S+) clients=(\S+)/.exec(
      running.output().replaceAll('"', ""),
    ) ?? [];
    return { ...running, url, peer };
  };
  const stackOf = stack.move();
  return { directory, federation, run, [Symbol.asyncDispose]: () => stackOf.disposeAsync() };
}

/** The local addresses that a process listens on, TCP and UDP. */
async function listeners({ pid }: Running): Promise<readonly string[]> {
  const { stdout } = await new Deno.Command("ss", { args: ["-Hlntup"] }).output();
  return new TextDecoder().decode(stdout).split("\n")
    .filter((line) => line.includes(`pid=${pid},`))
    .map((line) => line.trim().split(/\s+/)[4] ?? "")
    .sort();
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

Deno.test({
  name: "vnfchain node listens on its two addresses and no other, whatever signal it gets",
  ignore: !HAS_SS,
  fn: async () => {
    await using made = await make();
    const node = await made.run();
    const own = [node.peer, new URL(node.url).host].sort();
    deepEqual(await listeners(node), own);
    for (const signal of ["SIGUSR1", "SIGUSR2", "SIGHUP", "SIGUSR1"] as const) {
      node.kill(signal);
      await pause(300);
      deepEqual(await listeners(node), own, signal);
    }
    equal((await ask(`${node.url}/v1/status`)).status, 200);
  },
});

Deno.test({
  name: "vnfchain node listens on IPv6 for members and for clients",
  ignore: !HAS_SS,
  fn: async () => {
    await using made = await make();
    const node = await made.run({ host: "[::1]" });
    match(node.url, /^http:\/\/\[::1\]:\d+$/);
    deepEqual(await listeners(node), [node.peer, new URL(node.url).host].sort());
    equal((await ask(`${node.url}/v1/status`)).status, 200);
  },
});

Deno.test("vnfchain node ends on SIGTERM and SIGINT with exit code 0, whatever its clients do", async () => {
  await using made = await make();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const node = await made.run();
    const { host, port } = addressOf(node.url);
    using idle = await Deno.connect({ hostname: host, port });
    using half = await Deno.connect({ hostname: host, port });
    await half.write(utf8("GET / HT"));
    const parked = await configuration(made.federation, { from: TENANT, to: null, content: "x", vid: 2 });
    const waiting = post(node.url, parked.bytes, { wait: true }).then(({ status }) => status, () => "cut");
    await pause(300);
    node.kill(signal);
    equal(await node.ended, 0, node.output());
    equal(await waiting, "cut");
    assert(!/ERROR/.test(node.output()), node.output());
    equal(await idle.read(new Uint8Array(1)), null);
  }
});

Deno.test("vnfchain node refuses a directory that another process uses, for running and for exporting", async () => {
  await using made = await make();
  const node = await made.run();
  const any = ["--listen=127.0.0.1:0", "--http=127.0.0.1:0"];
  const second = await runProgram(["node", "--dir", made.directory, ...any]);
  equal(second.code, 1);
  match(second.stderr, /another process holds .*lock\nhint: /);
  const exported = await runProgram([
    "node",
    "export",
    "--dir",
    made.directory,
    "--out",
    `${made.directory}/x`,
  ]);
  equal(exported.code, 1);
  match(exported.stderr, /another process holds/);
  equal((await ask(`${node.url}/v1/status`)).status, 200);
});

Deno.test("vnfchain node refuses a port that is taken, with exit code 2", async () => {
  await using made = await make();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const flags: readonly (readonly [string, string])[] = [
    [`--listen=127.0.0.1:${port}`, "--http=127.0.0.1:0"],
    ["--listen=127.0.0.1:0", `--http=127.0.0.1:${port}`],
  ];
  for (const pair of flags) {
    const { code, stderr } = await runProgram(["node", "--dir", made.directory, ...pair]);
    equal(code, 2, stderr);
    match(stderr, new RegExp(`127\\.0\\.0\\.1:${port}`));
  }
});

Deno.test("vnfchain node takes transactions with a token alone, and keeps the token to nobody", async () => {
  await using made = await make();
  const token = "canary-8f1c2d7e";
  const toml = `admission = "token"\n[[token]]\nname = "ops"\nsha256 = "${hashToken(token)}"\n`;
  const node = await made.run({ toml, flags: ["--log-level=debug"] });
  const transaction = await configuration(made.federation, { from: TENANT, to: null, content: "rules" });
  const refusals = [{}, { authorization: "Bearer wrong" }, { authorization: `Basic ${token}` }];
  for (const headers of refusals) {
    const { status, code } = await post(node.url, transaction.bytes, { headers });
    deepEqual([status, code], [401, "unauthorized"]);
  }
  const headers = { authorization: `Bearer ${token}` };
  equal((await post(node.url, transaction.bytes, { headers })).status, 202);
  equal((await post(node.url, utf8("nothing"), { headers })).status, 400);
  equal((await ask(`${node.url}/v1/status`)).status, 200, "reading needs no token");
  node.kill("SIGTERM");
  await node.ended;
  assert(!node.output().includes("canary"), node.output());
  for await (const entry of Deno.readDir(made.directory)) {
    const text = new TextDecoder("latin1").decode(await Deno.readFile(`${made.directory}/${entry.name}`));
    assert(!text.includes("canary"), `${entry.name} holds the token`);
  }
});

Deno.test({
  name: "vnfchain node serves HTTPS with certificate files, and no HTTP then",
  ignore: !HAS_OPENSSL,
  fn: async () => {
    await using made = await make();
    const at = (name: string) => `${made.directory}/${name}`;
    const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    openssl("req", "-x509", ...newKey, "-keyout", at("ca.key"), "-out", at("ca.pem"), "-subj", "/CN=ca");
    openssl("req", ...newKey, "-keyout", at("api.key"), "-out", at("api.csr"), "-subj", "/CN=node");
    await Deno.writeTextFile(at("names"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n");
    const issued = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial", "-extfile", at("names")];
    openssl("x509", "-req", "-in", at("api.csr"), ...issued, "-out", at("api.pem"), "-days", "2");
    const node = await made.run({ toml: 'tls_certificate = "api.pem"\ntls_key = "api.key"\n' });
    match(node.url, /^https:/);
    using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(at("ca.pem"))] });
    equal((await ask(`${node.url}/v1/status`, { client })).status, 200);
    const transaction = await configuration(made.federation, { from: TENANT, to: null, content: "rules" });
    const sent = await ask(`${node.url}/v1/transactions?wait=commit`, {
      method: "POST",
      body: transaction.bytes,
      client,
    });
    equal(sent.status, 200);
    assert(
      !(await exchange(addressOf(node.url), "GET / HTTP/1.1\r\nHost: node\r\n\r\n")).includes("HTTP/1.1 200"),
    );
    node.kill("SIGTERM");
    equal(await node.ended, 0);
    await Deno.copyFile(at("ca.key"), at("api.key"));
    const { code, stderr } = await runProgram(["node", "--dir", made.directory]);
    equal(code, 2);
    match(stderr, /certificate and its key cannot be used/);
  },
});

Deno.test("vnfchain node gives nothing to strangers on the members' port", async () => {
  await using made = await make();
  const node = await made.run();
  const address = addressOf(`http://${node.peer}`);
  const secrets = await Promise.all([
    exchange(address, "GET /v1/head HTTP/1.1\r\nHost: node\r\n\r\n"),
    exchange(address, "\0\0\0\x10" + "x".repeat(16)),
    exchange(address, { parts: [new Uint8Array([0xff, 0xff, 0xff, 0xff])] }),
    exchange(address, { parts: [new Uint8Array(8192)] }),
  ]);
  for (const answer of secrets) equal(answer.length, 0, answer);
  equal((await ask(`${node.url}/healthz`)).status, 200);
});

Deno.test("vnfchain node answers a flood at ten times its rate with rate, and loses nothing that it took", async () => {
  await using made = await make();
  const node = await made.run({ toml: "rate_per_second = 20\nburst = 50\n" });
  const transactions = await Promise.all(
    Array.from(
      { length: 500 },
      () => configuration(made.federation, { from: TENANT, to: null, content: "x" }),
    ),
  );
  const outcomes = await Promise.all(transactions.map(({ bytes }) => post(node.url, bytes)));
  const taken = transactions.filter((_, i) => outcomes[i]?.status === 202);
  assert(taken.length >= 50 && taken.length < 250, `${taken.length} were taken`);
  for (const { status, code, headers } of outcomes) {
    if (status === 202) continue;
    deepEqual([status, code, headers.get("retry-after")], [429, "rate", "1"]);
  }
  for (const { id } of taken) {
    const url = `${node.url}/v1/transactions/${toHex(id)}`;
    let status = "pending";
    while (status === "pending") status = String((await ask(url)).json()["status"]);
    equal(status, "committed");
  }
});

Deno.test("vnfchain node says busy when a sender's share of the pool is full, and serves other senders", async () => {
  await using made = await make();
  const node = await made.run({ toml: "rate_per_second = 100000\nburst = 100000\n" });
  const { federation } = made;
  let busy = 0;
  for (let cid = newCid(TENANT.publicKey), count = 0; count < 4352; cid = newCid(TENANT.publicKey)) {
    // Without version 1 all of them stay in the pool.
    const versions = await Promise.all(
      Array.from(
        { length: 255 },
        (_, i) => configuration(federation, { from: TENANT, to: null, content: "x", cid, vid: i + 2 }),
      ),
    );
    for (
      const { status, code, headers } of await Promise.all(versions.map(({ bytes }) => post(node.url, bytes)))
    ) {
      count++;
      if (status === 202) continue;
      busy++;
      deepEqual([status, code, headers.get("retry-after")], [503, "busy", "1"]);
    }
  }
  assert(busy > 0);
  equal((await ask(`${node.url}/v1/status`)).json()["poolTransactions"], 4096);
  await commit(node.url, await configuration(federation, { from: testKey("other"), to: null, content: "x" }));
});

Deno.test("vnfchain node serves a client among 2,000 idle connections", async () => {
  await using made = await make();
  const node = await made.run();
  const { host, port } = addressOf(node.url);
  const held: Deno.Conn[] = [];
  try {
    for (let i = 0; i < 2000; i++) held.push(await Deno.connect({ hostname: host, port }));
    let served = false;
    for (const endMs = performance.now() + 30_000; !served && performance.now() < endMs; await pause(250)) {
      served = await ask(`${node.url}/v1/status`).then(({ status }) => status === 200, () => false);
    }
    assert(served);
  } finally {
    for (const connection of held) connection.close();
  }
});
