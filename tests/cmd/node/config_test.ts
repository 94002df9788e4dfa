import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import {
  hashToken,
  httpAddress,
  type NodeFlags,
  readNodeConfig,
  unknownNames,
} from "../../../cmd/node/config.ts";
import { makeTestnet } from "../../../cmd/node/testnet.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../support/temporary_directory.ts";

/** A network of two on disk, and `node-1` with the settings given. */
async function prepare(toml?: string): Promise<TemporaryDirectory & { readonly node: string }> {
  const directory = await temporaryDirectory();
  const net = directory.file("net");
  await makeTestnet(
    { nodes: 2, directory: net, basePort: 7000, host: "127.0.0.1", parameters: {} },
    Date.now(),
  );
  if (toml !== undefined) await Deno.writeTextFile(`${net}/node-1/node.toml`, toml);
  return { ...directory, node: `${net}/node-1` };
}

/** Reads `node-1` with the settings and flags given. */
async function read(toml?: string, flags: Partial<NodeFlags> = {}) {
  await using directory = await prepare(toml);
  return await readNodeConfig({ dir: directory.node, ...flags });
}

Deno.test("readNodeConfig() leaves addresses to the federation document where nothing else is said", async () => {
  const config = await read();
  const { listen, http, admission, tls, store, observe } = config;
  deepEqual([listen, http, tls, store, observe], [undefined, undefined, undefined, undefined, []]);
  deepEqual(httpAddress(config, [config.federation.document]), { host: "127.0.0.1", port: 8000 });
  deepEqual(admission, { tokens: null, ratePerSecond: 200, burst: 2000 });
});

Deno.test("readNodeConfig() takes settings before the document, and flags before settings", async () => {
  const toml = 'listen = "0.0.0.0:7100"\nhttp = "0.0.0.0:8100"\nstore = "/elsewhere"\n';
  const settings = await read(toml);
  deepEqual([settings.listen?.port, settings.http?.port, settings.store], [7100, 8100, "/elsewhere"]);
  const flags = await read(toml, { listen: "[::1]:7200", http: "[::1]:0", store: "https://kv.example" });
  deepEqual(flags.listen, { host: "::1", port: 7200 });
  deepEqual(flags.http, { host: "::1", port: 0 });
  equal(flags.store, "https://kv.example");
});

Deno.test("readNodeConfig() overrides members' addresses with --peers", async () => {
  const config = await read(undefined, { peers: "node-2=[2001:db8::1]:7001,node-9=127.0.0.1:7009" });
  deepEqual(config.peerAddresses.get("node-2"), { host: "2001:db8::1", port: 7001 });
  deepEqual(unknownNames(config, config.federation.document), ["node-9"]);
});

Deno.test("readNodeConfig() reads the document that --peers names", async () => {
  await using directory = await prepare();
  await Deno.rename(`${directory.node}/federation.json`, directory.file("other.json"));
  const { federation } = await readNodeConfig({ dir: directory.node, peers: directory.file("other.json") });
  equal(federation.document.members.length, 2);
});

Deno.test("readNodeConfig() refuses settings and flags that are wrong, with exit code 2", async () => {
  const cases: readonly (readonly [string, string | undefined, Partial<NodeFlags>, RegExp])[] = [
    ["config-invalid", 'lisen = "127.0.0.1:1"', {}, /lisen is no key/],
    ["config-invalid", "listen = 7000", {}, /listen is not a text/],
    ["config-invalid", "listen = ", {}, /node\.toml/],
    ["config-invalid", 'admission = "closed"', {}, /"open" or "token"/],
    ["config-invalid", 'admission = "token"', {}, /at least one \[\[token\]\]/],
    [
      "config-invalid",
      `[[token]]\nname = "a"\nsha256 = "${hashToken("x")}"`,
      {},
      /there is a \[\[token\]\]/,
    ],
    [
      "config-invalid",
      'admission = "token"\n[[token]]\nname = "a"\nsha256 = "xyz"',
      {},
      /64 hexadecimal digits/,
    ],
    ["config-invalid", `admission = "token"\n[[token]]\nsha256 = "${hashToken("x")}"`, {}, /name is missing/],
    [
      "config-invalid",
      `admission = "token"\n[[token]]\nname = "a"\nsha256 = "${hashToken("x")}"\ntoken = "x"`,
      {},
      /token is no key/,
    ],
    ["config-invalid", "rate_per_second = 0", {}, /above 0/],
    ["config-invalid", "burst = 0.5", {}, /from 1/],
    ["config-invalid", 'tls_key = "key.pem"', {}, /tls_certificate is missing/],
    ["tls", 'tls_certificate = "none.crt"\ntls_key = "none.pem"', {}, /none\.crt cannot be read/],
    ["address", 'listen = "127.0.0.1"', {}, /wanted host:port/],
    ["address", undefined, { listen: "::1:7000" }, /wanted host:port/],
    ["address", undefined, { http: "127.0.0.1:99999" }, /wanted host:port/],
    ["address", undefined, { http: "10.0.0.256:80" }, /wanted host:port/],
    ["address", undefined, { peers: "node-2=7001" }, /wanted host:port/],
    ["node-config", undefined, { peers: "=127.0.0.1:7003" }, /names no member/],
    ["node-config", undefined, { observe: "127.0.0.1:8000" }, /is no URL/],
    ["node-config", undefined, { peers: "node-2" }, /names no member/],
    ["federation-missing", undefined, { peers: "/none.json" }, /none\.json/],
  ];
  for (const [code, toml, flags, message] of cases) {
    await rejects(read(toml, flags), { code, message, exitCode: 2 }, toml ?? JSON.stringify(flags));
  }
});

Deno.test("httpAddress() wants an address for a node whose key is no member's", async () => {
  await using directory = await prepare();
  await using other = await prepare();
  await Deno.copyFile(`${other.node}/key.pem`, `${directory.node}/key.pem`);
  const config = await readNodeConfig({ dir: directory.node });
  const documents = [config.federation.document];
  throws(() => httpAddress(config, documents), { code: "node-config", exitCode: 2 });
  const given = await readNodeConfig({ dir: directory.node, http: "127.0.0.1:9000" });
  deepEqual(httpAddress(given, documents), { host: "127.0.0.1", port: 9000 });
});

Deno.test("readNodeConfig() refuses a key that others may read", async () => {
  await using other = await prepare();
  await Deno.chmod(`${other.node}/key.pem`, 0o644);
  await rejects(readNodeConfig({ dir: other.node }), { code: "key-exposed", exitCode: 2 });
});

Deno.test("readNodeConfig() keeps the digests of tokens, and gives each its name", async () => {
  const digest = hashToken("secret");
  const { admission } = await read(
    `admission = "token"\nrate_per_second = 0.5\nburst = 7\n[[token]]\nname = "ops"\nsha256 = "${digest.toUpperCase()}"`,
  );
  deepEqual(admission, { tokens: new Map([[digest, "ops"]]), ratePerSecond: 0.5, burst: 7 });
});

Deno.test("readNodeConfig() reads TLS files relative to the directory, and refuses a key that all may read", async () => {
  await using directory = await prepare('tls_certificate = "api.crt"\ntls_key = "api.pem"');
  await Deno.writeTextFile(`${directory.node}/api.crt`, "certificate");
  await Deno.writeTextFile(`${directory.node}/api.pem`, "key", { mode: 0o600 });
  deepEqual((await readNodeConfig({ dir: directory.node })).tls, { certificate: "certificate", key: "key" });
  await Deno.chmod(`${directory.node}/api.pem`, 0o604);
  await rejects(readNodeConfig({ dir: directory.node }), { code: "tls", message: /read by everybody/ });
});
