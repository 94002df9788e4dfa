/**
 * What happens while a command waits for nodes: after a second a line of progress, where a person looks on, and
 * Ctrl-C, which ends the waiting and not what was sent.
 *
 * @module
 */
import { VnfchainError } from "../../core/errors.ts";
import { note } from "../common/output.ts";

/** A wait under way; ends on disposal. */
export interface Waiting extends Disposable {
  /** Aborted by SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}

const QUIET_MS = 1000;

/** Starts waiting; `what` is told when it takes long and standard error is a terminal. */
export function startWaiting(what: string): Waiting {
  const controller = new AbortController();
  const stop = () => controller.abort();
  const timer = Deno.stderr.isTerminal() ? setTimeout(() => note(`${what} …`), QUIET_MS) : undefined;
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      Deno.removeSignalListener("SIGINT", stop);
      Deno.removeSignalListener("SIGTERM", stop);
    },
  };
}

/** The error for a wait that a signal ended. */
export function interrupted(sent: string, hint: string): VnfchainError {
  return new VnfchainError(`interrupted: ${sent}`, { code: "interrupted", hint });
}
