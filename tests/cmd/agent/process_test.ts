/** The agent as a process: console, signals, sockets, the lock, and kills at any moment. */
import assert from "node:assert/strict";
import { publicKeyToText } from "../../../core/keys.ts";
import { fingerprint } from "../../../cmd/agent/key.ts";
import { appliedIn, recordingDriver, testVnf } from "./harness.ts";
import { programArgv, startCommand, startProgram } from "../../support/program.ts";

const startAgent = (...args: readonly string[]) => startProgram(["agent", ...args]);

const FAST = `interval = "100ms"`;

/** What listens, and what is open to UDP, of a process. */
function listening(pid: number): readonly string[] {
  const { stdout } = new Deno.Command("ss", { args: ["-H", "-lntup"] }).outputSync();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line.includes(`pid=${pid},`));
}

Deno.test("the agent shows its key between markers, applies what is published, and ends on SIGTERM", async () => {
  await using vnf = await testVnf({ keys: FAST });
  await using agent = startAgent("--config", vnf.configPath);
  await vnf.publish({ content: "1" });
  await agent.until(async () => Object.values(await vnf.files())[0] === "1");
  await vnf.publish({ content: "2" });
  await agent.until(async () => Object.values(await vnf.files())[0] === "2");
  agent.kill("SIGTERM");
  assert.equal(await agent.ended, 0);
  assert.equal(
    agent.stdout(),
    `-----BEGIN VNFCHAIN PUBLIC KEY-----\n${publicKeyToText(vnf.key.publicKey)}\n` +
      `fingerprint: ${fingerprint(vnf.key.publicKey)}\n-----END VNFCHAIN PUBLIC KEY-----\n`,
  );
});

Deno.test("nothing listens, neither before nor after SIGUSR1, SIGUSR2, SIGHUP and SIGPIPE", async () => {
  await using vnf = await testVnf({ keys: FAST });
  // Not quiet: the runtime shall say what it does.
  const program = programArgv().filter((word) => word !== "--quiet");
  await using agent = startCommand([...program, "agent", "--config", vnf.configPath]);
  await agent.until(() => vnf.node.polls.length > 0);
  assert.deepEqual(listening(agent.pid), []);
  for (const signal of ["SIGUSR1", "SIGUSR2", "SIGHUP", "SIGPIPE", "SIGUSR1"] as const) {
    agent.kill(signal);
    const polls = vnf.node.polls.length;
    await agent.until(() => vnf.node.polls.length > polls + 3);
    await agent.until(() => listening(agent.pid).length === 0);
  }
  // The runtime did open its port: otherwise this test would say nothing.
  await agent.until(() => {
    agent.kill("SIGUSR1");
    return agent.stderr().includes("Debugger listening");
  });
  await agent.until(() => listening(agent.pid).length === 0);
  const polls = vnf.node.polls.length;
  await agent.until(() => vnf.node.polls.length > polls + 5);
  assert.deepEqual(listening(agent.pid), []);
});

Deno.test("SIGHUP polls at once", async () => {
  await using vnf = await testVnf({ keys: `interval = "1h"` });
  await using agent = startAgent("--config", vnf.configPath);
  await agent.until(() => vnf.node.polls.length === 1);
  await vnf.publish({ content: "1" });
  await agent.until(async () => {
    agent.kill("SIGHUP");
    return Object.values(await vnf.files())[0] === "1";
  });
});

Deno.test("a second agent on one state directory is refused", async () => {
  await using vnf = await testVnf({ keys: FAST });
  await using first = startAgent("--config", vnf.configPath);
  await first.until(() => vnf.node.polls.length > 0);
  assert.equal(await vnf.once(), "state-locked");
});

Deno.test("a kill at any moment ends, after the next start, in a whole generation, and each request in one answer", async () => {
  await using vnf = await testVnf({
    keys: FAST,
    drivers: (directory) => {
      const script = 'sleep 0.03; cat "$1"/0* > "$2/live.new"; sleep 0.03; mv "$2/live.new" "$2/live"';
      const argv = JSON.stringify(["/bin/sh", "-c", script, "sh", "{generation}", directory]);
      return `[[driver]]\npreset = "exec"\ncheck = ["/bin/sleep", "0.03"]\napply = ${argv}\nexport = ["/bin/date", "+%N"]\n`;
    },
  });
  const template = await vnf.publish({ content: "T", to: null });
  for (let i = 1; i <= 20; i++) {
    await vnf.publish({ content: String(i), before: [{ cid: template.payload.cid, vid: null }] });
    vnf.request();
    const agent = startAgent("--config", vnf.configPath);
    // Long enough to start, then anywhere in the round.
    await agent.until(() => agent.stdout().includes("END VNFCHAIN"));
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 300));
    agent.kill("SIGKILL");
    await agent.ended;
    const seen = Object.values(await vnf.files());
    assert.ok(seen.length === 0 || (seen.length === 2 && seen[0] === "T"), JSON.stringify(seen));
  }
  await using agent = startAgent("--config", vnf.configPath);
  await agent.until(async () => Object.values(await vnf.files())[1] === "20");
  await agent.until(async () => (await vnf.state()).pending === null);
  // A request that was marked as sent may have been cut off before it was: it is sent again in a later round.
  await agent.until(() => new Set(vnf.node.posted.map(({ payload }) => String(payload.cid))).size === 20);
  assert.equal(await Deno.readTextFile(`${vnf.directory}/live`), "T20");
  const answers = new Map<string, Set<string>>();
  for (const { payload, id } of vnf.node.posted) {
    const name = String(payload.cid);
    answers.set(name, (answers.get(name) ?? new Set()).add(String(id)));
  }
  assert.equal(answers.size, 20);
  assert.deepEqual([...answers.values()].map(({ size }) => size), Array(20).fill(1));
});

Deno.test("agent status tells what is in force and since when; agent key prints the key", async () => {
  await using vnf = await testVnf({ drivers: recordingDriver });
  const missing = startAgent("status", "--config", vnf.configPath);
  assert.equal(await missing.ended, 1);
  await vnf.publish({ content: "1" });
  assert.equal(await vnf.once(), 0);
  const status = startAgent("status", "--json", "--config", vnf.configPath);
  assert.equal(await status.ended, 0, status.stderr());
  const { height, stale, inForce } = JSON.parse(status.stdout());
  assert.deepEqual([height, stale, inForce.generation], [2, false, 1]);
  const key = startAgent("key", "--config", vnf.configPath);
  assert.equal(await key.ended, 0);
  assert.equal(key.stdout().trim(), publicKeyToText(vnf.key.publicKey));
  assert.deepEqual(await appliedIn(vnf.directory), [1]);
});

Deno.test("agent --once exits 2 for wrong usage and for an unknown key in its file, and names the nearest", async () => {
  await using vnf = await testVnf({ keys: `intervall = "10s"` });
  const wrong = startAgent("--config", vnf.configPath, "--once");
  assert.equal(await wrong.ended, 2);
  assert.match(wrong.stderr(), /intervall is no key\nhint: the nearest key is interval/);
  const usage = startAgent("--config", vnf.configPath, "--twice");
  assert.equal(await usage.ended, 2);
});
