/**
 * A real process that is killed before, amid and after what it makes durable and what it sends, one life after the other,
 * while it votes, leads and takes transactions. Its votes are its only writes to a file.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { startNetwork } from "../support/network.ts";
import { assertAllThere, publishUntil, settled } from "../support/publishing.ts";
import { startCommand } from "../support/program.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const RUNNER = fileURLToPath(new URL("../support/killed_program.ts", import.meta.url));
const MOMENTS = [
  "before write",
  "amid write",
  "after write",
  "before sync",
  "after sync",
  "before commit",
  "after commit",
  "before send",
  "amid send",
  "after send",
];
/** Which of the moments of one kind, in a life, is the last; a longer list in a run by hand. */
const TIMES = (Deno.env.get("VNFCHAIN_KILL_TIMES") ?? "1 2 5").split(" ").map(Number);

Deno.test("a member that is killed before, amid and after all that it writes and sends never contradicts itself", async () => {
  await using directory = await temporaryDirectory();
  // Nothing is decided by one of two. So the one that is killed comes back to the height, and, since the other's time-out
  // is longer than that takes, to the round that it left; and it leads at every other height.
  await using network = await startNetwork({
    nodes: 2,
    directory: directory.path,
    parameters: { heartbeatMs: 1000, roundTimeoutMs: 2000, roundTimeoutMaxMs: 4000, tenureBlocks: 1 },
    isStopped: true,
  });
  await network.start(0);
  const stop = new AbortController();
  const publishing = publishUntil(network, stop.signal);
  for (const times of TIMES) {
    for (const moment of MOMENTS) {
      const argv = [Deno.execPath(), "run", "-A", "--quiet", "--no-check", RUNNER];
      const env = { VNFCHAIN_TEST_KILL: `${times} ${moment}` };
      await using node = startCommand([...argv, "node", "--dir", network.directoryOf(1)], { env });
      await node.saw(`killed ${moment}`);
      const { code, stderr } = await node.finished;
      assert.equal(code, 128 + 9, `${times} ${moment}:\n${stderr}`);
      assert.doesNotMatch(stderr, /ERROR/, `${times} ${moment}`);
    }
  }
  await network.start(1);
  stop.abort();
  const acknowledged = await publishing;
  await settled(network);
  await assertAllThere(network, acknowledged);
});
