/** The agent's state file: what it keeps, and that damage is never taken for a fresh start. */
import assert from "node:assert/strict";
import { asHash, asHeight, asTxId, type Cid } from "../../../core/brands.ts";
import { knownHeader } from "../../../core/certified_header.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import { LIMITS } from "../../../core/limits.ts";
import {
  type AgentState,
  decodeState,
  encodeState,
  freshState,
  withError,
  withQuarantined,
  withRefusals,
} from "../../../cmd/agent/state.ts";
import { openState } from "../../../cmd/agent/state_store.ts";
import { pauseMs } from "../../../cmd/agent/run.ts";
import { testKey } from "../../support/keys.ts";
import { TestChain } from "../../support/test_chain.ts";
import { newCid } from "../../support/test_transactions.ts";
import { appliedIn, recordingDriver, testVnf } from "./harness.ts";

const { hash } = platformCrypto;
const self = testKey("vnf").publicKey;
const bytes32 = (byte: number) => new Uint8Array(32).fill(byte);
const cid: Cid = newCid(self);
const installed = {
  cid,
  vid: 2,
  transaction: asTxId(bytes32(3)),
  contentHash: asHash(bytes32(4)),
  position: { height: asHeight(5), index: 1 },
  resolvedAt: asHeight(6),
  generation: 7,
};

const { header, certificate } = new TestChain().commit();

const full: AgentState = {
  genesisId: asHash(bytes32(1)),
  self,
  header: knownHeader(hash, { header, certificate }),
  feeds: [{
    sender: testKey("tenant").publicKey,
    recipient: self,
    state: { version: 1, count: 3, feedHash: asHash(bytes32(5)), lastHeight: asHeight(8) },
    lastNonce: new Uint8Array(16),
  }],
  position: { height: asHeight(8), index: 2 },
  inForce: installed,
  pending: { purpose: "apply", configuration: installed },
  quarantined: [{ cid, vid: 1, code: "driver-check", detail: "exit code 1" }],
  requests: [{
    id: asTxId(bytes32(6)),
    cid,
    compression: 1,
    encryption: 1,
    description: "nightly",
    replyTo: testKey("tenant").publicKey,
    status: "sent",
    tries: 1,
  }],
  refusals: [{ code: "decryption", count: 2 }],
  errors: [{ time: 1, code: "stale", detail: "x" }],
  bootId: "boot",
  halted: null,
};

Deno.test("decodeState() gives back what was encoded", () => {
  const decoded = decodeState(hash, encodeState(hash, full));
  assert.ok(decoded.ok);
  assert.deepEqual(decoded.value, full);
});

Deno.test("decodeState() refuses every single altered byte and every cut", () => {
  const bytes = encodeState(hash, full);
  for (let i = 0; i < bytes.length; i++) {
    const altered = bytes.map((byte, at) => at === i ? byte ^ 0x41 : byte);
    assert.equal(decodeState(hash, altered).ok, false, `byte ${i}`);
    assert.equal(decodeState(hash, bytes.slice(0, i)).ok, false, `cut at ${i}`);
  }
});

Deno.test("a damaged state file stops the agent, and so does a missing one beside generations", async () => {
  await using vnf = await testVnf();
  await vnf.publish({ content: "1" });
  assert.equal(await vnf.once(), 0);
  const path = `${vnf.stateDir}/agent.state`;
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, bytes.subarray(0, -1));
  assert.equal(await vnf.once(), "state-damaged");
  await Deno.writeFile(path, new Uint8Array());
  assert.equal(await vnf.once(), "state-damaged");
  await Deno.remove(path);
  assert.equal(await vnf.once(), "state-missing");
  await Deno.writeFile(path, bytes);
  assert.equal(await vnf.once(), 0);
});

Deno.test("a kill while the very first generation is written is no lost memory", async () => {
  await using vnf = await testVnf();
  const { genesisId } = vnf.chain.federation;
  await openState(vnf.stateDir, { genesisId, self: vnf.key.publicKey });
  await Deno.mkdir(`${vnf.stateDir}/generations/000001`, { recursive: true });
  await vnf.publish({ content: "1" });
  assert.equal(await vnf.once(), 0);
});

Deno.test("a state of another chain, and of another key, is refused", async () => {
  await using vnf = await testVnf();
  assert.equal(await vnf.once(), 0);
  const isForeign = (error: Error & { code?: string }) => error.code === "state-foreign";
  const { genesisId } = vnf.chain.federation;
  await assert.rejects(
    openState(vnf.stateDir, { genesisId: asHash(bytes32(1)), self: vnf.key.publicKey }),
    isForeign,
  );
  await assert.rejects(openState(vnf.stateDir, { genesisId, self }), isForeign);
});

Deno.test("quarantine, errors and refusals stay within their bounds", () => {
  let state = freshState({ genesisId: asHash(bytes32(1)), self });
  for (let vid = 1; vid <= LIMITS.agentQuarantine + 5; vid++) {
    state = {
      ...state,
      ...withQuarantined(state, { cid, vid, code: "driver-check", detail: "x".repeat(10_000) }),
    };
    state = { ...state, ...withError(state, { time: vid, code: "stale", detail: "€".repeat(10_000) }) };
    state = { ...state, ...withRefusals(state, ["empty", "decryption"]) };
  }
  assert.equal(state.quarantined.length, LIMITS.agentQuarantine);
  assert.equal(state.quarantined[0]?.vid, 6);
  assert.equal(state.errors.length, LIMITS.agentErrors);
  assert.deepEqual(state.refusals.map(({ code }) => code), ["empty", "decryption"]);
  assert.ok(decodeState(hash, encodeState(hash, state)).ok);
});

Deno.test("the configuration in force is applied again when the machine has started anew, and only then", async () => {
  await using vnf = await testVnf({ drivers: recordingDriver });
  await vnf.publish({ content: "1" });
  assert.equal(await vnf.once(), 0);
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(await appliedIn(vnf.directory), [1]);
  const store = await openState(vnf.stateDir, {
    genesisId: vnf.chain.federation.genesisId,
    self: vnf.key.publicKey,
  });
  await store.update({ bootId: "another boot" });
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(await appliedIn(vnf.directory), [1, 1]);
});

Deno.test("generations that nobody goes back to are removed, and so is what a crash left", async () => {
  await using vnf = await testVnf();
  await Deno.mkdir(`${vnf.stateDir}/generations/.new-00`, { recursive: true });
  await Deno.remove(`${vnf.stateDir}/generations`, { recursive: true });
  for (let i = 1; i <= LIMITS.agentGenerations + 3; i++) {
    await vnf.publish({ content: String(i) });
    assert.equal(await vnf.once(), 0);
    await Deno.mkdir(`${vnf.stateDir}/generations/.new-${i}`);
    await Deno.symlink("generations/000001", `${vnf.stateDir}/.current-${i}`);
  }
  assert.equal(await vnf.once(), 0);
  const names = (await Array.fromAsync(Deno.readDir(`${vnf.stateDir}/generations`))).map(({ name }) => name)
    .sort();
  assert.deepEqual(names, ["000004", "000005", "000006", "000007", "000008"]);
  const left = (await Array.fromAsync(Deno.readDir(vnf.stateDir))).filter(({ name }) =>
    name.startsWith(".current")
  );
  assert.deepEqual(left, []);
});

Deno.test("pauseMs() keeps to the interval, doubles for failures, and stays within its bound", () => {
  assert.equal(pauseMs(10_000, { failures: 0, random: 0.5 }), 10_000);
  assert.equal(pauseMs(10_000, { failures: 0, random: 0 }), 9_000);
  assert.equal(pauseMs(10_000, { failures: 2, random: 0.5 }), 40_000);
  assert.equal(pauseMs(10_000, { failures: 1000, random: 0.5 }), LIMITS.agentBackoffMs);
  assert.equal(pauseMs(3_600_000, { failures: 9, random: 0.5 }), 3_600_000);
});
