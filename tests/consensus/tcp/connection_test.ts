/**
 * @module
 */
import assert from "node:assert/strict";
import { Connection, type ConnectionEnd, type FrameReceiver } from "../../../consensus/tcp/connection.ts";
import { encodeFrame } from "../../../consensus/tcp/frame.ts";
import { authenticate } from "../../../consensus/tcp/handshake.ts";
import { type Bytes, toHex, u32be, utf8 } from "../../../core/bytes.ts";
import { LIMITS } from "../../../core/limits.ts";
import { contextOf, makeFederation, socketPair } from "./support.ts";

const from = makeFederation(2);
const MIB = 1 << 20;

/** Two authenticated ends; the listener's becomes a connection by `listen()`. */
async function authenticated(timing = { pingMs: 1000, idleMs: 10_000 }) {
  const pair = await socketPair();
  const [far, near] = await Promise.all([
    authenticate(pair.listener, {
      context: contextOf(from, 0),
      side: { role: "listener", proved: () => {} },
    }),
    authenticate(pair.dialer, {
      context: contextOf(from, 1),
      side: { role: "dialer", expected: 0, stillWanted: () => true },
    }),
  ]);
  assert(far.ok && near.ok);
  const runs: Promise<ConnectionEnd>[] = [];
  const connections = [new Connection(pair.dialer, { session: near.value.session, ...timing })];
  return {
    pair,
    near: connections[0] as Connection,
    farSession: far.value.session,
    farConnection: () => {
      const connection = new Connection(pair.listener, { session: far.value.session, ...timing });
      connections.push(connection);
      return connection;
    },
    run: (connection: Connection, receive: FrameReceiver = () => {}) => {
      const run = connection.run(receive);
      runs.push(run);
      return run;
    },
    [Symbol.asyncDispose]: async () => {
      for (const connection of connections) connection[Symbol.dispose]();
      pair[Symbol.dispose]();
      await Promise.all(runs);
    },
  };
}

/** Collects frames until there are `count`. */
function collector(count: number) {
  const frames: Bytes[] = [];
  const { promise, resolve } = Promise.withResolvers<readonly Bytes[]>();
  return {
    frames,
    all: promise,
    receive: (payload: Bytes) => {
      frames.push(payload);
      if (frames.length === count) resolve(frames);
    },
  };
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

Deno.test("frames arrive whole and in order, small and large mixed", async () => {
  await using ends = await authenticated();
  const far = ends.farConnection();
  const sizes = [0, 1, 70_000, 5, 32 * 1024, 3 * MIB, 2];
  const { all, receive } = collector(sizes.length);
  void ends.run(far, receive);
  void ends.run(ends.near);
  const sent = sizes.map((size, i) => new Uint8Array(size).fill(i + 1));
  for (const payload of sent) assert.equal(ends.near.send(payload), "queued");
  assert.deepEqual((await all).map((frame) => toHex(frame)), sent.map((payload) => toHex(payload)));
});

Deno.test("the queue takes as many frames as its limit, refuses the next, and loses none of those taken", async () => {
  await using ends = await authenticated();
  const far = ends.farConnection();
  const results = Array.from({ length: LIMITS.peerQueueFrames + 1 }, (_, i) => ends.near.send(u32be(i)));
  assert.equal(results.filter((result) => result === "queued").length, LIMITS.peerQueueFrames);
  assert.equal(results.at(-1), "queue-full");
  const { all, receive } = collector(LIMITS.peerQueueFrames);
  void ends.run(far, receive);
  assert.deepEqual(await all, results.slice(0, -1).map((_, i) => u32be(i)));
});

Deno.test("the queue takes no more bytes than its limit", async () => {
  await using ends = await authenticated();
  void ends.run(ends.near);
  const payload = new Uint8Array(32 * MIB);
  const results = Array.from({ length: 4 }, () => ends.near.send(payload));
  assert.deepEqual(results, ["queued", "queued", "queued", "queue-full"]);
});

Deno.test("a frame above the limit is not taken for sending", async () => {
  await using ends = await authenticated();
  assert.equal(ends.near.send(new Uint8Array(LIMITS.frameBytes + 1)), "too-large");
});

Deno.test("nothing is read while the receiver is busy with a frame", async () => {
  await using ends = await authenticated();
  const far = ends.farConnection();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { all, frames, receive } = collector(20);
  void ends.run(far, async (payload) => {
    receive(payload);
    await released;
  });
  const before = ends.pair.listener.bytesRead();
  for (let i = 0; i < 20; i++) assert.equal(ends.near.send(new Uint8Array(MIB).fill(i)), "queued");
  await sleep(300);
  assert.equal(frames.length, 1);
  assert(ends.pair.listener.bytesRead() - before <= 2 * MIB);
  release();
  assert.deepEqual((await all).map((frame) => frame[0]), Array.from({ length: 20 }, (_, i) => i));
});

Deno.test("a peer from which nothing comes is taken for gone", async () => {
  await using ends = await authenticated({ pingMs: 10, idleMs: 50 });
  assert.equal((await ends.run(ends.near)).code, "idle");
});

Deno.test("two ends with nothing to say keep each other", async () => {
  await using ends = await authenticated({ pingMs: 10, idleMs: 200 });
  const far = ends.farConnection();
  void ends.run(far);
  void ends.run(ends.near);
  await sleep(600);
  assert.deepEqual([far.open, ends.near.open], [true, true]);
});

Deno.test("the time that the receiver takes does not count as the peer's silence", async () => {
  await using ends = await authenticated({ pingMs: 10, idleMs: 50 });
  const far = ends.farConnection();
  const { all, receive } = collector(2);
  void ends.run(ends.near);
  void ends.run(far, async (payload) => {
    await sleep(300);
    receive(payload);
  });
  ends.near.send(utf8("one"));
  ends.near.send(utf8("two"));
  assert.deepEqual(await all, [utf8("one"), utf8("two")]);
});

Deno.test("a frame that was not sealed in this session ends the connection", async () => {
  await using ends = await authenticated();
  const { frames, receive } = collector(1);
  const run = ends.run(ends.near, receive);
  await ends.pair.listener.write(encodeFrame(utf8("injected, and long enough for a tag")));
  assert.equal((await run).code, "frame-seal");
  assert.equal(frames.length, 0);
});

Deno.test("a frame that comes twice ends the connection", async () => {
  await using ends = await authenticated();
  const { frames, receive } = collector(1);
  const run = ends.run(ends.near, receive);
  const sealed = encodeFrame(await ends.farSession.seal(0, utf8("pay")));
  await ends.pair.listener.write(sealed);
  await ends.pair.listener.write(sealed);
  assert.equal((await run).code, "frame-seal");
  assert.equal(frames.length, 1);
});

Deno.test("a giant length prefix ends the connection", async () => {
  await using ends = await authenticated();
  const run = ends.run(ends.near);
  await ends.pair.listener.write(u32be(0xffffffff));
  assert.equal((await run).code, "too-large");
});

Deno.test("a frame of unknown kind ends the connection", async () => {
  await using ends = await authenticated();
  const run = ends.run(ends.near);
  await ends.pair.listener.write(encodeFrame(await ends.farSession.seal(77, utf8("?"))));
  assert.equal((await run).code, "message-format");
});

Deno.test("a connection that the peer closes is over, and takes no more frames", async () => {
  await using ends = await authenticated();
  const run = ends.run(ends.near);
  ends.pair.listener.close();
  assert.equal((await run).code, "closed");
  assert.equal(ends.near.send(utf8("late")), "closed");
});

Deno.test("the first reason for the end counts", async () => {
  await using ends = await authenticated();
  const run = ends.run(ends.near);
  ends.near.close({ code: "replaced", detail: "first" });
  ends.near.close({ code: "stopped", detail: "second" });
  assert.equal((await run).code, "replaced");
});

Deno.test("an end in the middle of a blocked write leaves nothing behind", async () => {
  await using ends = await authenticated();
  const run = ends.run(ends.near);
  ends.near.send(new Uint8Array(32 * MIB));
  await sleep(100);
  ends.near[Symbol.dispose]();
  assert.equal((await run).code, "stopped");
});
