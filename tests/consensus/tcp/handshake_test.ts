/**
 * @module
 */
import assert from "node:assert/strict";
import { encodeFrame } from "../../../consensus/tcp/frame.ts";
import {
  authenticate,
  decides,
  type HandshakeContext,
  readAdoption,
  sendAdoption,
} from "../../../consensus/tcp/handshake.ts";
import { decodeGreeting, encodeGreeting, HELLO_BYTES_MAX } from "../../../consensus/tcp/handshake_message.ts";
import type { FrameSocket } from "../../../consensus/tcp/socket.ts";
import { type Bytes, concat, u32be, utf8 } from "../../../core/bytes.ts";
import { LIMITS } from "../../../core/limits.ts";
import { generatePrivateKey, type PrivateKey } from "../../../core/platform/private_key.ts";
import { contextOf, makeFederation, socketPair } from "./support.ts";

const from = makeFederation(3);
const other = { ...makeFederation(1, "other"), keys: from.keys };

const listen = (socket: FrameSocket, context: HandshakeContext = contextOf(from, 0)) =>
  authenticate(socket, { context, side: { role: "listener", proved: () => {} } });

const dial = (
  socket: FrameSocket,
  { context = contextOf(from, 1), expected = 0, wanted = true }: {
    context?: HandshakeContext;
    expected?: number;
    wanted?: boolean;
  } = {},
) => authenticate(socket, { context, side: { role: "dialer", expected, stillWanted: () => wanted } });

/** The code of a refusal, after which the socket is closed as the caller of `authenticate()` does. */
async function codeOf(verdict: ReturnType<typeof authenticate>, socket: FrameSocket): Promise<string> {
  const outcome = await verdict;
  if (!outcome.ok) socket.close();
  return outcome.ok ? "accepted" : outcome.code;
}

async function frameOf(socket: FrameSocket): Promise<Bytes> {
  const frame = await socket.read(LIMITS.handshakeFrameBytes);
  assert(frame?.ok);
  return frame.value;
}

/** A key that is shown without being held. */
function stolen(shown: PrivateKey): HandshakeContext {
  const { sign } = generatePrivateKey();
  return { ...contextOf(from, 1), self: { publicKey: shown.publicKey, sign } };
}

Deno.test("authenticate() tells both members apart, with their hellos, and opens a session between them", async () => {
  using pair = await socketPair();
  const [listener, dialer] = await Promise.all([listen(pair.listener), dial(pair.dialer)]);
  assert(listener.ok && dialer.ok);
  assert.deepEqual([listener.value.member, dialer.value.member], [1, 0]);
  assert.deepEqual([listener.value.hello, dialer.value.hello], [
    utf8("hello 0 from 1"),
    utf8("hello 1 from 0"),
  ]);
  const sealed = await dialer.value.session.seal(0, utf8("first"));
  assert.deepEqual(await listener.value.session.open(sealed), { kind: 0, payload: utf8("first") });
});

Deno.test("authenticate() carries the largest hello", async () => {
  using pair = await socketPair();
  const hello = () => new Uint8Array(HELLO_BYTES_MAX);
  const [listener, dialer] = await Promise.all([
    listen(pair.listener, { ...contextOf(from, 0), hello }),
    dial(pair.dialer, { context: { ...contextOf(from, 1), hello } }),
  ]);
  assert(listener.ok && dialer.ok);
});

Deno.test("authenticate() works when the bytes come one at a time", async () => {
  using pair = await socketPair();
  const slow: FrameSocket = {
    ...pair.dialer,
    write: async (bytes) => {
      for (const byte of bytes) if (!await pair.dialer.write(Uint8Array.of(byte))) return false;
      return true;
    },
  };
  const [listener, dialer] = await Promise.all([listen(pair.listener), dial(slow)]);
  assert(listener.ok && dialer.ok);
});

const STRANGERS: Record<string, { context: HandshakeContext; code: string }> = {
  "of another chain": { context: contextOf(other, 1), code: "handshake-chain" },
  "with a key that is no member's": {
    context: { ...contextOf(from, 1), self: generatePrivateKey() },
    code: "handshake-member",
  },
  "that shows the listener's own key": {
    context: stolen(from.keys[0] as PrivateKey),
    code: "handshake-self",
  },
};

for (const [what, { context, code }] of Object.entries(STRANGERS)) {
  Deno.test(`a dialer ${what} is refused (${code}) and gets no byte`, async () => {
    using pair = await socketPair();
    const [refusal] = await Promise.all([
      codeOf(listen(pair.listener), pair.listener),
      dial(pair.dialer, { context }),
    ]);
    assert.equal(refusal, code);
    assert.equal(pair.dialer.bytesRead(), 0);
  });
}

Deno.test("a dialer that shows a member's key without holding it is refused before anything is signed for it", async () => {
  using pair = await socketPair();
  let signed = 0;
  const context = contextOf(from, 0);
  const counting = { ...context.self, sign: (message: Uint8Array) => (signed++, context.self.sign(message)) };
  const [refusal, dialer] = await Promise.all([
    codeOf(listen(pair.listener, { ...context, self: counting }), pair.listener),
    dial(pair.dialer, { context: stolen(from.keys[1] as PrivateKey) }),
  ]);
  assert.equal(refusal, "handshake-signature");
  assert.equal(dialer.ok ? "accepted" : dialer.code, "handshake-closed");
  assert.equal(signed, 0);
});

Deno.test("a listener that shows a member's key without holding it is refused", async () => {
  using pair = await socketPair();
  const [, refusal] = await Promise.all([
    listen(pair.listener, stolen(from.keys[0] as PrivateKey)),
    codeOf(dial(pair.dialer), pair.dialer),
  ]);
  assert.equal(refusal, "handshake-signature");
});

Deno.test("a listener of another chain is refused", async () => {
  using pair = await socketPair();
  const greeting = listen(pair.listener, contextOf(from, 0));
  const [refusal] = await Promise.all([
    codeOf(dial(pair.dialer, { context: { ...contextOf(other, 1) } }), pair.dialer),
    codeOf(greeting, pair.listener),
  ]);
  assert.equal(refusal, "handshake-closed");
});

Deno.test("a dialer does not sign for another member than the one it dialed", async () => {
  using pair = await socketPair();
  let signed = 0;
  const context = contextOf(from, 1);
  const counting = { ...context.self, sign: (message: Uint8Array) => (signed++, context.self.sign(message)) };
  const [refusal] = await Promise.all([
    codeOf(dial(pair.dialer, { context: { ...context, self: counting }, expected: 2 }), pair.dialer),
    listen(pair.listener),
  ]);
  assert.deepEqual([refusal, signed], ["handshake-member", 0]);
});

Deno.test("a dialer that has met the member meanwhile sends no proof", async () => {
  using pair = await socketPair();
  const [dialer, listener] = await Promise.all([
    codeOf(dial(pair.dialer, { wanted: false }), pair.dialer),
    codeOf(listen(pair.listener), pair.listener),
  ]);
  assert.deepEqual([dialer, listener], ["handshake-superseded", "handshake-closed"]);
});

Deno.test("a handshake replayed is refused", async () => {
  using honest = await socketPair();
  const recorded: Bytes[] = [];
  const recording: FrameSocket = {
    ...honest.dialer,
    write: (bytes) => {
      recorded.push(bytes.slice());
      return honest.dialer.write(bytes);
    },
  };
  const verdicts = await Promise.all([listen(honest.listener), dial(recording)]);
  assert(verdicts.every((verdict) => verdict.ok));
  using replayed = await socketPair();
  await replayed.dialer.write(concat(...recorded));
  assert.equal(await codeOf(listen(replayed.listener), replayed.listener), "frame-seal");
});

Deno.test("our own greeting sent back to us is refused", async () => {
  using pair = await socketPair();
  const refusal = codeOf(dial(pair.dialer), pair.dialer);
  await pair.listener.write(encodeFrame(await frameOf(pair.listener)));
  assert.equal(await refusal, "handshake-self");
});

Deno.test("a member that passes our handshake on to another one is found out", async () => {
  using toEvil = await socketPair();
  using fromEvil = await socketPair();
  const dialer = codeOf(dial(toEvil.dialer, { context: contextOf(from, 1), expected: 2 }), toEvil.dialer);
  const listener = codeOf(listen(fromEvil.listener), fromEvil.listener);
  await fromEvil.dialer.write(encodeFrame(await frameOf(toEvil.listener)));
  await toEvil.listener.write(encodeFrame(await frameOf(fromEvil.dialer)));
  assert.equal(await dialer, "handshake-member");
  fromEvil.dialer.close();
  assert.equal(await listener, "handshake-closed");
});

Deno.test("a member that passes our proof on under its own name is found out", async () => {
  using toEvil = await socketPair();
  using fromEvil = await socketPair();
  const dialer = codeOf(dial(toEvil.dialer, { context: contextOf(from, 1), expected: 2 }), toEvil.dialer);
  const listener = codeOf(listen(fromEvil.listener), fromEvil.listener);
  await fromEvil.dialer.write(encodeFrame(await frameOf(toEvil.listener)));
  // The third member shows its own key with the first one's nonce and agreement key, so that dialer and listener
  // agree on a secret that it does not know itself.
  const theirs = decodeGreeting(await frameOf(fromEvil.dialer));
  assert(theirs.ok);
  const key = (from.keys[2] as PrivateKey).publicKey;
  await toEvil.listener.write(encodeFrame(encodeGreeting({ ...theirs.value, key })));
  await fromEvil.dialer.write(encodeFrame(await frameOf(toEvil.listener)));
  assert.equal(await listener, "frame-seal");
  toEvil.listener.close();
  assert.equal(await dialer, "handshake-closed");
});

Deno.test("a giant length prefix is refused in the handshake", async () => {
  for (const length of [LIMITS.handshakeFrameBytes + 1, 0xffffffff]) {
    using pair = await socketPair();
    await pair.dialer.write(u32be(length));
    assert.equal(await codeOf(listen(pair.listener), pair.listener), "too-large");
  }
});

Deno.test("an HTTP request is refused", async () => {
  using pair = await socketPair();
  await pair.dialer.write(utf8("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  assert.equal(await codeOf(listen(pair.listener), pair.listener), "too-large");
});

Deno.test("the adoption's number arrives", async () => {
  using pair = await socketPair();
  const [listener, dialer] = await Promise.all([listen(pair.listener), dial(pair.dialer)]);
  assert(listener.ok && dialer.ok);
  await sendAdoption(pair.listener, { session: listener.value.session, number: 2 ** 53 - 1 });
  assert.deepEqual(await readAdoption(pair.dialer, dialer.value.session), { ok: true, value: 2 ** 53 - 1 });
});

Deno.test("an adoption with a number that is no safe integer is refused", async () => {
  using pair = await socketPair();
  const [listener, dialer] = await Promise.all([listen(pair.listener), dial(pair.dialer)]);
  assert(listener.ok && dialer.ok);
  await pair.listener.write(encodeFrame(await listener.value.session.seal(3, new Uint8Array(8).fill(255))));
  const verdict = await readAdoption(pair.dialer, dialer.value.session);
  assert.equal(verdict.ok ? "accepted" : verdict.code, "handshake-format");
});

Deno.test("of two keys exactly one decides", () => {
  const [a, b] = from.keys as readonly [PrivateKey, PrivateKey];
  assert.deepEqual([decides(a.publicKey, b.publicKey), decides(b.publicKey, a.publicKey)], [true, false]);
});
