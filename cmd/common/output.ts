/**
 * Everything that the program says to people: errors with their hint, tables, one JSON document for `--json`.
 * Text from outside (descriptions, names, details of nodes) is escaped, so that it cannot steer a terminal.
 *
 * @module
 */
import { AssertionError, EXIT, type ExitCode, VnfchainError } from "../../core/errors.ts";

/** Text with control characters shown as escapes. */
export function escaped(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** Writes a line to standard output; a reader that went away ends the process quietly. */
export function print(line: string): void {
  write(Deno.stdout, line);
}

/** Writes a line to standard error. */
export function note(line: string): void {
  write(Deno.stderr, line);
}

function write(to: { writeSync(bytes: Uint8Array): number }, line: string): void {
  const bytes = new TextEncoder().encode(`${line}\n`);
  try {
    for (let offset = 0; offset < bytes.length;) offset += to.writeSync(bytes.subarray(offset));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(EXIT.failed);
    throw error;
  }
}

/** Prints the one JSON document of `--json`. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Prints an error as `vnfchain: error: …` with its hint, and says which exit code it asks for. */
export function report(error: unknown): ExitCode {
  if (error instanceof VnfchainError) {
    note(`vnfchain: error: ${escaped(error.message)}`);
    if (error.hint !== "") note(`hint: ${escaped(error.hint)}`);
    return error.exitCode;
  }
  // Of two failures at once, the first: the other came when what was open was closed.
  if (error instanceof SuppressedError) return report(error.suppressed);
  const kind = error instanceof AssertionError ? "a bug was stopped" : "unexpected failure";
  note(`vnfchain: error: ${kind}: ${error instanceof Error ? error.stack ?? error.message : String(error)}`);
  return EXIT.failed;
}

/** Columns padded to their widest cell, two spaces apart. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => widths[i] = Math.max(widths[i] ?? 0, cell.length));
  return rows
    .map((row) => row.map((cell, i) => i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)).join("  "))
    .join("\n");
}
