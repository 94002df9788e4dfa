/**
 * Signals of the long-running subcommands: SIGINT and SIGTERM end them between two steps, SIGHUP wakes them.
 *
 * SIGUSR1 makes Deno open a debugger port on loopback, and a handler of our own does not keep it from that: the port
 * opens some milliseconds after the handler ran. So the handler closes it as soon as it is there, and goes on looking
 * for a while in case the runtime was slow. SIGUSR2 would end the process; it is taken and ignored.
 *
 * @module
 */
import { close, url } from "node:inspector";

/** What the signals do. */
export interface SignalOptions {
  /** On SIGINT and SIGTERM. */
  readonly onEnd: () => void;
  /** On SIGHUP. */
  readonly onWake: () => void;
}

/** How often and how long a debugger port is looked for after SIGUSR1. */
const LOOK_MS = 2;
const LOOK_FOR_MS = 30_000;

/** Installs the handlers; they are removed on disposal. */
export function handleSignals({ onEnd, onWake }: SignalOptions): Disposable {
  const debuggerPort = new DebuggerPort();
  const handlers: readonly (readonly [Deno.Signal, () => void])[] = [
    ["SIGINT", onEnd],
    ["SIGTERM", onEnd],
    ["SIGHUP", onWake],
    ["SIGUSR1", () => debuggerPort.keepClosed()],
    ["SIGUSR2", () => {}],
  ];
  for (const [signal, handler] of handlers) Deno.addSignalListener(signal, handler);
  return {
    [Symbol.dispose]() {
      for (const [signal, handler] of handlers) Deno.removeSignalListener(signal, handler);
      debuggerPort[Symbol.dispose]();
    },
  };
}

/** Looks for the runtime's debugger port for a while, and closes it. */
class DebuggerPort implements Disposable {
  #timer: ReturnType<typeof setInterval> | undefined;

  keepClosed(): void {
    const endMs = performance.now() + LOOK_FOR_MS;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      if (url() !== undefined) close();
      if (performance.now() > endMs) clearInterval(this.#timer);
    }, LOOK_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
