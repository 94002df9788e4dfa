/**
 * The three ways in which something goes wrong (design: errors):
 * remote input gets a {@link Verdict} and never throws; what the operator or the environment did wrong is a
 * {@link VnfchainError}; a bug hits {@link assert} and stops the process.
 *
 * @module
 */
import type { RefusalCode } from "./refusals.ts";

/** Process exit codes, as documented for scripts. */
export const EXIT = { done: 0, failed: 1, usage: 2, unreachable: 3, stale: 4 } as const;
/** One of the documented exit codes. */
export type ExitCode = typeof EXIT[keyof typeof EXIT];

/** Remote input that was refused: a stable code, and a text for people that names what is and what was wanted. */
export interface Refusal {
  readonly ok: false;
  readonly code: RefusalCode;
  readonly detail: string;
}

/** What came of judging remote input. */
export type Verdict<T> = { readonly ok: true; readonly value: T } | Refusal;

/** Accepts: wraps the value. */
export function accept<T>(value: T): Verdict<T> {
  return { ok: true, value };
}

/** Refuses with a stable code. */
export function refuse(code: RefusalCode, detail: string): Refusal {
  return { ok: false, code, detail };
}

/** An operator's or the environment's problem. One module prints it, with its hint, and exits with `exitCode`. */
export class VnfchainError extends Error {
  /** Stable, for scripts: lower case with hyphens. */
  readonly code: string;
  /** What to do about it; empty when there is nothing to say. */
  readonly hint: string;
  readonly exitCode: ExitCode;

  constructor(
    message: string,
    options: { code: string; hint?: string; exitCode?: ExitCode; cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.name = "VnfchainError";
    this.code = options.code;
    this.hint = options.hint ?? "";
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

/** A bug: an invariant of our own does not hold. Nothing catches it but the top of the process. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Stops the process on a bug: better no vote than a wrong one. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Ends a switch over a union: the compiler proves that it is never reached. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}
