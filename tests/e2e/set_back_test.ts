/**
 * A real process whose disk has forgotten votes of its own: it follows the others, without a vote, until the chain has
 * passed them; then it votes again. Nobody ever has two different votes of it.
 */
import assert from "node:assert/strict";
import { dataDirectory } from "../../store/directory.ts";
import { type Network, startNetwork } from "../support/network.ts";
import { assertAllThere, publish, settled } from "../support/publishing.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { layWires } from "../support/wires.ts";

/** Longer than all rounds that three members would need. */
const SEVERAL_ROUNDS_MS = 8_000;

interface Loss {
  readonly name: string;
  /** Whether the member still knows what it has voted. */
  readonly knowsVotes: boolean;
  /** Does it to the directory of a stopped node; `copy` is what it held earlier. */
  readonly lose: (directory: string, copy: string) => Promise<void>;
}

const LOSSES: readonly Loss[] = [
  { name: "a member that was wiped, but for its key", knowsVotes: false, lose: wipe },
  {
    name: "a member restored from an older copy of its disk",
    knowsVotes: false,
    lose: async (directory, copy) => {
      await wipe(directory);
      await copyState(copy, directory);
    },
  },
  {
    name: "a member that lost its chain and kept its journal",
    knowsVotes: true,
    lose: async (directory) => {
      for (const name of await stateFiles(directory)) {
        if (name.startsWith("chain.kv")) await Deno.remove(`${directory}/${name}`);
      }
    },
  },
];

/** The files in a node's directory that hold what happened. */
async function stateFiles(directory: string): Promise<readonly string[]> {
  const names = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
  const { chain, votes } = dataDirectory(directory);
  return names.filter((name) => [chain, votes].some((path) => `${directory}/${name}`.startsWith(path)));
}

async function wipe(directory: string): Promise<void> {
  for (const name of await stateFiles(directory)) await Deno.remove(`${directory}/${name}`);
}

async function copyState(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for (const name of await stateFiles(from)) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!await holds()) {
    assert(performance.now() < endMs, `never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function publishTo(network: Network, nodes: readonly number[]): Promise<readonly string[]> {
  return await Promise.all(nodes.map((node) => publish(network, node)));
}

for (const { name, knowsVotes, lose } of LOSSES) {
  const what = knowsVotes
    ? "goes on voting where it was"
    : "only follows past its lost votes, then votes again";
  Deno.test(`${name} ${what}`, async () => {
    await using directory = await temporaryDirectory();
    await using wires = layWires(4);
    await using network = await startNetwork({
      nodes: 4,
      directory: directory.path,
      parameters: { heartbeatMs: 600_000, roundTimeoutMs: 500, roundTimeoutMaxMs: 2000 },
      flags: wires.flags,
    });
    const ids = [...await publishTo(network, [0, 1, 2, 3])];
    await settled(network);
    // The copy is of a quiet moment, and the chain goes on after it.
    await network.kill(3);
    await copyState(network.directoryOf(3), directory.file("copy"));
    await network.start(3);
    for (let i = 0; i < 5; i++) {
      ids.push(...await publishTo(network, [i % 4]));
      await settled(network);
    }
    // Node 4 alone hears both others. It votes, and they see it; but no quorum comes of it.
    await network.kill(2);
    wires.cut(0, 1);
    ids.push(...await publishTo(network, [0, 1, 3]));
    await until(
      "all are in a round above 0",
      async () => (await Promise.all([0, 1, 3].map(network.status))).every(({ round }) => round > 0),
    );
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const { height } = await network.status(0);
    await network.kill(3);
    await lose(network.directoryOf(3), directory.file("copy"));
    wires.mend(0, 1);
    await network.start(3);

    if (!knowsVotes) {
      await network.reached(3, height);
      await new Promise((resolve) => setTimeout(resolve, SEVERAL_ROUNDS_MS));
      // Three of four are up and hear each other: whoever voted would have let them decide.
      const all = await Promise.all([0, 1, 3].map(network.status));
      assert.deepEqual(all.map((each) => each.height), [height, height, height]);
      assert.equal(all[2]?.standing, "following");
      assert.equal(all[2]?.synced, false);
      await network.start(2);
      await network.reached(3, height + 1);
      await settled(network);
      await network.kill(2);
    }
    // Without its votes nothing more is decided.
    ids.push(...await publishTo(network, [0]));
    await network.reached(0, (await network.status(3)).height + 1);
    await settled(network);
    assert.equal((await network.status(3)).standing, "voting");
    await network.start(2);
    await settled(network);
    await assertAllThere(network, ids);
  });
}
