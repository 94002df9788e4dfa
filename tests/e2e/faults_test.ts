import assert from "node:assert/strict";
import { startNetwork } from "../support/network.ts";
import { assertAllThere, publishUntil, settled } from "../support/publishing.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const PARAMETERS = { heartbeatMs: 2000, roundTimeoutMs: 500, roundTimeoutMaxMs: 2000 };

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
  await settled(network);
  await assertAllThere(network, acknowledged);
});
