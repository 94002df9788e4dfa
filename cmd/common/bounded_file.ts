/**
 * Files that a user names, read whole: bounded, since what is larger is some other file.
 *
 * @module
 */
import type { Bytes } from "../../core/bytes.ts";
import { EXIT, VnfchainError } from "../../core/errors.ts";

/** What a file must be, and what to say when it is not. */
export interface FileKind {
  /** In an error: "receipt". */
  readonly what: string;
  readonly maxBytes: number;
  readonly code: string;
  readonly hint: string;
}

/** Reads a file's bytes; nothing in them is verified. Throws the kind's code, exit code 2. */
export async function readBoundedFile(
  path: string,
  { what, maxBytes, code, hint }: FileKind,
): Promise<Bytes> {
  const problem = (detail: string, cause?: unknown) =>
    new VnfchainError(`read ${what}: ${path} ${detail}`, { code, hint, exitCode: EXIT.usage, cause });
  try {
    const { size, isFile } = await Deno.stat(path);
    if (isFile && size <= maxBytes) return await Deno.readFile(path);
  } catch (cause) {
    throw problem("cannot be read", cause);
  }
  throw problem(`is no file, or too large for a ${what}`);
}
