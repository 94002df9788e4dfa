/**
 * @module
 */
import assert from "node:assert/strict";
import { Connection } from "../../../consensus/tcp/connection.ts";
import { type Adopted, makeLinks } from "../../../consensus/tcp/links.ts";
import type { PeerLogEntry } from "../../../consensus/tcp/log.ts";
import { beginSession, sessionKeys } from "../../../consensus/tcp/session.ts";
import { asHash } from "../../../core/brands.ts";
import { utf8 } from "../../../core/bytes.ts";
import { LIMITS } from "../../../core/limits.ts";
import { openRoster } from "../../../core/roster.ts";
import { randomBytes } from "../../../core/platform/crypto.ts";
import { makeFederation, socketPair } from "./support.ts";

/** Links of a member to its one peer, 1, and connections that come from there. */
function linksOf() {
  const events: string[] = [];
  const log: PeerLogEntry[] = [];
  const stack = new DisposableStack();
  const links = makeLinks({
    roster: openRoster(makeFederation(2).federation),
    on: {
      up: (member, hello) => void events.push(`up ${member} ${new TextDecoder().decode(hello)}`),
      down: (member, end) => void events.push(`down ${member} ${end.code}`),
      frame: () => {},
    },
    log: (entry) => void log.push(entry),
    nowMs: () => 1000,
  });
  const adopted = async (number: number): Promise<Adopted> => {
    const pair = stack.use(await socketPair());
    const keys = sessionKeys({ shared: randomBytes(32), transcript: asHash(randomBytes(32)) });
    const session = await beginSession(keys, "dialer");
    const connection = new Connection(pair.dialer, { session, pingMs: 10_000, idleMs: 10_000 });
    return { member: 1, hello: utf8(`${number}`), connection, number };
  };
  return {
    links,
    events,
    log,
    adopted,
    [Symbol.asyncDispose]: async () => {
      await links.close();
      stack.dispose();
    },
  };
}

/** Waits for the next of what a call begins: until there are `count` events. */
async function seen(events: readonly string[], count: number): Promise<readonly string[]> {
  for (let tries = 0; events.length < count && tries < 2000; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return events;
}

Deno.test("a connection adopted by a higher number replaces the one in use", async () => {
  await using from = linksOf();
  assert(from.links.install(await from.adopted(5)));
  await seen(from.events, 1);
  assert(from.links.install(await from.adopted(6)));
  assert.deepEqual(await seen(from.events, 3), ["up 1 5", "down 1 replaced", "up 1 6"]);
});

Deno.test("a connection adopted by a lower or the same number is closed", async () => {
  await using from = linksOf();
  assert(from.links.install(await from.adopted(5)));
  for (const number of [4, 5]) {
    const late = await from.adopted(number);
    assert.equal(from.links.install(late), false);
    assert.equal(late.connection.open, false);
  }
  await seen(from.events, 1);
  assert.deepEqual([from.events, from.links.connected()], [["up 1 5"], [1]]);
});

Deno.test("any number will do when there is no connection any more", async () => {
  await using from = linksOf();
  const first = await from.adopted(5);
  from.links.install(first);
  await seen(from.events, 1);
  first.connection.close({ code: "idle", detail: "gone" });
  assert(from.links.install(await from.adopted(1)));
  assert.deepEqual(await seen(from.events, 3), ["up 1 5", "down 1 idle", "up 1 1"]);
});

Deno.test("a connection replaced before its turn is never up, and none is after the end", async () => {
  await using from = linksOf();
  from.links.install(await from.adopted(5));
  const [second, third] = [await from.adopted(6), await from.adopted(7)];
  await seen(from.events, 1);
  from.links.install(second);
  from.links.install(third);
  assert.deepEqual(await seen(from.events, 3), ["up 1 5", "down 1 replaced", "up 1 7"]);
  await from.links.close();
  assert.equal(from.links.install(await from.adopted(8)), false);
  assert.deepEqual(from.events.slice(3), ["down 1 stopped"]);
});

Deno.test("adoption numbers follow the clock and never repeat", async () => {
  await using from = linksOf();
  assert.deepEqual([from.links.nextNumber(), from.links.nextNumber()], [1000, 1001]);
});

Deno.test("a frame that the queue does not take is refused and logged; one for nobody only refused", async () => {
  await using from = linksOf();
  assert.equal(from.links.send(1, utf8("?")), false);
  assert.deepEqual(from.log, []);
  from.links.install(await from.adopted(5));
  await seen(from.events, 1);
  assert.equal(from.links.send(1, new Uint8Array(LIMITS.frameBytes + 1)), false);
  for (let i = 0; i < LIMITS.peerQueueFrames; i++) assert(from.links.send(1, utf8("vote")));
  assert.equal(from.links.send(1, utf8("vote")), false);
  assert.deepEqual(from.log.map(({ code }) => code), ["up", "too-large", "queue-full"]);
});
