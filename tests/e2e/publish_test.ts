import assert from "node:assert/strict";
import { toHex } from "../../core/bytes.ts";
import { COMPRESSION, type Compression, ENCRYPTION } from "../../core/transaction.ts";
import { randomBytes } from "../../core/platform/crypto.ts";
import { readFederationFile } from "../../cmd/common/federation_file.ts";
import { assertOneChain, idsOf, readChain } from "../support/chain_check.ts";
import { testKey } from "../support/keys.ts";
import { startNetwork } from "../support/network.ts";
import { runJson } from "../support/program.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { configuration } from "../support/test_transactions.ts";

/** The full count is what the acceptance of the network was measured with; fewer keep the suite short. */
const COUNT = Number(Deno.env.get("VNFCHAIN_PUBLISH_COUNT") ?? 150);
const LARGEST = 1024 * 1024;
const AT_ONCE = 8;

Deno.test(`four nodes stay at one chain over ${COUNT} configurations of 1 B to 1 MB, and audit says so`, async () => {
  await using directory = await temporaryDirectory();
  await using network = await startNetwork({
    nodes: 4,
    directory: directory.path,
    parameters: { heartbeatMs: 2000 },
  });
  const federation = await readFederationFile(network.federation);
  const compressions = Object.values(COMPRESSION) as readonly Compression[];
  const committed: string[] = [];
  let next = 0;
  async function publish(): Promise<void> {
    for (let i = next++; i < COUNT; i = next++) {
      // Sizes spread evenly over the orders of magnitude, both ends included.
      const size = Math.round(LARGEST ** (i / (COUNT - 1)));
      const { id, bytes } = await configuration(federation, {
        from: testKey(`tenant ${i % 5}`),
        to: testKey(`vnf ${i % 7}`).publicKey,
        content: randomBytes(size),
        compression: compressions[i % compressions.length] as Compression,
        encryption: i % 2 === 0 ? ENCRYPTION.hpke : ENCRYPTION.none,
        timestamp: Date.now(),
      });
      const url = `${network.urls[i % 4]}/v1/transactions?wait=commit`;
      const response = await fetch(url, {
        method: "POST",
        body: bytes,
        headers: { accept: "application/cbor" },
      });
      const answer = new Uint8Array(await response.arrayBuffer());
      assert.equal(
        response.status,
        200,
        `${size} bytes: ${new TextDecoder().decode(answer.subarray(0, 300))}`,
      );
      committed.push(toHex(id));
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, publish));
  const chains = await Promise.all(network.urls.map(readChain));
  assertOneChain(chains);
  const ids = idsOf(chains[0] ?? [], federation);
  assert.deepEqual([...ids].sort(), [...committed].sort());
  await network.kill(2, "SIGTERM");
  const archive = directory.file("chain.archive");
  await runJson(["node", "export", "--dir", `${network.directory}/node-3`, "--out", archive]);
  const audit = await runJson<{ ok: boolean; transactions: number }>([
    ...["audit", "--chain", archive, "--federation", network.federation],
  ]);
  assert.deepEqual({ ok: audit.ok, transactions: audit.transactions }, { ok: true, transactions: COUNT });
});
