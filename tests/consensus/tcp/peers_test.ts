/**
 * Members meet over real sockets.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Address } from "../../../consensus/tcp/address.ts";
import { formatAddress } from "../../../consensus/tcp/address.ts";
import { u32be, utf8 } from "../../../core/bytes.ts";
import { VnfchainError } from "../../../core/errors.ts";
import { generatePrivateKey } from "../../../core/platform/private_key.ts";
import { makeFederation, openMember, openMembers, openProxy, type TestMember } from "./support.ts";

const connectedWith = (member: TestMember, ...others: readonly number[]) => () =>
  others.every((other) => member.peers.connected().includes(other));

/** Waits until two members' connection carries frames both ways. */
async function talk(
  members: readonly [TestMember, TestMember],
  indexes: readonly [number, number],
): Promise<void> {
  for (const [i, member] of members.entries()) {
    const other = members[1 - i] as TestMember;
    const before = other.frames.length;
    await member.until("it is connected", connectedWith(member, indexes[1 - i] as number));
    assert(member.peers.send(indexes[1 - i] as number, utf8("hello?")));
    await other.until("the frame has come", () => other.frames.length > before);
  }
}

/** A free port, given back before it is used again. */
function reservePort(): Address {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return { host: "127.0.0.1", port: listener.addr.port };
}

Deno.test("four members meet fully, hear each other's hello, and a broadcast reaches all", async () => {
  await using network = openMembers(makeFederation(4), [0, 1, 2, 3]);
  const { members } = network;
  for (const [i, member] of members.entries()) {
    const others = [0, 1, 2, 3].filter((other) => other !== i);
    await member.until("all others are there", connectedWith(member, ...others));
    for (const event of member.events) {
      assert(event.kind === "up", JSON.stringify(member.events));
      assert.deepEqual(event.hello, utf8(`hello ${i} from ${event.member}`));
    }
  }
  for (const [i, member] of members.entries()) {
    assert.equal(member.peers.broadcast(utf8(`from ${i}`)).length, 3);
  }
  for (const [i, member] of members.entries()) {
    await member.until("three frames have come", () => member.frames.length === 3);
    assert(member.frames.every(({ member: from, payload }) => from !== i && payload.length === 6));
  }
});

Deno.test("a member alone in its federation dials nobody", async () => {
  await using member = openMember({ ...makeFederation(1), index: 0 });
  assert.deepEqual(member.peers.connected(), []);
  assert.deepEqual(member.peers.broadcast(utf8("?")), []);
});

Deno.test("two members that dial each other at once keep one connection, each time the same one", async () => {
  for (let round = 0; round < 20; round++) {
    const from = makeFederation(2);
    const addresses = new Map([[0, reservePort()], [1, reservePort()]]);
    const listenAt = (index: number) => ({
      addresses,
      listen: formatAddress(addresses.get(index) as Address),
    });
    await using first = openMember({ ...from, index: 0 }, listenAt(0));
    await using second = openMember({ ...from, index: 1 }, listenAt(1));
    await talk([first, second], [0, 1]);
    assert.deepEqual([first.ups(1), second.ups(0), first.downs(1), second.downs(0)], [1, 1, 0, 0]);
  }
});

Deno.test("members meet when only one of the two can reach the other", async () => {
  for (const [listening, dialing] of [[0, 1], [1, 0]] as const) {
    const from = makeFederation(2);
    await using listener = openMember({ ...from, index: listening });
    await using dialer = openMember({ ...from, index: dialing }, {
      addresses: new Map([[listening, listener.peers.address]]),
    });
    await talk([listener, dialer], [listening, dialing]);
  }
});

Deno.test("members meet over IPv6", async () => {
  const from = makeFederation(2);
  await using first = openMember({ ...from, index: 0 }, { listen: "[::1]:0" });
  assert.equal(first.peers.address.host, "::1");
  await using second = openMember({ ...from, index: 1 }, { addresses: new Map([[0, first.peers.address]]) });
  await talk([first, second], [0, 1]);
});

Deno.test("members meet by host name", async () => {
  const from = makeFederation(2);
  await using first = openMember({ ...from, index: 0 }, { listen: "localhost:0" });
  const { port } = first.peers.address;
  await using second = openMember({ ...from, index: 1 }, {
    addresses: new Map([[0, { host: "localhost", port }]]),
  });
  await talk([first, second], [0, 1]);
});

Deno.test("a member that restarts is met again, and each up has one down", async () => {
  const from = makeFederation(3);
  await using network = openMembers(from, [0, 2]);
  const { members: [first, third], addresses } = network as typeof network & {
    members: [TestMember, TestMember];
  };
  for (let life = 1; life <= 3; life++) {
    const second = openMember({ ...from, index: 1 }, {
      addresses,
      listen: formatAddress(addresses.get(1) ?? { host: "127.0.0.1", port: 0 }),
    });
    addresses.set(1, second.peers.address);
    await second.until("all others are there", connectedWith(second, 0, 2));
    await talk([first, second], [0, 1]);
    await second[Symbol.asyncDispose]();
    assert.deepEqual([second.ups(0), second.downs(0)], [1, 1]);
    for (const other of [first, third]) await other.until("it is gone", () => other.downs(1) === life);
  }
  assert.deepEqual([first.ups(1), third.ups(1)], [3, 3]);
});

for (const [stays, restarts] of [[0, 1], [1, 0]] as const) {
  Deno.test(`member ${restarts}'s new connection replaces the one of which member ${stays} does not know the end`, async () => {
    const from = makeFederation(2);
    await using old = openMember({ ...from, index: restarts });
    const target = old.peers.address;
    // The end of a side is not told to the other: as when a machine loses power.
    await using proxy = openProxy(() => target, { meddle: (bytes) => bytes, keepsOpen: true });
    await using staying = openMember({ ...from, index: stays }, {
      addresses: new Map([[restarts, proxy.address]]),
      timing: { idleMs: 3_600_000 },
    });
    await talk([old, staying], [restarts, stays]);
    await old[Symbol.asyncDispose]();
    await using renewed = openMember({ ...from, index: restarts }, {
      addresses: new Map([[stays, staying.peers.address]]),
    });
    await renewed.until("they have met", connectedWith(renewed, stays));
    await staying.until("the new connection is there", () => staying.ups(restarts) === 2);
    await talk([renewed, staying], [restarts, stays]);
    const kinds = staying.events.map((event) => event.kind === "down" ? event.end.code : event.kind);
    assert.deepEqual(kinds, ["up", "replaced", "up"]);
  });
}

Deno.test("members of different chains do not meet", async () => {
  const from = makeFederation(2);
  const other = { ...from, federation: makeFederation(2, "other").federation };
  await using first = openMember({ ...from, index: 0 });
  await using second = openMember({
    keys: from.keys,
    federation: { ...from.federation, genesisId: other.federation.genesisId },
    index: 1,
  }, { addresses: new Map([[0, first.peers.address]]) });
  await first.until("it is refused", () => first.log.some(({ code }) => code === "handshake-chain"));
  await second.until("it was closed", () => second.log.some(({ code }) => code === "handshake-closed"));
  assert.deepEqual([first.ups(1), second.ups(0)], [0, 0]);
});

Deno.test("a stranger that opens 200 sockets keeps no member out, and is told nothing", async () => {
  const from = makeFederation(2);
  await using first = openMember({ ...from, index: 0 });
  const { host, port } = first.peers.address;
  const sockets = await Promise.all(
    Array.from({ length: 200 }, () => Deno.connect({ hostname: host, port })),
  );
  try {
    await first.until("some are turned out", () => first.log.some(({ code }) => code === "turned-out"));
    await using second = openMember({ ...from, index: 1 }, {
      addresses: new Map([[0, first.peers.address]]),
    });
    await talk([first, second], [0, 1]);
    const turnedOut = sockets.slice(0, 100).map((socket) => socket.read(new Uint8Array(1)).catch(() => null));
    assert.deepEqual(new Set(await Promise.all(turnedOut)), new Set([null]));
  } finally {
    for (const socket of sockets) socket.close();
  }
});

Deno.test("whoever does not finish the handshake in time is closed", async () => {
  await using first = openMember({ ...makeFederation(2), index: 0 }, { timing: { handshakeMs: 50 } });
  const { host, port } = first.peers.address;
  using silent = await Deno.connect({ hostname: host, port });
  assert.equal(await silent.read(new Uint8Array(1)), null);
  await first.until("it is logged", () => first.log.some(({ code }) => code === "timeout"));
});

Deno.test("a bit flipped on the way ends the connection; the frame is not delivered, and the members meet again", async () => {
  const from = makeFederation(2);
  await using first = openMember({ ...from, index: 0 });
  let armed = false;
  await using proxy = openProxy(() => first.peers.address, {
    meddle: (bytes, direction) => {
      if (!armed || direction !== "there") return bytes;
      armed = false;
      bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
      return bytes;
    },
  });
  await using second = openMember({ ...from, index: 1 }, { addresses: new Map([[0, proxy.address]]) });
  await talk([first, second], [0, 1]);
  armed = true;
  const before = first.frames.length;
  assert(second.peers.send(0, utf8("altered")));
  await first.until("it is found", () => first.downs(1) === 1);
  assert.equal(first.events.find((event) => event.kind === "down")?.end.code, "frame-seal");
  await first.until("they meet again", () => first.ups(1) === 2);
  await second.until("they meet again", () => second.ups(0) === 2);
  await talk([first, second], [0, 1]);
  assert.equal(first.frames.length, before + 1);
});

Deno.test("what was accepted on a connection arrives in order and once, however often connections are cut", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  let state = seed;
  const chance = () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x80000000;
  const from = makeFederation(2);
  await using receiver = openMember({ ...from, index: 0 });
  let cuts = 0;
  await using proxy = openProxy(() => receiver.peers.address, {
    meddle: (bytes) => cuts < 15 && chance() < 0.05 ? (cuts++, "cut") : bytes,
  });
  await using sender = openMember({ ...from, index: 1 }, { addresses: new Map([[0, proxy.address]]) });
  const sent = new Map<number, number>();
  const send = (): boolean => {
    const life = sender.ups(0);
    const count = sent.get(life) ?? 0;
    const isQueued = sender.peers.send(
      0,
      new Uint8Array([...u32be(life), ...u32be(count), ...new Uint8Array(2000)]),
    );
    if (isQueued) sent.set(life, count + 1);
    return isQueued;
  };
  while (cuts < 15) {
    await sender.until("it is connected", connectedWith(sender, 0));
    send();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const arrived = () => {
    const byLife = new Map<number, number>();
    for (const { payload } of receiver.frames) {
      const view = new DataView(payload.buffer, payload.byteOffset);
      const life = view.getUint32(0);
      assert.equal(view.getUint32(4), byLife.get(life) ?? 0, `seed ${seed}`);
      byLife.set(life, (byLife.get(life) ?? 0) + 1);
    }
    return byLife;
  };
  // Nothing is cut any more: one connection comes that stays, and all that is sent on it arrives.
  while ((arrived().get(sender.ups(0)) ?? 0) < 10) {
    await sender.until("it is connected", connectedWith(sender, 0));
    send();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  for (const [life, count] of arrived()) assert(count <= (sent.get(life) ?? 0), `seed ${seed}`);
});

Deno.test("a member's frames are handed over one at a time, over a reconnection too", async () => {
  const from = makeFederation(2);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  let busy = 0;
  let most = 0;
  await using first = openMember({ ...from, index: 0 }, {
    receive: async () => {
      most = Math.max(most, ++busy);
      await released;
      busy--;
    },
  });
  const addresses = new Map([[0, first.peers.address]]);
  {
    await using second = openMember({ ...from, index: 1 }, { addresses });
    await second.until("they have met", connectedWith(second, 0));
    second.peers.send(0, utf8("one"));
    await first.until("it works on the frame", () => first.frames.length === 1);
  }
  await using again = openMember({ ...from, index: 1 }, { addresses });
  await again.until("they have met again", connectedWith(again, 0));
  again.peers.send(0, utf8("two"));
  assert.deepEqual([first.ups(1), first.downs(1)], [1, 0]);
  release();
  await first.until("the second frame has come", () => first.frames.length === 2);
  assert.deepEqual(first.events.map(({ kind }) => kind), ["up", "down", "up"]);
  assert.equal(most, 1);
});

Deno.test("openPeers() refuses a key that is no member's", () => {
  const from = makeFederation(2);
  assert.throws(
    () => openMember({ ...from, index: 0 }, { self: generatePrivateKey() }),
    (error) => error instanceof VnfchainError && error.code === "not-a-member",
  );
});

Deno.test("openPeers() says when its port is taken", () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  assert.throws(
    () => openMember({ ...makeFederation(1), index: 0 }, { listen: `127.0.0.1:${taken.addr.port}` }),
    (error) => error instanceof VnfchainError && error.code === "listen" && error.hint !== "",
  );
});

Deno.test("openPeers() refuses a member's address that cannot be read, unless another is given", async () => {
  const { federation, keys } = makeFederation(2);
  const members = federation.document.members.map((member) => ({ ...member, peerAddress: "nowhere" }));
  const broken = { ...federation, document: { ...federation.document, members } };
  assert.throws(
    () => openMember({ federation: broken, keys, index: 0 }),
    (error) => error instanceof VnfchainError && error.code === "address",
  );
  await using _given = openMember({ federation: broken, keys, index: 0 }, {
    addresses: new Map([[1, reservePort()]]),
  });
});

Deno.test("disposing twice, and in the middle of dialing and shaking hands, leaves nothing open", async () => {
  const from = makeFederation(3);
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const member = openMember({ ...from, index: 0 }, {
    addresses: new Map([[1, { host: "127.0.0.1", port: silent.addr.port }]]),
  });
  using accepted = await silent.accept();
  await accepted.read(new Uint8Array(1));
  await Promise.all([member[Symbol.asyncDispose](), member[Symbol.asyncDispose]()]);
  assert.equal(member.peers.send(1, utf8("late")), false);
});
