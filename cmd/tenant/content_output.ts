/**
 * Content and receipts on their way out: to a file, durably, or to standard output, where on a terminal nothing of it
 * can steer that terminal.
 *
 * @module
 */
import { dirname } from "node:path";
import type { Bytes } from "../../core/bytes.ts";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import { writeDurably } from "../common/durable_file.ts";
import { escaped, print } from "../common/output.ts";

/** Refuses a path whose directory is not there, before anything irrevocable is done. Throws `output`, exit code 2. */
export async function checkOutputPath(path: string | undefined): Promise<void> {
  if (path === undefined) return;
  const directory = await Deno.stat(dirname(path)).catch(() => undefined);
  const taken = await Deno.stat(path).catch(() => undefined);
  if (directory?.isDirectory === true && taken?.isDirectory !== true) return;
  throw new VnfchainError(`write ${path}: it is no path for a file`, {
    code: "output",
    hint: "name a file in a directory that is there",
    exitCode: EXIT.usage,
  });
}

/** Writes a file durably, over whatever is there; `done` says in the error what has happened nevertheless. */
export async function writeOutput(
  path: string,
  bytes: Uint8Array,
  { mode, done }: { mode: number; done: string },
): Promise<void> {
  try {
    await writeDurably(path, bytes, { mode });
  } catch (cause) {
    throw new VnfchainError(`write ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      code: "output",
      hint: done,
      cause,
    });
  }
}

/** The text that bytes are, when they are text to be read: UTF-8 without NUL. */
export function textOf(bytes: Bytes): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}

/** A text for a terminal: its lines and tabs stay, all other control characters are shown as escapes. */
export function displayed(text: string): string {
  return text.split(/\r?\n/).map((line) => line.split("\t").map(escaped).join("\t")).join("\n");
}

/** Prints content: as it is into a pipe or a file, shown safely on a terminal. */
export function printContent(bytes: Bytes): void {
  if (!Deno.stdout.isTerminal()) return writeAll(bytes);
  const text = textOf(bytes);
  print(
    text === undefined ? `binary, ${bytes.length} bytes: write it to a file with --out` : displayed(text),
  );
}

function writeAll(bytes: Bytes): void {
  try {
    for (let offset = 0; offset < bytes.length;) offset += Deno.stdout.writeSync(bytes.subarray(offset));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(EXIT.failed);
    throw error;
  }
}
