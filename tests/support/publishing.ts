/**
 * A tenant that never rests, and the wait until everything that it was promised is on the chain.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFederationFile } from "../../cmd/common/federation_file.ts";
import { toHex } from "../../core/bytes.ts";
import { assertOneChain, idsOf, readChain } from "./chain_check.ts";
import { testKey } from "./keys.ts";
import type { Network } from "./network.ts";
import { configuration } from "./test_transactions.ts";

/** A fresh configuration for nobody in particular. */
async function makeOne(network: Network, content: string) {
  return await configuration(await readFederationFile(network.federation), {
    from: testKey("tenant"),
    to: testKey("vnf").publicKey,
    content,
    timestamp: Date.now(),
  });
}

/** Gives a transaction to a node, which must acknowledge it; its id. */
export async function publish(network: Network, node: number): Promise<string> {
  const { id, bytes } = await makeOne(network, "rules");
  assert(await post(network, { node, bytes }), `node ${node + 1} did not take a transaction`);
  return toHex(id);
}

async function post(
  network: Network,
  { node, bytes }: { node: number; bytes: Uint8Array<ArrayBuffer> },
): Promise<boolean> {
  const url = `${network.urls[node]}/v1/transactions`;
  const signal = AbortSignal.timeout(2_000);
  const response = await fetch(url, { method: "POST", body: bytes, signal }).catch(() => undefined);
  await response?.body?.cancel();
  return response?.status === 202;
}

/** Sends transactions one after the other to whichever node answers, until told to stop; gives the acknowledged ids. */
export async function publishUntil(network: Network, stop: AbortSignal): Promise<readonly string[]> {
  const acknowledged: string[] = [];
  for (let i = 0; !stop.aborted; i++) {
    const { id, bytes } = await makeOne(network, `version ${i}`);
    for (let attempt = 0; attempt < network.urls.length; attempt++) {
      if (!await post(network, { node: (i + attempt) % network.urls.length, bytes })) continue;
      acknowledged.push(toHex(id));
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return acknowledged;
}

/** Waits until no running node has anything in its pool. */
export async function settled(network: Network): Promise<void> {
  const endMs = performance.now() + 90_000;
  for (;;) {
    const all = await Promise.all(runningOf(network).map((index) => network.status(index)));
    if (all.every(({ poolTransactions, synced }) => poolTransactions === 0 && synced)) return;
    assert(performance.now() < endMs, `pools are not empty: ${JSON.stringify(all)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Asserts that the running nodes have one chain, with these ids once each and no id twice; and nobody is accused. */
export async function assertAllThere(network: Network, acknowledged: readonly string[]): Promise<void> {
  const federation = await readFederationFile(network.federation);
  const chains = await Promise.all(
    runningOf(network).map((index) => readChain(network.urls[index] as string)),
  );
  assertOneChain(chains);
  for (const chain of chains) {
    const ids = idsOf(chain, federation);
    assert.equal(new Set(ids).size, ids.length, "an id stands twice on the chain");
    const there = new Set(ids);
    assert.deepEqual(acknowledged.filter((id) => !there.has(id)), [], "acknowledged and not on the chain");
  }
  await assertNobodyAccused(network);
}

/** Asserts that no node has kept evidence against any. */
export async function assertNobodyAccused(network: Network): Promise<void> {
  for (const index of network.urls.keys()) {
    const folder = `${network.directoryOf(index)}/evidence`;
    const kept = await Array.fromAsync(Deno.readDir(folder)).catch(() => []);
    assert.deepEqual(kept.map(({ name }) => name), [], `node ${index + 1} accuses somebody`);
  }
}

function runningOf(network: Network): readonly number[] {
  return [...network.urls.keys()].filter(network.isRunning);
}
