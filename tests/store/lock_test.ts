/**
 * The lock of a data directory, within a process and between processes.
 *
 * @module
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { dataDirectory } from "../../store/directory.ts";
import { lockDirectory } from "../../store/lock.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

const LOCKED = { name: "VnfchainError", code: "directory-locked" };

Deno.test("lockDirectory() refuses a second holder until the first lets go", async () => {
  await using directory = await temporaryDirectory();
  const { lock } = dataDirectory(directory.path);
  {
    using _held = await lockDirectory(lock);
    await assert.rejects(lockDirectory(lock), LOCKED);
  }
  using _again = await lockDirectory(lock);
});

Deno.test("lockDirectory() holds against another process, and a killed process lets go", async () => {
  await using directory = await temporaryDirectory();
  const { lock } = dataDirectory(directory.path);
  const program = `import { lockDirectory } from ${
    JSON.stringify(new URL("../../store/lock.ts", import.meta.url).href)
  };
    await lockDirectory(${JSON.stringify(lock)});
    console.log("locked");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["eval", program], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(child.stdout, "data");
  assert.equal(String(line), "locked\n");
  await assert.rejects(lockDirectory(lock), LOCKED);
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
  using _ours = await lockDirectory(lock);
});

Deno.test("lockDirectory() says when the directory is missing", async () => {
  const code = "directory-unusable";
  await assert.rejects(lockDirectory("/nowhere/at/all/lock"), { name: "VnfchainError", code });
});
