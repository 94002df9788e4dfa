/** What must not wedge an agent, nor make it forget: full disks, lost files, the end of the machine, strange texts. */
import assert from "node:assert/strict";
import process from "node:process";
import { asCid, asHash, asHeight, asTxId } from "../../../core/brands.ts";
import { LIMITS } from "../../../core/limits.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import { runProgram } from "../../../cmd/agent/driver_program.ts";
import { pruneGenerations, writeGeneration } from "../../../cmd/agent/generation.ts";
import { lockStateDirectory } from "../../../cmd/agent/lock.ts";
import { encodeState, freshState, withError, withQuarantined } from "../../../cmd/agent/state.ts";
import { openState } from "../../../cmd/agent/state_store.ts";
import { testKey } from "../../support/keys.ts";
import { startProgram } from "../../support/program.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { appliedIn, recordingDriver, type TestVnf, testVnf } from "./harness.ts";

const bytes32 = (byte: number) => new Uint8Array(32).fill(byte);
const sh = (script: string, ...rest: string[]) => JSON.stringify(["/bin/sh", "-c", script, "sh", ...rest]);
const hasCode = (wanted: string) => ({ code }: Error & { code?: string }) => code === wanted;

const storeOf = ({ stateDir, chain, key }: TestVnf) =>
  openState(stateDir, { genesisId: chain.federation.genesisId, self: key.publicKey });

const namesIn = async (directory: string) =>
  (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();

Deno.test("a detail that is cut within a character, or holds half of one, is still written", () => {
  const state = freshState({ genesisId: asHash(bytes32(1)), self: testKey("vnf").publicKey });
  for (const detail of ["x" + "😀".repeat(2000), "😀".repeat(2000), "\ud800", "\udc00x"]) {
    const failed = { cid: asCid(bytes32(2)), vid: 1, code: "driver-check", detail };
    const error = { time: 1, code: "refused", detail };
    encodeState(platformCrypto.hash, {
      ...state,
      ...withError(state, error),
      ...withQuarantined(state, failed),
    });
  }
});

Deno.test("a program whose first line is cut within a character is quarantined like any other", async () => {
  const before = "x".repeat(LIMITS.driverDetailChars - 1);
  for (const filling of [before, `${before}y`]) {
    await using vnf = await testVnf({
      drivers: () =>
        `[[driver]]\npreset = "exec"\napply = ["/bin/true"]\ncheck = ${
          sh('printf "%s" "$1" >&2; exit 1', `${filling}😀😀`)
        }\n`,
    });
    await vnf.publish({ content: "1" });
    assert.equal(await vnf.once(), 1);
    assert.equal((await vnf.state()).quarantined.length, 1);
  }
});

Deno.test("a node whose refusal holds half a character does not stop the agent", async () => {
  await using vnf = await testVnf();
  vnf.node.behave = () => new Response('{"error":{"code":"request","detail":"\\ud800"}}', { status: 400 });
  assert.equal(await vnf.once(), 1);
  assert.equal((await vnf.state()).errors.at(-1)?.code, "refused");
});

Deno.test("writeGeneration() leaves nothing behind when it fails", async () => {
  await using directory = await temporaryDirectory();
  const document = {
    role: "own" as const,
    name: "there/is/no/such/directory",
    bytes: bytes32(1),
    cid: asCid(bytes32(2)),
    vid: 1,
    transaction: asTxId(bytes32(3)),
    contentHash: asHash(bytes32(4)),
    position: { height: asHeight(1), index: 0 },
  };
  await assert.rejects(writeGeneration(directory.path, { documents: [document], resolvedAt: asHeight(1) }));
  assert.deepEqual(await namesIn(`${directory.path}/generations`), []);
});

Deno.test("pruneGenerations() removes the temporary files of writes that a crash cut short, and no others", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await Deno.mkdir(`${path}/outbox`);
  const crumbs = [".agent.state.0123456789abcdef.tmp", ".key.pem.0123456789abcdef.tmp"];
  for (const name of [...crumbs, "agent.state", "key.pem", "lock"]) {
    await Deno.writeTextFile(`${path}/${name}`, "");
  }
  for (const name of ["00.cose", ".00.cose.0123456789abcdef.tmp"]) {
    await Deno.writeTextFile(`${path}/outbox/${name}`, "");
  }
  await pruneGenerations(path, []);
  assert.deepEqual(await namesIn(path), ["agent.state", "key.pem", "lock", "outbox"]);
  assert.deepEqual(await namesIn(`${path}/outbox`), ["00.cose"]);
});

Deno.test("first configurations that fail do not fill the disk", async () => {
  await using vnf = await testVnf({
    drivers: () => `[[driver]]\npreset = "exec"\napply = ["/bin/false"]\n`,
  });
  for (let i = 0; i < LIMITS.agentGenerations + 2; i++) await vnf.publish({ content: String(i) });
  assert.equal(await vnf.once(), 1);
  assert.equal((await namesIn(`${vnf.stateDir}/generations`)).length, LIMITS.agentGenerations);
});

Deno.test("a program that is not there does not fill the disk while it is waited for", async () => {
  await using vnf = await testVnf({
    drivers: () => `[[driver]]\npreset = "exec"\napply = ["/bin/true"]\ncheck = ["/no/such/program"]\n`,
  });
  await vnf.publish({ content: "1" });
  for (let i = 0; i < 3; i++) assert.equal(await vnf.once(), "driver-program");
  assert.deepEqual(await namesIn(`${vnf.stateDir}/generations`), []);
  await vnf.configure({});
  assert.equal(await vnf.once(), 0);
});

Deno.test("what the system refuses ends a single round with its code, and is tried again later", async () => {
  await using vnf = await testVnf();
  assert.equal(await vnf.once(), 0);
  await vnf.publish({ content: "1" });
  await Deno.writeTextFile(`${vnf.stateDir}/generations`, "in the way");
  assert.equal(await vnf.once(), "ENOTDIR");
  await Deno.remove(`${vnf.stateDir}/generations`);
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["1"]);
});

Deno.test("runProgram() ends a program that it cannot record", async () => {
  await using directory = await temporaryDirectory();
  const mark = `1000.${Deno.pid}7`;
  const options = { directory: "/", pidFile: `${directory.path}/no/such/pid`, timeoutMs: 60_000 };
  await assert.rejects(runProgram(["/bin/sleep", mark], options), hasCode("ENOENT"));
  for (let i = 0; i < 500 && runs(mark); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(!runs(mark));
});

Deno.test("the agent ends a program that an agent before it left running", async () => {
  await using vnf = await testVnf();
  const pidFile = `${vnf.stateDir}/driver.pid`;
  const running = runProgram(["/bin/sleep", "1000"], { directory: "/", pidFile, timeoutMs: 3_600_000 });
  assert.equal(await vnf.once(), 0);
  assert.match((await running).summary, /SIGKILL/);
});

/** Whether any process has this argument. */
function runs(argument: string): boolean {
  return [...Deno.readDirSync("/proc")].some(({ name }) => {
    try {
      return /^\d+$/.test(name) && Deno.readTextFileSync(`/proc/${name}/cmdline`).includes(argument);
    } catch {
      return false;
    }
  });
}

Deno.test("a lost generation in force is said, and the next configuration heals it", async () => {
  await using vnf = await testVnf({ drivers: recordingDriver });
  await vnf.publish({ content: "1" });
  assert.equal(await vnf.once(), 0);
  await Deno.remove(`${vnf.stateDir}/generations/000001`, { recursive: true });
  await (await storeOf(vnf)).update({ bootId: "another boot" });
  await vnf.once();
  assert.match((await vnf.state()).errors.at(-1)?.detail ?? "", /000001 is gone/);
  await vnf.publish({ content: "2" });
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["2"]);
  assert.equal((await vnf.state()).pending, null);
});

Deno.test("a lost generation that was being applied is made again, not put into quarantine", async () => {
  await using vnf = await testVnf({ drivers: recordingDriver });
  await vnf.publish({ content: "1" });
  assert.equal(await vnf.once(), 0);
  const { inForce } = await vnf.state();
  // As after a crash within the apply of 2, whose directory then went.
  await vnf.publish({ content: "2" });
  const configuration = { ...inForce!, generation: 2 };
  await (await storeOf(vnf)).update({ pending: { purpose: "apply", configuration } });
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["2"]);
  assert.deepEqual(await appliedIn(vnf.directory), [1, 1, 2]);
  assert.deepEqual((await vnf.state()).quarantined, []);
});

for (const step of ["check", "apply"] as const) {
  Deno.test(`${step}: a program that the end of the machine cuts short puts nothing into quarantine`, async () => {
    await using vnf = await testVnf({
      drivers: (directory) => {
        // The first time it waits to be ended; whoever tries again finds that it was there.
        const waiting = sh(
          'test -e "$1/seen" && exit 0; echo $$ > "$1/pid.new"; mv "$1/pid.new" "$1/seen"; sleep 1000 & wait',
          directory,
        );
        const apply = step === "apply" ? waiting : `["/bin/true"]`;
        const check = step === "check" ? waiting : `["/bin/true"]`;
        return `[[driver]]\npreset = "exec"\ncheck = ${check}\napply = ${apply}\n`;
      },
    });
    await vnf.publish({ content: "1" });
    await using agent = startProgram(["agent", "--config", vnf.configPath]);
    const seen = `${vnf.directory}/seen`;
    await agent.until(() => Deno.stat(seen).then(() => true, () => false));
    // As a service manager does: every process of the service.
    const pid = Number(await Deno.readTextFile(seen));
    process.kill(-pid, "SIGTERM");
    agent.kill("SIGTERM");
    assert.equal(await agent.ended, 0);
    assert.deepEqual((await vnf.state()).quarantined, []);
    assert.doesNotMatch(agent.stderr(), /ERROR/);
    assert.equal(await vnf.once(), 0);
    assert.deepEqual(Object.values(await vnf.files()), ["1"]);
  });
}

Deno.test("a version in quarantine that comes again after a crash is not tried again", async () => {
  await using vnf = await testVnf({
    drivers: (directory) =>
      `[[driver]]\npreset = "exec"\napply = ["/bin/true"]\ncheck = ${
        sh('echo 1 >> "$1"; exit 1', `${directory}/applied`)
      }\n`,
  });
  await vnf.publish({ content: "1" });
  assert.equal(await vnf.once(), 1);
  await (await storeOf(vnf)).update({ feeds: [], position: null, header: null });
  assert.equal(await vnf.once(), 1);
  assert.deepEqual(await appliedIn(vnf.directory), [1]);
  assert.equal((await vnf.state()).refusals.at(-1)?.code, "quarantined");
});

Deno.test("a key that is missing beside a state is never replaced by a new one", async () => {
  await using vnf = await testVnf();
  assert.equal(await vnf.once(), 0);
  await Deno.rename(`${vnf.stateDir}/key.pem`, `${vnf.directory}/kept.pem`);
  assert.equal(await vnf.once(), "key-missing");
  await assert.rejects(Deno.stat(`${vnf.stateDir}/key.pem`), Deno.errors.NotFound);
  await Deno.rename(`${vnf.directory}/kept.pem`, `${vnf.stateDir}/key.pem`);
  assert.equal(await vnf.once(), 0);
});

Deno.test("lockStateDirectory() refuses a directory that others may write to, or that another user owns", async () => {
  await using directory = await temporaryDirectory();
  (await lockStateDirectory(directory.path))[Symbol.dispose]();
  for (const mode of [0o770, 0o702, 0o1777]) {
    await Deno.chmod(directory.path, mode);
    await assert.rejects(lockStateDirectory(directory.path), hasCode("state-exposed"));
  }
  await Deno.chmod(directory.path, 0o755);
  (await lockStateDirectory(directory.path))[Symbol.dispose]();
  if (Deno.uid() !== 0) return;
  await Deno.chown(directory.path, 12345, null);
  await assert.rejects(lockStateDirectory(directory.path), hasCode("state-exposed"));
});

Deno.test("a token that others may read is refused", async () => {
  await using vnf = await testVnf();
  await Deno.writeTextFile(`${vnf.directory}/token`, "secret\n", { mode: 0o644 });
  await vnf.configure({ keys: `token_file = "${vnf.directory}/token"` });
  assert.equal(await vnf.once(), "secret-file");
  await Deno.chmod(`${vnf.directory}/token`, 0o600);
  assert.equal(await vnf.once(), 0);
});
