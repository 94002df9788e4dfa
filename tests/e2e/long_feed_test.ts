/** A feed with more transactions than a poll's answer has rows, on a real node: a tenant lists it, an agent catches up. */
import assert, { deepEqual, equal } from "node:assert/strict";
import type { Cid } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import { publicKeyToText } from "../../core/keys.ts";
import { LIMITS } from "../../core/limits.ts";
import { createKeyFile } from "../../cmd/common/key_file.ts";
import { readOrMakeKey } from "../../cmd/agent/key.ts";
import { growChain } from "../support/grown_chain.ts";
import { testKey } from "../support/keys.ts";
import { startNetwork } from "../support/network.ts";
import { runJson, runProgram } from "../support/program.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { newCid, plainConfiguration } from "../support/test_transactions.ts";

/** More than an answer has rows, and more than a client holds at once. */
const COUNT = LIMITS.historyRowsHeld + 100;
const BLOCK_TRANSACTIONS = 100;

Deno.test("a feed of thousands of transactions is listed whole, and an agent applies its last", async () => {
  await using directory = await temporaryDirectory();
  await using network = await startNetwork({
    nodes: 1,
    directory: directory.path,
    parameters: { heartbeatMs: 1000 },
    isStopped: true,
  });
  const tenant = testKey("tenant");
  const stateDir = directory.file("state");
  const { publicKey: to } = await readOrMakeKey(stateDir);
  const cid: Cid = newCid(tenant.publicKey);
  await growChain(network, {
    nodes: [0],
    blocks: Math.ceil(COUNT / BLOCK_TRANSACTIONS),
    transactionsOf: (block, chain) => {
      const first = block * BLOCK_TRANSACTIONS + 1;
      const count = Math.min(BLOCK_TRANSACTIONS, COUNT - first + 1);
      const make = (vid: number) => plainConfiguration(chain, tenant, { to, cid, vid, content: `${vid}` });
      return Promise.all(Array.from({ length: count }, (_, i) => make(first + i)));
    },
  });
  await network.start(0);
  const node = network.urls[0] as string;

  await createKeyFile(directory.file("tenant.pem"), tenant);
  const access = ["--key", directory.file("tenant.pem"), "--federation", network.federation, "--nodes", node];
  const { transactions } = await runJson<{ transactions: readonly { vid: number }[] }>(
    ["tenant", "list", "--to", publicKeyToText(to), ...access],
  );
  deepEqual(transactions.map(({ vid }) => vid), Array.from({ length: COUNT }, (_, i) => i + 1));
  const first = await runJson<{ vid: number }>(["tenant", "show", `${toHex(cid)}@1`, ...access]);
  equal(first.vid, 1);

  const config = directory.file("agent.toml");
  await Deno.writeTextFile(
    config,
    [
      `nodes = ["${node}"]`,
      `federation = "${network.federation}"`,
      `state_dir = "${stateDir}"`,
      `[[tenant]]`,
      `key = "${publicKeyToText(tenant.publicKey)}"`,
    ].join("\n"),
  );
  const { code, stderr } = await runProgram(["agent", "--config", config, "--once"]);
  assert.equal(code, 0, stderr);
  const files = await Array.fromAsync(Deno.readDir(`${stateDir}/current`));
  const own = files.find(({ name }) => name.startsWith("000-"));
  assert(own !== undefined);
  equal(await Deno.readTextFile(`${stateDir}/current/${own.name}`), `${COUNT}`);
});
