/** What the loss of a leader costs four real processes. */
import assert from "node:assert/strict";
import type { RawBlock } from "../../core/block.ts";
import { memberIndex } from "../../core/federation.ts";
import { readFederationFile } from "../../cmd/common/federation_file.ts";
import { readChain } from "../support/chain_check.ts";
import { type Network, startNetwork } from "../support/network.ts";
import { assertNobodyAccused, publishUntil, settled } from "../support/publishing.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

/** The node that made the last block. */
async function leaderOf(network: Network): Promise<number> {
  const federation = await readFederationFile(network.federation);
  const { header } = (await readChain(network.urls[0] as string)).at(-1) as RawBlock;
  return memberIndex(federation, header.proposer);
}

/** Waits for the first block from a height on that was decided above round 0; gives it, and the seconds that it took. */
async function firstAboveRoundZero(network: Network, options: { node: number; from: number }) {
  const { node, from } = options;
  const startMs = performance.now();
  for (;;) {
    const chain = await readChain(network.urls[node] as string);
    const block = chain.find(({ header, certificate }) => header.height >= from && certificate.round > 0);
    const seconds = (performance.now() - startMs) / 1000;
    if (block !== undefined) return { block, seconds };
    assert(seconds < 30, `no block above round 0 from height ${from} on`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

for (
  const { signal, name } of [
    { signal: "SIGKILL", name: "killed" },
    { signal: "SIGSTOP", name: "stopped with its links standing" },
  ] as const
) {
  Deno.test(`a leader that is ${name} costs one round with work pending`, async () => {
    await using directory = await temporaryDirectory();
    await using network = await startNetwork({ nodes: 4, directory: directory.path });
    const stop = new AbortController();
    const publishing = publishUntil(network, stop.signal);
    await network.reached(0, 5);
    const leader = await leaderOf(network);
    const other = (leader + 1) % 4;
    const { height } = await network.status(other);
    network.signal(leader, signal);
    const { block, seconds } = await firstAboveRoundZero(network, { node: other, from: height });
    console.log(
      `leader ${name}: the next leader's block ${block.header.height} after ${seconds.toFixed(2)} s`,
    );
    assert.equal(block.certificate.round, 1);
    // One time-out, at most the protocol's first, and not the next one on top.
    assert(seconds < 10, `${seconds} s`);
    await network.reached(other, block.header.height + 20);
    stop.abort();
    await publishing;
    await network.kill(leader);
    await settled(network);
    const chain = await readChain(network.urls[other] as string);
    const late = chain.slice(height).filter(({ certificate: { round } }) => round > 0);
    // A block of the lost leader that was prepared before is proposed again, and leaves its turn to it once more.
    assert(late.length <= 2, `${late.length} blocks above round 0`);
    assert(late.every(({ certificate: { round } }) => round === 1));
    await assertNobodyAccused(network);
  });
}

Deno.test("a dead member costs one round in a turn of all leaders, not one every few blocks", async () => {
  await using directory = await temporaryDirectory();
  const tenureBlocks = 8;
  await using network = await startNetwork({
    nodes: 4,
    directory: directory.path,
    parameters: { tenureBlocks, roundTimeoutMs: 500 },
  });
  await network.kill(3);
  const stop = new AbortController();
  const publishing = publishUntil(network, stop.signal);
  // The others live: theirs is a turn of three.
  const turn = 3 * tenureBlocks;
  await network.reached(0, 1 + 4 * turn);
  stop.abort();
  await publishing;
  const chain = (await readChain(network.urls[0] as string)).slice(1, 1 + 4 * turn);
  const late = chain.filter(({ certificate: { round } }) => round > 0);
  console.log(`${late.length} of ${chain.length} blocks above round 0`);
  assert(late.every(({ certificate: { round } }) => round === 1));
  assert(late.length >= 3 && late.length <= 5, `${late.length} blocks above round 0`);
});
