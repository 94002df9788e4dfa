/**
 * Private keys in files: created with mode 0600 and never over another file; read only when nobody else could have
 * read or written them. Refused: symlinks, files of another user, permissions for group or world.
 *
 * The file is opened once, without following a symlink, and all checks are made on what was opened: nothing can be
 * exchanged between check and reading.
 *
 * @module
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { utf8 } from "../../core/bytes.ts";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { type PrivateKey, privateKeyFromPem, privateKeyToPem } from "../../core/platform/private_key.ts";
import { writeDurably } from "./durable_file.ts";

/** How a key file is protected beyond its mode. */
export interface KeyFileOptions {
  /** Encrypts the file; without one the file is not encrypted. */
  readonly passphrase?: string;
}

/**
 * Writes a key to a new file, mode 0600, durable on return.
 *
 * @throws VnfchainError `key-exists` when the path is taken; `key-access` when the system refuses to write; and what
 *   {@link privateKeyToPem} throws.
 */
export async function createKeyFile(
  path: string,
  key: PrivateKey,
  options: KeyFileOptions = {},
): Promise<void> {
  const pem = utf8(privateKeyToPem(key, options));
  try {
    await writeDurably(path, pem, { mode: 0o600, createNew: true });
  } catch (error) {
    if (codeOf(error) === "EEXIST") {
      throw problem(`writing key file ${path}: the path is taken`, {
        code: "key-exists",
        hint: "choose another path; a key is never overwritten",
      });
    }
    throw systemProblem(`writing key file ${path}`, error);
  }
}

/**
 * Reads a key.
 *
 * @throws VnfchainError `key-missing`, `key-symlink`, `key-owner`, `key-exposed`, `key-access`; and what
 *   {@link privateKeyFromPem} throws, with the path before its message.
 */
export async function readKeyFile(path: string, options: KeyFileOptions = {}): Promise<PrivateKey> {
  await using stack = new AsyncDisposableStack();
  const file = await openKey(path);
  stack.defer(() => file.close());
  await refuseExposed(file, path);
  let text: string;
  try {
    text = await file.readFile({ encoding: "utf8" });
  } catch (error) {
    throw systemProblem(`reading key file ${path}`, error);
  }
  try {
    return privateKeyFromPem(text, options);
  } catch (error) {
    if (!(error instanceof VnfchainError)) throw error;
    throw problem(`key file ${path}: ${error.message}`, error);
  }
}

async function openKey(path: string): Promise<FileHandle> {
  try {
    // NONBLOCK: opening a FIFO would otherwise wait for a writer.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ENOENT") {
      throw problem(`reading key file ${path}: there is no such file`, {
        code: "key-missing",
        hint: "check the path",
      });
    }
    if (codeOf(error) === "ELOOP") {
      throw problem(`reading key file ${path}: it is a symlink`, {
        code: "key-symlink",
        hint: "name the file itself",
      });
    }
    throw systemProblem(`reading key file ${path}`, error);
  }
}

async function refuseExposed(file: FileHandle, path: string): Promise<void> {
  const found = await file.stat();
  const action = `reading key file ${path}`;
  if (!found.isFile()) {
    throw problem(`${action}: it is no regular file`, { code: "key-unreadable", hint: "check the path" });
  }
  const user = Deno.uid();
  if (user !== null && found.uid !== user) {
    throw problem(`${action}: it belongs to user ${found.uid}, wanted ${user}`, {
      code: "key-owner",
      hint: `chown ${user} ${path}`,
    });
  }
  const permissions = found.mode & 0o777;
  if ((permissions & 0o077) !== 0) {
    throw problem(`${action}: its mode is ${octal(permissions)}, so others have access; wanted 0600`, {
      code: "key-exposed",
      hint: `chmod 600 ${path}; if others may have read it, make a new key`,
    });
  }
  if (found.size > LIMITS.keyFileBytes) {
    throw problem(`${action}: it has ${found.size} bytes, wanted at most ${LIMITS.keyFileBytes}`, {
      code: "key-unreadable",
      hint: "check the path",
    });
  }
}

function octal(permissions: number): string {
  return permissions.toString(8).padStart(4, "0");
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}

function problem(message: string, { code, hint }: { code: string; hint: string }): VnfchainError {
  return new VnfchainError(message, { code, hint, exitCode: EXIT.usage });
}

function systemProblem(action: string, cause: unknown): VnfchainError {
  return new VnfchainError(`${action}: the system refuses: ${codeOf(cause) ?? String(cause)}`, {
    code: "key-access",
    hint: "check that the directory exists, is writable where a key is created, and has space",
    exitCode: EXIT.usage,
    cause,
  });
}
