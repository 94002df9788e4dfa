import { deepEqual, equal, match } from "node:assert/strict";
import { readFederationFile } from "../../../cmd/common/federation_file.ts";
import { readKeyFile } from "../../../cmd/common/key_file.ts";
import { toHex } from "../../../core/bytes.ts";
import { equal as sameBytes } from "../../../core/bytes.ts";
import { runJson, runProgram } from "../../support/program.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";

interface TestnetJson {
  readonly genesisId: string;
  readonly quorum: number;
  readonly nodes: readonly Record<string, string>[];
}

Deno.test("vnfchain node testnet prints what it made as one JSON document", async () => {
  await using directory = await temporaryDirectory();
  const dir = directory.file("net");
  const made = await runJson<TestnetJson>([
    ...["node", "testnet", "--nodes", "5", "--dir", dir, "--base-port", "7100", "--host", "::1"],
    ...["--set", "heartbeatMs=5000", "--set", "tenureBlocks=3"],
  ]);
  const federation = await readFederationFile(`${dir}/federation.json`);
  equal(made.genesisId, toHex(federation.genesisId));
  equal(made.quorum, 4);
  deepEqual(made.nodes[4], {
    name: "node-5",
    directory: `${dir}/node-5`,
    peerAddress: "[::1]:7104",
    apiUrl: "http://[::1]:8104",
  });
  const { parameters, members } = federation.document;
  deepEqual([parameters.heartbeatMs, parameters.tenureBlocks, parameters.maxDriftMs], [5000, 3, 15_000]);
  for (const [i, member] of members.entries()) {
    const key = await readKeyFile(`${dir}/node-${i + 1}/key.pem`);
    equal(sameBytes(key.publicKey, member.key), true);
  }
});

Deno.test("vnfchain node testnet refuses what it cannot make, with exit code 2, and writes nothing", async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["--nodes", "0"], /from 1 to 65535/],
    [["--nodes", "four"], /from 1 to 65535/],
    [["--nodes", "401"], /at most 400/],
    [["--nodes", "4", "--base-port", "65000"], /the last port would be 66003/],
    [["--nodes", "4", "--host", "localhost"], /wanted an IP address/],
    [["--nodes", "4", "--set", "heartbeat=1"], /parameters are transactionLifetimeMs/],
    [["--nodes", "4", "--set", "__proto__=1"], /parameters are transactionLifetimeMs/],
    [["--nodes", "4", "--set", "heartbeatMs=-1"], /wanted parameter=whole number/],
    [["--nodes", "4", "--set", "heartbeatMs=0"], /heartbeatMs is 0/],
    [["--nodes", "4", "--set", "maxBlockBytes=99999999999"], /maxBlockBytes is not an integer up to/],
    [["--nodes", "4", "--set", "maxTransactionBytes=8000000"], /above maxBlockBytes/],
    [["--nodes", "4", "--nodez", "4"], /unknown option/],
  ];
  await using directory = await temporaryDirectory();
  const dir = directory.file("net");
  await Promise.all(cases.map(async ([flags, message]) => {
    const { code, stderr, stdout } = await runProgram(["node", "testnet", "--dir", dir, ...flags]);
    equal(code, 2, `${flags.join(" ")}: ${stderr}`);
    match(stderr, message);
    equal(stdout, "");
  }));
  deepEqual([...Deno.readDirSync(directory.path)], []);
});

Deno.test("vnfchain node testnet refuses a directory that is not empty", async () => {
  await using directory = await temporaryDirectory();
  await Deno.writeTextFile(directory.file("mine"), "");
  const { code, stderr } = await runProgram(["node", "testnet", "--nodes", "1", "--dir", directory.path]);
  equal(code, 2);
  match(stderr, /is not empty: it has mine/);
  deepEqual([...Deno.readDirSync(directory.path)].map(({ name }) => name), ["mine"]);
});
