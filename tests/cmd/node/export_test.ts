import { deepEqual, equal, match } from "node:assert/strict";
import { runJson, runProgram } from "../../support/program.ts";
import { testKey } from "../../support/keys.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { configuration } from "../../support/test_transactions.ts";
import { commit, startNode } from "./node.ts";

interface Exported {
  readonly height: number;
  readonly blocks: number;
  readonly transactions: number;
  readonly bytes: number;
}

interface Audited {
  readonly ok: boolean;
  readonly height: number;
  readonly transactions: number;
}

Deno.test("vnfchain node export writes a stopped node's chain, which audit proves", async () => {
  await using node = await startNode();
  await using directory = await temporaryDirectory();
  const from = testKey("tenant");
  for (let i = 0; i < 5; i++) {
    await commit(node.url, await configuration(node.federation, { from, to: null, content: `version ${i}` }));
  }
  await node.network.kill(0, "SIGTERM");
  const out = directory.file("chain.archive");
  const flags = ["--dir", `${node.network.directory}/node-1`, "--out", out];
  const exported = await runJson<Exported>(["node", "export", ...flags]);
  equal(exported.blocks, exported.height);
  equal(exported.transactions, 5);
  equal((await Deno.stat(out)).size, exported.bytes);
  deepEqual([...Deno.readDirSync(directory.path)].map(({ name }) => name), ["chain.archive"]);
  const audited = await runJson<Audited>(["audit", "--chain", out, "--federation", node.network.federation]);
  deepEqual([audited.ok, audited.height, audited.transactions], [true, exported.height, 5]);
  // Again, over the file that is there.
  deepEqual(await runJson<Exported>(["node", "export", ...flags]), exported);
});

Deno.test("vnfchain node export refuses what it cannot read or write, and leaves nothing behind", async () => {
  await using directory = await temporaryDirectory();
  const net = directory.file("net");
  await runJson(["node", "testnet", "--nodes", "1", "--dir", net]);
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [`${net}/node-1`, directory.file("no/such/directory/x"), /cannot be written\nhint: /],
    [`${net}/node-1`, net, /cannot be written/],
    [`${net}/node-2`, directory.file("x"), /federation\.json cannot be read/],
  ];
  for (const [dir, out, message] of cases) {
    const { code, stderr } = await runProgram(["node", "export", "--dir", dir, "--out", out]);
    equal(code, 2, stderr);
    match(stderr, message);
  }
  deepEqual([...Deno.readDirSync(directory.path)].map(({ name }) => name), ["net"]);
});
