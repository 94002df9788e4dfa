/** Links that are cut, fall silent and come back, between real processes over real sockets. */
import assert from "node:assert/strict";
import { hasNamespaces, makeNamespace } from "../support/namespace.ts";
import { startNetwork } from "../support/network.ts";
import {
  assertAllThere,
  assertNobodyAccused,
  publish,
  publishUntil,
  settled,
} from "../support/publishing.ts";
import { randomFrom } from "../support/random.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";
import { layWires } from "../support/wires.ts";

const PARAMETERS = { heartbeatMs: 2000, roundTimeoutMs: 500, roundTimeoutMaxMs: 2000 };

/** Four nodes whose links run over wires; disposing ends both. */
async function startWired() {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const wires = stack.use(layWires(4));
  const network = stack.use(
    await startNetwork({
      nodes: 4,
      directory: directory.path,
      parameters: PARAMETERS,
      flags: wires.flags,
    }),
  );
  const opened = stack.move();
  return { wires, network, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

Deno.test("votes that are lost with a link are sent again: three of four, each needed, go on through fifty cuts", async () => {
  await using wired = await startWired();
  const { wires, network } = wired;
  await network.kill(3);
  const stop = new AbortController();
  const publishing = publishUntil(network, stop.signal);
  const random = randomFrom(11);
  const pairs = [[0, 1], [0, 2], [1, 2]] as const;
  for (let i = 0; i < 50; i++) {
    const [a, b] = pairs[random(3)] as readonly [number, number];
    wires.cut(a, b);
    await pause(random(200));
    wires.mend(a, b);
    await pause(random(200));
  }
  stop.abort();
  const acknowledged = await publishing;
  assert(acknowledged.length > 20, `${acknowledged.length} transactions were acknowledged`);
  await settled(network);
  await assertAllThere(network, acknowledged);
});

Deno.test("halves that cannot decide take work, and decide all of it when they meet again", async () => {
  await using wired = await startWired();
  const { wires, network } = wired;
  await network.reached(0, 1);
  wires.split([0, 1], [2, 3]);
  const ids: string[] = [];
  for (const node of [0, 1, 2, 3]) {
    for (let i = 0; i < 5; i++) ids.push(await publish(network, node));
  }
  const before = Math.max(
    ...(await Promise.all([0, 1, 2, 3].map(network.status))).map(({ height }) => height),
  );
  // Longer than a link that is only slow would be given, and than several rounds would take.
  await pause(12_000);
  for (const node of [0, 1, 2, 3]) {
    const { height, poolTransactions } = await network.status(node);
    assert(height <= before + 1, `node ${node + 1} decided without a quorum`);
    assert(poolTransactions > 0, `node ${node + 1} has no work left`);
  }
  wires.split();
  await settled(network);
  await assertAllThere(network, ids);
});

Deno.test("a connection that nothing comes through any more, and that nobody has ended, is noticed and replaced", async () => {
  await using wired = await startWired();
  const { wires, network } = wired;
  await network.kill(3);
  // Every one of the three is needed, so nothing is decided while two of them do not hear each other.
  wires.strand(0, 1);
  const { height } = await network.status(0);
  const id = await publish(network, 2);
  await network.reached(0, height + 2);
  const said = [0, 1].map(network.output).join("");
  assert.match(said, /connection with member node-[12] is over: nothing came from the peer code=idle/);
  await settled(network);
  await assertAllThere(network, [id]);
});

Deno.test("members that are silent to each other for longer than a link lives go on when they hear again", async () => {
  await using wired = await startWired();
  const { wires, network } = wired;
  const stop = new AbortController();
  await network.reached(0, 1);
  const publishing = publishUntil(network, stop.signal);
  await pause(1_000);
  for (const a of [0, 1, 2, 3]) for (let b = a + 1; b < 4; b++) wires.silence(a, b);
  await pause(14_000);
  for (const a of [0, 1, 2, 3]) for (let b = a + 1; b < 4; b++) wires.mend(a, b);
  const { height } = await network.status(0);
  await network.reached(0, height + 3);
  stop.abort();
  const acknowledged = await publishing;
  await settled(network);
  await assertAllThere(network, acknowledged);
});

Deno.test({
  name: "when packets of all connections are dropped without a word, members connect anew and go on",
  ignore: !hasNamespaces(),
  fn: async () => {
    await using directory = await temporaryDirectory();
    using namespace = makeNamespace("drop");
    const { prefix } = namespace;
    await using network = await startNetwork({
      nodes: 4,
      directory: directory.path,
      parameters: PARAMETERS,
      place: { host: "127.0.0.1", prefix },
    });
    await network.reached(0, 1);
    assert(namespace.strandConnections() >= 6, "six pairs of members have a connection each");
    const { height } = await network.status(0);
    // Heartbeats are all the work there is.
    await network.reached(0, height + 3);
    const said = [0, 1, 2, 3].map(network.output).join("");
    assert.match(said, /connection with member node-\d is over: nothing came from the peer code=idle/);
    await assertNobodyAccused(network);
  },
});
