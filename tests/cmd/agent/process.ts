/** The real agent as a process of its own. */
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../../main.ts", import.meta.url));

/** A running agent. */
export interface AgentProcess extends AsyncDisposable {
  readonly pid: number;
  /** Sends a signal; one to a process that ended is lost. */
  readonly signal: (signal: Deno.Signal) => void;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** What it has written so far. */
  readonly output: () => { stdout: string; stderr: string };
}

/** Starts `vnfchain agent` with arguments. */
export function startAgent(...args: readonly string[]): AgentProcess {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--unstable-kv", MAIN, "agent", ...args],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const collected = { stdout: "", stderr: "" };
  const collect = async (name: "stdout" | "stderr") => {
    for await (const text of child[name].pipeThrough(new TextDecoderStream())) collected[name] += text;
  };
  const reading = Promise.all([collect("stdout"), collect("stderr")]);
  const ended = child.status.then(async ({ code, signal }) => {
    await reading;
    return signal ?? code;
  });
  const signal = (name: Deno.Signal) => {
    try {
      child.kill(name);
    } catch {
      // It has ended.
    }
  };
  return {
    pid: child.pid,
    signal,
    ended,
    output: () => ({ ...collected }),
    [Symbol.asyncDispose]: async () => {
      signal("SIGKILL");
      await ended;
    },
  };
}

/** Waits for something that must come; fails with what the agent said when it does not. */
export async function eventually(
  agent: AgentProcess,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`it did not come to it; the agent said:\n${agent.output().stderr}`);
}
