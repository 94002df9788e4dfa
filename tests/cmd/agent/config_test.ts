/** The agent's configuration file: what it may say, and what is refused. */
import assert from "node:assert/strict";
import { VnfchainError } from "../../../core/errors.ts";
import { publicKeyToText } from "../../../core/keys.ts";
import { parseAgentConfig } from "../../../cmd/agent/config.ts";
import { testKey } from "../../support/keys.ts";

const key = publicKeyToText(testKey("tenant").publicKey);
const LEAST = `nodes = ["http://192.0.2.1:8000"]\nfederation = "/f.json"\nstate_dir = "/state"\n`;
const TENANT = `[[tenant]]\nkey = "${key}"\n`;
const DRIVER = `[[driver]]\npreset = "exec"\napply = ["/bin/true"]\n`;

Deno.test("parseAgentConfig() reads everything that a file may say", () => {
  const config = parseAgentConfig(
    `nodes = ["http://192.0.2.1:8000", "https://[2001:db8::1]"]
federation = "/etc/vnfchain/federation.json"
state_dir = "/var/lib/vnfchain"
interval = "500ms"
max_staleness = "2m"
allow_empty = true
ca_file = "/ca.pem"
proxy = "http://proxy:3128"
token_file = "/token"
[[tenant]]
key = "${key}"
recovery = "${key}"
[[driver]]
preset = "exec"
check = ["/usr/local/bin/check", "{generation}"]
apply = ["/usr/local/bin/reload", "{generation}"]
export = ["/bin/cat", "/etc/vnf.conf"]
health = ["/usr/local/bin/healthy"]
confirm = "30s"
timeout = "1h"
[[driver]]
preset = "nftables"
`,
    "agent.toml",
  );
  assert.deepEqual(config.nodes, ["http://192.0.2.1:8000", "https://[2001:db8::1]"]);
  assert.deepEqual([config.intervalMs, config.maxStalenessMs, config.allowEmpty], [500, 120_000, true]);
  assert.deepEqual(config.drivers.map(({ preset, timeoutMs }) => [preset, timeoutMs]), [
    ["exec", 3_600_000],
    ["nftables", 60_000],
  ]);
  assert.deepEqual(config.drivers[0]?.health, ["/usr/local/bin/healthy"]);
});

Deno.test("parseAgentConfig() fills in what is left out", () => {
  const config = parseAgentConfig(LEAST + TENANT, "agent.toml");
  assert.deepEqual([config.intervalMs, config.maxStalenessMs, config.allowEmpty], [10_000, 120_000, false]);
  assert.deepEqual(config.drivers, []);
});

/** A file, and what the error must say. */
const refused: readonly (readonly [string, string, RegExp])[] = [
  [
    "a misspelt key",
    `intervall = "1s"\n${LEAST}${TENANT}`,
    /intervall is no key.*nearest key is interval/s,
  ],
  [
    "a misspelt key of a driver",
    LEAST + TENANT + DRIVER + `chek = ["x"]`,
    /\[\[driver\]\] 1: chek is no key.*check/s,
  ],
  [
    "a key that only exec has",
    LEAST + TENANT + `[[driver]]\npreset = "nftables"\napply = ["x"]`,
    /apply is no key/,
  ],
  ["__proto__", `__proto__ = 1\n${LEAST}${TENANT}`, /__proto__ is no key/],
  ["no nodes", LEAST.replace("nodes", "#") + TENANT, /nodes is missing/],
  ["a node with a path", LEAST.replace(":8000", ":8000/v1") + TENANT, /nodes is not a list of URLs/],
  [
    "a node with a password",
    LEAST.replace("http://", "http://me:pw@") + TENANT,
    /nodes is not a list of URLs/,
  ],
  ["a node by ftp", LEAST.replace("http", "ftp") + TENANT, /nodes is not a list of URLs/],
  ["a relative path", LEAST.replace("/state", "state") + TENANT, /state_dir is not an absolute path/],
  ["no tenant", LEAST, /no \[\[tenant\]\]/],
  ["one tenant twice", LEAST + TENANT + TENANT, /two \[\[tenant\]\] with one key/],
  [
    "a key with a wrong checksum",
    LEAST + TENANT.replace(/.(?="\n)/, "q").replace("qq", "pq"),
    /key is not a public key/,
  ],
  ["a duration without a unit", `interval = "10"\n${LEAST}${TENANT}`, /interval is not a duration/],
  ["a duration of nothing", `interval = "0s"\n${LEAST}${TENANT}`, /interval is not a duration/],
  ["a duration of a year", `interval = "9000h"\n${LEAST}${TENANT}`, /interval is not a duration/],
  ["a flag as a text", `allow_empty = "true"\n${LEAST}${TENANT}`, /allow_empty is not true or false/],
  [
    "a preset of a later version",
    LEAST + TENANT + `[[driver]]\npreset = "haproxy"`,
    /no preset haproxy.*exec/s,
  ],
  ["an unknown preset", LEAST + TENANT + `[[driver]]\npreset = "x"`, /preset is not "exec" or "nftables"/],
  ["exec without apply", LEAST + TENANT + `[[driver]]\npreset = "exec"`, /apply is missing/],
  [
    "a command line",
    LEAST + TENANT + `[[driver]]\npreset = "exec"\napply = "reload x"`,
    /apply is not a list/,
  ],
  [
    "{generation} inside",
    LEAST + TENANT + DRIVER.replace("true", "{generation}"),
    /\{generation\} is a whole one/,
  ],
  [
    "{generation} exported",
    LEAST + TENANT + DRIVER + `export = ["x", "{generation}"]`,
    /export is not without/,
  ],
  ["no TOML", "nodes = [", /agent\.toml:1:\d+: /],
];

for (const [name, text, said] of refused) {
  Deno.test(`parseAgentConfig() refuses ${name}`, () => {
    assert.throws(
      () => parseAgentConfig(text, "agent.toml"),
      (error) =>
        error instanceof VnfchainError && error.code === "config-invalid" && error.exitCode === 2 &&
        said.test(`${error.message}\n${error.hint}`),
    );
  });
}
