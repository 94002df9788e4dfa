import assert from "node:assert/strict";
import { toHex } from "../../core/bytes.ts";
import { readFederationFile } from "../../cmd/common/federation_file.ts";
import { assertOneChain, idsOf, readChain } from "../support/chain_check.ts";
import { testKey } from "../support/keys.ts";
import { type Network, startNetwork } from "../support/network.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { configuration } from "../support/test_transactions.ts";

const PARAMETERS = { heartbeatMs: 2000, roundTimeoutMs: 500, roundTimeoutMaxMs: 2000 };

/** Sends transactions one after the other to whichever node answers, until told to stop; gives the acknowledged ids. */
async function publishUntil(network: Network, stop: AbortSignal): Promise<readonly string[]> {
  const federation = await readFederationFile(network.federation);
  const acknowledged: string[] = [];
  for (let i = 0; !stop.aborted; i++) {
    const content = `version ${i}`;
    const { id, bytes } = await configuration(federation, {
      from: testKey("tenant"),
      to: testKey("vnf").publicKey,
      content,
      timestamp: Date.now(),
    });
    for (let attempt = 0; attempt < 4; attempt++) {
      const url = `${network.urls[(i + attempt) % network.urls.length]}/v1/transactions`;
      const response = await fetch(url, { method: "POST", body: bytes }).catch(() => undefined);
      await response?.body?.cancel();
      if (response?.status !== 202) continue;
      acknowledged.push(toHex(id));
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return acknowledged;
}

Deno.test("any one of four nodes may be killed at any moment: nothing acknowledged is lost or doubled", async () => {
  await using directory = await temporaryDirectory();
  await using network = await startNetwork({ nodes: 4, directory: directory.path, parameters: PARAMETERS });
  const stop = new AbortController();
  const publishing = publishUntil(network, stop.signal);
  for (let i = 0; i < 8; i++) {
    const index = i % 4;
    await new Promise((resolve) => setTimeout(resolve, 300 + 137 * i));
    await network.kill(index);
    const { height } = await network.status((index + 1) % 4);
    await network.reached((index + 1) % 4, height + 2);
    await network.start(index);
    await network.reached(index, height + 2);
  }
  stop.abort();
  const acknowledged = await publishing;
  assert(acknowledged.length > 50, `${acknowledged.length} transactions were acknowledged`);
  await settle(network);
  const chains = await Promise.all(network.urls.map(readChain));
  assertOneChain(chains);
  const federation = await readFederationFile(network.federation);
  const ids = idsOf(chains[0] ?? [], federation);
  assert.equal(new Set(ids).size, ids.length, "an id stands twice on the chain");
  const lost = acknowledged.filter((id) => !ids.includes(id));
  assert.deepEqual(lost, [], "acknowledged and not on the chain");
});

/** Waits until no node has anything in its pool. */
async function settle(network: Network): Promise<void> {
  const endMs = performance.now() + 60_000;
  for (;;) {
    const all = await Promise.all(network.urls.map((_, index) => network.status(index)));
    if (all.every(({ poolTransactions, synced }) => poolTransactions === 0 && synced)) return;
    assert(performance.now() < endMs, `pools are not empty: ${JSON.stringify(all)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
