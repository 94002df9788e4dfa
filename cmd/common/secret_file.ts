/**
 * Secrets of one line, a passphrase or a token, in files: a secret in an argument or in the environment would be
 * shown to whoever lists the processes. Refused: files that others may read, as with keys, and more than a line.
 *
 * @module
 */
import { open } from "node:fs/promises";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";

/** Reads the secret; throws `secret-file` when it cannot be read, is empty, has several lines, or others may read it. */
export async function readSecretFile(path: string): Promise<string> {
  const text = await readBounded(path);
  const secret = text.replace(/\r?\n$/, "");
  if (secret === "" || /[\r\n]/.test(secret)) {
    throw problem(`${path}: it has no line, or several; wanted one`, "write the secret alone into the file");
  }
  return secret;
}

async function readBounded(path: string): Promise<string> {
  try {
    await using file = await open(path, "r");
    const { mode, size } = await file.stat();
    if ((mode & 0o077) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, "0");
      throw problem(`${path}: its mode is ${shown}, so others have access; wanted 0600`, `chmod 600 ${path}`);
    }
    if (size > LIMITS.keyFileBytes) throw problem(`${path}: it has ${size} bytes`, "check the path");
    return await file.readFile({ encoding: "utf8" });
  } catch (cause) {
    if (cause instanceof VnfchainError) throw cause;
    throw problem(`${path}: it cannot be read`, "check the path", cause);
  }
}

function problem(message: string, hint: string, cause?: unknown): VnfchainError {
  return new VnfchainError(`reading secret file ${message}`, {
    code: "secret-file",
    hint,
    exitCode: EXIT.usage,
    cause,
  });
}
