/**
 * Runs a driver's program: an argv list without a shell, PATH as its only environment variable, a process group of its
 * own that is killed whole when the time runs out, and a bound on what is kept of its output. A program that outlives
 * the agent is ended before the next one starts: two of them at once could mix two generations.
 *
 * A program that cannot be started is the operator's to mend (`driver-program`); how one ends is a result.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { type Bytes, concat } from "../../core/bytes.ts";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { escaped } from "../common/output.ts";
import type { Argv } from "./config.ts";

/** How a program is run. */
export interface ProgramOptions {
  /** Working directory. */
  readonly directory: string;
  readonly timeoutMs: number;
  /** Where the running program is recorded, so that {@link endLeftover} finds it after a crash. */
  readonly pidFile: string;
  /** What is kept of standard output; {@link LIMITS.driverOutputBytes} when left out. */
  readonly outputBytes?: number;
}

/** How a program ended. */
export interface ProgramResult {
  /** Ended by itself with exit code 0. */
  readonly ok: boolean;
  /** In words: exit code, signal or time-out, with the first line it said, escaped and cut. */
  readonly summary: string;
  readonly stdout: Bytes;
  /** More came than is kept. */
  readonly cut: boolean;
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** How long the output of a program that ended stays open: a daemon it started may hold it for ever. */
const LINGER_MS = 1000;

/** Runs a program to its end. Throws {@link VnfchainError} `driver-program` when it cannot be started. */
export async function runProgram(argv: Argv, options: ProgramOptions): Promise<ProgramResult> {
  const [program, ...rest] = argv as readonly [string, ...string[]];
  const child = spawn(program, rest, {
    cwd: options.directory,
    env: { PATH },
    // A session of its own: so that the whole process group can be killed, and no terminal's signal reaches it.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (child.pid !== undefined) recordOrEnd(options.pidFile, child.pid);
  const stdout = new Kept(options.outputBytes ?? LIMITS.driverOutputBytes);
  const stderr = new Kept(LIMITS.driverOutputBytes);
  child.stdout.on("data", (part: Uint8Array) => stdout.add(part));
  child.stderr.on("data", (part: Uint8Array) => stderr.add(part));
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    if (child.pid !== undefined) killGroup(child.pid);
  }, options.timeoutMs);
  let linger: ReturnType<typeof setTimeout> | undefined;
  const ended = Promise.withResolvers<string>();
  child.on("error", (error) => ended.reject(notStarted(program, error)));
  child.on("exit", () => {
    linger = setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, LINGER_MS);
  });
  child.on(
    "close",
    (code, signal) => ended.resolve(signal === null ? `exit code ${code}` : `killed by ${signal}`),
  );
  try {
    const how = await ended.promise;
    const end = late ? `no end within ${options.timeoutMs} ms` : how;
    const ok = !late && how === "exit code 0";
    const words = ok ? "" : stderr.firstLine() || stdout.firstLine();
    return {
      ok,
      summary: words === "" ? end : `${end}: ${words}`,
      stdout: stdout.bytes(),
      cut: stdout.cut,
    };
  } finally {
    clearTimeout(timer);
    clearTimeout(linger);
    rmSync(options.pidFile, { force: true });
  }
}

/** Ends a program that an agent left behind when it was killed; does nothing when there is none. */
export function endLeftover(pidFile: string): void {
  const recorded = textOf(pidFile);
  const pid = Number(recorded.split(" ")[0]);
  // Same number and same start: no other process that got the number since.
  if (recorded !== "" && recorded === identityOf(pid)) killGroup(pid);
  rmSync(pidFile, { force: true });
}

/** A program that is not recorded must not run on: after a crash nobody would find it. */
function recordOrEnd(pidFile: string, pid: number): void {
  try {
    writeFileSync(pidFile, identityOf(pid), { mode: 0o600 });
  } catch (error) {
    killGroup(pid);
    throw error;
  }
}

/** A process's number and when it started, in ticks since boot (proc(5), field 22 of stat); empty when unknown. */
function identityOf(pid: number): string {
  const afterName = textOf(`/proc/${pid}/stat`).split(") ").at(-1) ?? "";
  const start = afterName.split(" ")[19];
  return start === undefined ? "" : `${pid} ${start}`;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It ended in the same moment.
  }
}

function notStarted(program: string, cause: Error): VnfchainError {
  const reason = (cause as { code?: string }).code ?? cause.message;
  return new VnfchainError(`driver: ${program} cannot be started: ${reason}`, {
    code: "driver-program",
    hint: "check the program's path and mode in the [[driver]] of the agent's configuration",
    exitCode: EXIT.usage,
    cause,
  });
}

/** The first bytes of a stream. */
class Kept {
  readonly #parts: Uint8Array[] = [];
  readonly #max: number;
  #length = 0;
  cut = false;

  constructor(max: number) {
    this.#max = max;
  }

  add(part: Uint8Array): void {
    const kept = part.subarray(0, this.#max - this.#length);
    this.cut ||= kept.length < part.length;
    if (kept.length === 0) return;
    this.#parts.push(kept);
    this.#length += kept.length;
  }

  bytes(): Bytes {
    return concat(...this.#parts);
  }

  /** Only the first line: what follows often quotes the file that the program was given. */
  firstLine(): string {
    const [line = ""] = new TextDecoder().decode(this.bytes().subarray(0, 4096)).trimStart().split("\n");
    return escaped(line.trimEnd().slice(0, LIMITS.driverDetailChars).toWellFormed());
  }
}
