/**
 * The real program as a process: from the sources, or the compiled binary when `VNFCHAIN_BINARY` names one.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { concat } from "../../core/bytes.ts";

/** Argument list that starts the program, without its own arguments. */
export function programArgv(): readonly string[] {
  const binary = Deno.env.get("VNFCHAIN_BINARY");
  if (binary !== undefined) return [binary];
  const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
  return [Deno.execPath(), "run", "-A", "--quiet", main];
}

/** What a finished process left. */
export interface Finished {
  /** 128 and the signal's number when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The bytes behind `stdout`. */
  readonly output: Uint8Array;
}

/** How a command is run. */
export interface RunOptions {
  /** Words before the program's own, as `["ip", "netns", "exec", NAME]`. */
  readonly prefix?: readonly string[];
  /** What it reads; nothing when left out. */
  readonly stdin?: string | Uint8Array;
  /** Variables that differ from those of the tests. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the program to its end. */
export async function runProgram(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return await startProgram(args, options).finished;
}

/** Runs the program with `--json`, asserts that it succeeds, and gives its document. */
export async function runJson<T>(args: readonly string[], options: RunOptions = {}): Promise<T> {
  const { code, stdout, stderr } = await runProgram([...args, "--json"], options);
  assert.equal(code, 0, `vnfchain ${args.join(" ")}: exit code ${code}\n${stderr}`);
  return JSON.parse(stdout) as T;
}

/** A program that runs until it is ended. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  /** What it has printed so far, both streams. */
  readonly output: () => string;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves once the output has `text`; fails when the process ends first, or after `timeoutMs`. */
  readonly saw: (text: string, timeoutMs?: number) => Promise<void>;
  /** Resolves once it holds, whatever the program says meanwhile; fails after half a minute. */
  readonly until: (holds: () => boolean | Promise<boolean>) => Promise<void>;
  /** Sends a signal; one to a process that ended is lost. */
  readonly kill: (signal?: Deno.Signal) => void;
  /** The exit code, once all that it printed is there. */
  readonly ended: Promise<number>;
  /** Everything, once it has ended. */
  readonly finished: Promise<Finished>;
}

/** Starts the program; disposing kills it, and waits until it is gone. */
export function startProgram(args: readonly string[], options: RunOptions = {}): Running {
  const { prefix = [], ...others } = options;
  return startCommand([...prefix, ...programArgv(), ...args], others);
}

/** Starts whatever program, in the same way. */
export function startCommand(argv: readonly string[], options: Omit<RunOptions, "prefix"> = {}): Running {
  const child = spawn(argv, options);
  let output = "";
  let wake: () => void = () => {};
  const read = (stream: ReadableStream<Uint8Array>) =>
    openReader(stream, (text) => {
      output += text;
      wake();
    });
  const [stdout, stderr] = [read(child.stdout), read(child.stderr)];
  let isOver = false;
  const status = child.status.then(({ code }) => {
    isOver = true;
    wake();
    return code;
  });
  const finished = Promise.all([status, stdout.done, stderr.done]).then(([code]) => ({
    code,
    stdout: stdout.text(),
    stderr: stderr.text(),
    output: stdout.bytes(),
  }));

  async function saw(text: string, timeoutMs = 30_000): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    while (!output.includes(text)) {
      const leftMs = endMs - performance.now();
      assert(!isOver && leftMs > 0, `"${text}" did not come from ${argv.join(" ")}:\n${output}`);
      let timer: ReturnType<typeof setTimeout> | undefined;
      await new Promise<void>((resolve) => {
        wake = resolve;
        timer = setTimeout(resolve, leftMs);
      });
      clearTimeout(timer);
    }
  }

  async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let i = 0; i < 600; i++) {
      if (await holds()) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`it did not come to it; ${argv.join(" ")} said:\n${output}`);
  }

  function kill(signal: Deno.Signal = "SIGKILL"): void {
    if (isOver) return;
    try {
      child.kill(signal);
    } catch {
      // It has ended, and its status is on the way.
    }
  }

  return {
    pid: child.pid,
    output: () => output,
    stdout: stdout.text,
    stderr: stderr.text,
    saw,
    until,
    kill,
    ended: finished.then(({ code }) => code),
    finished,
    [Symbol.asyncDispose]: async () => {
      kill();
      await finished;
    },
  };
}

function spawn([program, ...args]: readonly string[], { stdin, env = {} }: RunOptions): Deno.ChildProcess {
  const child = new Deno.Command(program as string, {
    args,
    env,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin !== undefined) {
    const bytes = typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin;
    // A program that ends without reading all of it is judged by its exit code.
    new Blob([new Uint8Array(bytes)]).stream().pipeTo(child.stdin).catch(() => {});
  }
  return child;
}

/** What has come out of a stream so far. */
function openReader(stream: ReadableStream<Uint8Array>, onText: (text: string) => void) {
  const parts: Uint8Array[] = [];
  const decoder = new TextDecoder();
  let text = "";
  const done = (async () => {
    for await (const part of stream) {
      parts.push(part);
      const more = decoder.decode(part, { stream: true });
      text += more;
      onText(more);
    }
  })();
  return { done, text: () => text, bytes: () => concat(...parts) };
}
