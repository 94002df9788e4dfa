import assert from "node:assert/strict";
import { type DriverPorts, openDriver } from "../../../consensus/driver/driver.ts";
import { limitLog } from "../../../consensus/driver/log.ts";
import { openTimers } from "../../../consensus/driver/timers.ts";
import type { Action } from "../../../consensus/events.ts";
import { start } from "../../../consensus/start.ts";
import { asHeight, asRound } from "../../../core/brands.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import { memberKey } from "../../support/federation.ts";
import { testStore } from "./chain.ts";

const HEIGHT = asHeight(1);
const PERSIST: Action = { kind: "persist", height: HEIGHT, records: [] };
const BUILD: Action = { kind: "build", height: HEIGHT, round: asRound(0) };

/** Ports that write down what was asked of them. */
function ports(log: string[], changed: Partial<DriverPorts> = {}): DriverPorts {
  const note = (what: string) => () => void log.push(what);
  return {
    journal: { append: () => Promise.resolve(note("persist")()) },
    send: note("send"),
    build: note("build"),
    validate: note("validate"),
    commit: () => Promise.resolve(note("commit")()),
    adopt: note("adopt"),
    fetchDecided: note("fetchDecided"),
    sendDecided: note("sendDecided"),
    evidence: note("evidence"),
    fatal: (error) => void log.push(`fatal: ${error instanceof Error ? error.message : error}`),
    ...changed,
  };
}

async function stateOf(n: number) {
  await using chain = await testStore(n);
  const { publicKey, sign } = memberKey(0);
  const tools = { crypto: platformCrypto, publicKey, sign };
  return start({ tools, tip: chain.store.tip(), self: 0, work: false, records: [] }).state;
}

Deno.test("actions wait for what is being made durable before them", async () => {
  const log: string[] = [];
  const { promise: disk, resolve: write } = Promise.withResolvers<void>();
  const journal = { append: () => disk.then(() => void log.push("durable")) };
  await using driver = openDriver(
    { state: await stateOf(4), actions: [PERSIST, BUILD] },
    ports(log, { journal }),
  );
  const posted = driver.post({ kind: "work", available: false }).then(() => log.push("event"));
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(log, []);
  write();
  await posted;
  assert.deepEqual(log, ["durable", "build", "event"]);
});

Deno.test("after a journal that failed nothing more is done, and the process is told to end", async () => {
  const log: string[] = [];
  const journal = { append: () => Promise.reject(new Error("no space")) };
  await using driver = openDriver(
    { state: await stateOf(4), actions: [PERSIST, BUILD] },
    ports(log, { journal }),
  );
  await driver.post({ kind: "work", available: true });
  await driver.post({ kind: "heartbeat", height: HEIGHT });
  assert.deepEqual(log, ["fatal: no space"]);
});

Deno.test("disposing waits for the action under way and begins no other", async () => {
  const log: string[] = [];
  const { promise: disk, resolve: write } = Promise.withResolvers<void>();
  const journal = { append: () => disk.then(() => void log.push("durable")) };
  const driver = openDriver({ state: await stateOf(4), actions: [PERSIST, BUILD] }, ports(log, { journal }));
  const disposed = driver[Symbol.asyncDispose]().then(() => log.push("disposed"));
  await new Promise((resolve) => setTimeout(resolve, 10));
  write();
  await disposed;
  assert.deepEqual(log, ["durable", "disposed"]);
});

Deno.test("a timer longer than the platform's longest does not fire at once", async () => {
  const events: unknown[] = [];
  using timers = openTimers((event) => void events.push(event));
  timers.set({ kind: "setTimer", timer: "heartbeat", height: HEIGHT, round: asRound(0), ms: 2 ** 40 });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(events, []);
});

Deno.test("a timer that is set again replaces itself, and fires with what it was set for", async () => {
  const events: unknown[] = [];
  using timers = openTimers((event) => void events.push(event));
  const timer = { kind: "setTimer", timer: "round", height: HEIGHT, ms: 1 } as const;
  timers.set({ ...timer, round: asRound(0) });
  timers.set({ ...timer, round: asRound(1) });
  timers.set({ ...timer, timer: "resend", round: asRound(1) });
  timers.clear("resend");
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual(events, [{ kind: "timeout", height: HEIGHT, round: asRound(1) }]);
});

Deno.test("the log takes one entry a second for each member and code, and says how many were left out", () => {
  let now = 0;
  const entries: unknown[] = [];
  const log = limitLog((_, text, properties) => void entries.push([text, properties]), () => now);
  for (let i = 0; i < 5; i++) log("warning", "refused", { member: 1, code: "cbor" });
  log("warning", "refused", { member: 2, code: "cbor" });
  now = 1000;
  log("warning", "refused", { member: 1, code: "cbor" });
  assert.deepEqual(entries, [
    ["refused", { member: 1, code: "cbor" }],
    ["refused", { member: 2, code: "cbor" }],
    ["refused", { member: 1, code: "cbor", leftOut: 4 }],
  ]);
});
