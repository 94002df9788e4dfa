/** A real process that is far behind catches up over real sockets, while the others go on. */
import assert from "node:assert/strict";
import { growChain } from "../support/grown_chain.ts";
import { startNetwork } from "../support/network.ts";
import { assertAllThere, publishUntil, settled } from "../support/publishing.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const BLOCKS = Number(Deno.env.get("VNFCHAIN_CATCH_UP_BLOCKS") ?? 10_000);

Deno.test(`a member that is ${BLOCKS} blocks behind catches up while the others go on, and then votes`, async () => {
  await using directory = await temporaryDirectory();
  await using network = await startNetwork({
    nodes: 4,
    directory: directory.path,
    parameters: { heartbeatMs: 1000, roundTimeoutMs: 500, roundTimeoutMaxMs: 2000 },
    isStopped: true,
  });
  await growChain(network, { blocks: BLOCKS, nodes: [0, 1, 2] });
  for (const index of [0, 1, 2]) await network.start(index);
  const stop = new AbortController();
  const publishing = publishUntil(network, stop.signal);
  await network.reached(0, BLOCKS + 1);
  const startMs = performance.now();
  await network.start(3);
  await network.reached(3, BLOCKS + 1, 600_000);
  const seconds = (performance.now() - startMs) / 1000;
  const { height } = await network.status(0);
  console.log(
    `${BLOCKS} blocks in ${seconds.toFixed(1)} s, ${
      Math.round(BLOCKS / seconds)
    } a second; the others decided ${height - BLOCKS} meanwhile`,
  );
  assert(height > BLOCKS + 1, "the others did not go on");
  await network.reached(3, height);
  // Without its vote nothing more is decided.
  await network.kill(0);
  await network.reached(3, height + 10);
  assert.equal((await network.status(3)).standing, "voting");
  stop.abort();
  const acknowledged = await publishing;
  await settled(network);
  await assertAllThere(network, acknowledged);
});
