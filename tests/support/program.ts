/**
 * The real program as a process: from the sources, or the compiled binary when `VNFCHAIN_BINARY` names one.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

/** Argument list that starts the program, without its own arguments. */
export function programArgv(): readonly string[] {
  const binary = Deno.env.get("VNFCHAIN_BINARY");
  if (binary !== undefined) return [binary];
  const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
  return [Deno.execPath(), "run", "-A", "--quiet", main];
}

/** What a finished process left. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a command is run. */
export interface RunOptions {
  /** Words before the program's own, as `["ip", "netns", "exec", NAME]`. */
  readonly prefix?: readonly string[];
  readonly stdin?: string;
}

/** Runs the program to its end. */
export async function runProgram(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const argv = [...(options.prefix ?? []), ...programArgv(), ...args];
  const child = new Deno.Command(argv[0] as string, {
    args: argv.slice(1),
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (options.stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(options.stdin));
    await writer.close();
  }
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
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
  /** Resolves once the output has `text`; fails when the process ends first, or after `timeoutMs`. */
  readonly saw: (text: string, timeoutMs?: number) => Promise<void>;
  readonly kill: (signal?: Deno.Signal) => void;
  /** The exit code. */
  readonly ended: Promise<number>;
}

/** Starts the program; disposing kills it, and waits until it is gone. */
export function startProgram(args: readonly string[], options: Omit<RunOptions, "stdin"> = {}): Running {
  return startCommand([...(options.prefix ?? []), ...programArgv(), ...args]);
}

/** Starts any command that runs until it is ended; disposing kills it, and waits until it is gone. */
export function startCommand(argv: readonly string[]): Running {
  const child = new Deno.Command(argv[0] as string, {
    args: argv.slice(1),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let output = "";
  let wake: () => void = () => {};
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (
      const part of stream.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
    ) {
      output += part;
      wake();
    }
  };
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  let isOver = false;
  const ended = child.status.then(({ code }) => {
    isOver = true;
    wake();
    return code;
  });

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

  function kill(signal: Deno.Signal = "SIGKILL"): void {
    if (!isOver) child.kill(signal);
  }

  return {
    pid: child.pid,
    output: () => output,
    saw,
    kill,
    ended,
    [Symbol.asyncDispose]: async () => {
      kill();
      await ended;
      await reading;
    },
  };
}
