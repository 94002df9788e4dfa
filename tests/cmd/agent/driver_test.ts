/** Drivers by the preset exec: check, apply, health, rollback, quarantine; and the programs that they run. */
import assert from "node:assert/strict";
import { VnfchainError } from "../../../core/errors.ts";
import { endLeftover, runProgram } from "../../../cmd/agent/driver_program.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { toHex } from "../../../core/bytes.ts";
import { openState } from "../../../cmd/agent/state_store.ts";
import { appliedIn, testVnf } from "./harness.ts";

const sh = (script: string, ...rest: string[]) => JSON.stringify(["/bin/sh", "-c", script, "sh", ...rest]);

/** Applies by copying to DIRECTORY/live; `more` are further keys of the table. */
const copying = (more: (directory: string) => string) => (directory: string) => {
  const script =
    'basename "$1" >> "$2/applied" && cat "$1"/[0-9]* > "$2/live" && ! grep -q badapply "$2/live"';
  return `[[driver]]\npreset = "exec"\napply = ${sh(script, "{generation}", directory)}\n${
    more(directory)
  }\n`;
};

/** For programs that run here, one after the other. */
const pidFile = `${Deno.env.get("TMPDIR") ?? "/tmp"}/vnfchain-test-${Deno.pid}.pid`;

const live = (directory: string) => Deno.readTextFile(`${directory}/live`);

Deno.test("a failing check keeps the running configuration, and the version is not tried again", async () => {
  await using vnf = await testVnf({
    drivers: copying(() => `check = ${sh('! grep -q badcheck "$1"/0*', "{generation}")}`),
  });
  await vnf.publish({ content: "good" });
  assert.equal(await vnf.once(), 0);
  const bad = await vnf.publish({ content: "badcheck" });
  assert.equal(await vnf.once(), 1);
  assert.equal(await live(vnf.directory), "good");
  assert.deepEqual(await appliedIn(vnf.directory), [1]);
  const [failed] = (await vnf.state()).quarantined;
  assert.equal(failed?.code, "driver-check");
  assert.equal(toHex(failed!.cid), toHex(bad.payload.cid));
  assert.equal(await vnf.once(), 0);
  await vnf.publish({ content: "better", cid: bad.payload.cid, vid: 2 });
  assert.equal(await vnf.once(), 0);
  assert.equal(await live(vnf.directory), "better");
});

Deno.test("a failing apply brings the generation before back, and the version into quarantine", async () => {
  await using vnf = await testVnf({ drivers: copying(() => "") });
  await vnf.publish({ content: "good" });
  assert.equal(await vnf.once(), 0);
  await vnf.publish({ content: "badapply" });
  assert.equal(await vnf.once(), 1);
  assert.equal(await live(vnf.directory), "good");
  assert.deepEqual(await appliedIn(vnf.directory), [1, 2, 1]);
  assert.deepEqual(Object.values(await vnf.files()), ["good"]);
  const state = await vnf.state();
  assert.equal(state.pending, null);
  assert.equal(state.quarantined[0]?.code, "driver-apply");
});

Deno.test("a VNF that is not healthy after an apply goes back to the generation before", async () => {
  await using vnf = await testVnf({
    drivers: copying((directory) => `confirm = "1ms"\nhealth = ${sh('! grep -q sick "$1/live"', directory)}`),
  });
  await vnf.publish({ content: "good" });
  assert.equal(await vnf.once(), 0);
  await vnf.publish({ content: "sick" });
  assert.equal(await vnf.once(), 1);
  assert.equal(await live(vnf.directory), "good");
  assert.equal((await vnf.state()).quarantined[0]?.code, "driver-health");
});

Deno.test("a VNF may take its time to become healthy", async () => {
  await using vnf = await testVnf({
    drivers: copying((directory) => {
      const script = 'echo x >> "$1/looks"; test $(wc -l < "$1/looks") -ge 2';
      return `confirm = "60s"\nhealth = ${sh(script, directory)}`;
    }),
  });
  await vnf.publish({ content: "slow" });
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["slow"]);
});

Deno.test("a rollback that fails stays pending, is said, and is tried again in the next round", async () => {
  await using vnf = await testVnf({
    drivers: copying((directory) => `health = ${sh('test ! -e "$1/broken"', directory)}\nconfirm = "1ms"`),
  });
  await vnf.publish({ content: "badapply good" });
  assert.equal(await vnf.once(), 1);
  await vnf.publish({ content: "good" });
  assert.equal(await vnf.once(), 0);
  // From now on the driver cannot write: apply and rollback both fail.
  await Deno.remove(`${vnf.directory}/live`);
  await Deno.mkdir(`${vnf.directory}/live`);
  await vnf.publish({ content: "next" });
  assert.equal(await vnf.once(), 1);
  assert.equal((await vnf.state()).pending?.purpose, "restore");
  await Deno.remove(`${vnf.directory}/live`);
  assert.equal(await vnf.once(), 0);
  assert.equal((await vnf.state()).pending, null);
  assert.equal(await live(vnf.directory), "good");
});

Deno.test("all drivers check before any applies", async () => {
  await using vnf = await testVnf({
    drivers: (directory) =>
      copying(() => "")(directory) +
      `[[driver]]\npreset = "exec"\napply = ["/bin/true"]\ncheck = ["/bin/false"]\n`,
  });
  await vnf.publish({ content: "good" });
  assert.equal(await vnf.once(), 1);
  assert.deepEqual(await appliedIn(vnf.directory), []);
});

Deno.test("a program that is not there is the operator's to mend: nothing goes into quarantine", async () => {
  await using vnf = await testVnf({
    drivers: () => `[[driver]]\npreset = "exec"\napply = ["/no/such/program"]\n`,
  });
  await vnf.publish({ content: "good" });
  assert.equal(await vnf.once(), "driver-program");
  await vnf.configure({});
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(Object.values(await vnf.files()), ["good"]);
  assert.deepEqual((await vnf.state()).quarantined, []);
});

Deno.test("a configuration's text reaches no shell and no argv", async () => {
  await using vnf = await testVnf({ drivers: copying(() => "") });
  const content = `"; touch ${vnf.directory}/owned; $(touch ${vnf.directory}/owned)\n--help\n`;
  await vnf.publish({ content, name: "a,b=c" });
  assert.equal(await vnf.once(), 0);
  assert.equal(await live(vnf.directory), content);
  await assert.rejects(Deno.stat(`${vnf.directory}/owned`), Deno.errors.NotFound);
});

Deno.test("runProgram() gives PATH alone as environment, and the directory asked for", async () => {
  const { stdout, ok } = await runProgram(["/usr/bin/env"], { directory: "/", pidFile, timeoutMs: 60_000 });
  assert.ok(ok);
  assert.match(new TextDecoder().decode(stdout), /^PATH=[^\n]+\n$/);
});

Deno.test("runProgram() kills the whole process group when the time runs out", async () => {
  const script = "sleep 1000 & echo $!; sleep 1000";
  const { ok, summary, stdout } = await runProgram(["/bin/sh", "-c", script], {
    directory: "/",
    pidFile,
    timeoutMs: 300,
  });
  assert.equal(ok, false);
  assert.match(summary, /^no end within 300 ms/);
  const state = await Deno.readTextFile(`/proc/${Number(new TextDecoder().decode(stdout))}/stat`).catch(() =>
    "gone"
  );
  // Killed: gone, or a zombie that nobody has collected yet.
  assert.match(state, /^gone$|\) Z /);
});

Deno.test("runProgram() keeps no more output than allowed, and reads on", async () => {
  const options = { directory: "/", pidFile, timeoutMs: 60_000, outputBytes: 1000 };
  const { ok, stdout, cut } = await runProgram(["/bin/sh", "-c", "head -c 10000000 /dev/zero"], options);
  assert.deepEqual([ok, stdout.length, cut], [true, 1000, true]);
});

Deno.test("runProgram() says only the first line of what a program said, escaped", async () => {
  const script = "printf 'bad \\033[31m line\\nroot:secret\\n' >&2; exit 3";
  const { summary } = await runProgram(["/bin/sh", "-c", script], {
    directory: "/",
    pidFile,
    timeoutMs: 60_000,
  });
  assert.equal(summary, "exit code 3: bad \\u001b[31m line");
});

Deno.test("runProgram() throws driver-program for what cannot be started", async () => {
  for (const program of ["/no/such/program", "/etc/passwd"]) {
    const isIt = (error: unknown) => error instanceof VnfchainError && error.code === "driver-program";
    await assert.rejects(runProgram([program], { directory: "/", pidFile, timeoutMs: 1000 }), isIt);
  }
});

Deno.test("endLeftover() ends a program that outlived its agent, and no other process with its number", async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file("pid");
  const running = runProgram(["/bin/sleep", "1000"], { directory: "/", pidFile: path, timeoutMs: 3_600_000 });
  const recorded = await Deno.readTextFile(path);
  const [pid, start] = recorded.split(" ");
  await Deno.writeTextFile(path, `${pid} ${Number(start) - 1}`);
  endLeftover(path);
  await Deno.stat(`/proc/${pid}`);
  await Deno.writeTextFile(path, recorded);
  endLeftover(path);
  assert.match((await running).summary, /SIGKILL/);
  endLeftover(path);
});

Deno.test("a first configuration that fails leaves no current generation", async () => {
  await using vnf = await testVnf({ drivers: copying(() => "") });
  await vnf.publish({ content: "badapply" });
  assert.equal(await vnf.once(), 1);
  await assert.rejects(Deno.lstat(`${vnf.stateDir}/current`), Deno.errors.NotFound);
  const { inForce, pending, errors } = await vnf.state();
  assert.deepEqual([inForce, pending], [null, null]);
  assert.ok(errors.some(({ code }) => code === "no-configuration"));
});

Deno.test("what comes again after a crash before the round was recorded is not applied twice", async () => {
  await using vnf = await testVnf({ drivers: copying(() => "") });
  await vnf.publish({ content: "1" });
  await vnf.publish({ content: "2" });
  assert.equal(await vnf.once(), 0);
  const store = await openState(vnf.stateDir, {
    genesisId: vnf.chain.federation.genesisId,
    self: vnf.key.publicKey,
  });
  await store.update({ feeds: [], position: null, header: null });
  assert.equal(await vnf.once(), 0);
  assert.deepEqual(await appliedIn(vnf.directory), [1]);
  assert.equal(await live(vnf.directory), "2");
  assert.equal((await vnf.state()).feeds[0]?.state?.count, 2);
});

Deno.test("an apply that a crash cut short is checked and done again at the next start", async () => {
  await using vnf = await testVnf({ drivers: copying(() => "") });
  await vnf.publish({ content: "1" });
  assert.equal(await vnf.once(), 0);
  await vnf.publish({ content: "2" });
  assert.equal(await vnf.once(), 0);
  const store = await openState(vnf.stateDir, {
    genesisId: vnf.chain.federation.genesisId,
    self: vnf.key.publicKey,
  });
  const { inForce } = store.current();
  assert.ok(inForce !== null);
  // As it was when the second was being applied.
  await store.update({
    inForce: { ...inForce, generation: 1 },
    pending: { purpose: "apply", configuration: inForce },
  });
  await Deno.writeTextFile(`${vnf.directory}/live`, "half");
  assert.equal(await vnf.once(), 0);
  assert.equal(await live(vnf.directory), "2");
  assert.deepEqual(await appliedIn(vnf.directory), [1, 2, 2]);
  assert.deepEqual(Object.values(await vnf.files()), ["2"]);
});
