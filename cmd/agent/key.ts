/**
 * The VNF's own key: `key.pem` in the state directory, made at the first start, mode 0600, never overwritten. Its
 * public part is shown on the console between fixed lines, where a tenant's script finds it in the platform's log.
 *
 * @module
 */
import { join } from "node:path";
import type { PublicKey } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import { publicKeyToText } from "../../core/keys.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { generatePrivateKey, type PrivateKey } from "../../core/platform/private_key.ts";
import { createKeyFile, readKeyFile } from "../common/key_file.ts";
import { lockStateDirectory } from "./lock.ts";
import { readState } from "./state_store.ts";

/** Reads the key, or makes it; the state directory is there and locked. */
export async function ensureKey(stateDir: string): Promise<PrivateKey> {
  const path = keyPath(stateDir);
  try {
    return await readKeyFile(path);
  } catch (error) {
    if (!(error instanceof VnfchainError && error.code === "key-missing")) throw error;
  }
  await refuseLost(stateDir);
  const key = generatePrivateKey();
  // A crash here means that no key was shown yet: the next start makes another one.
  await createKeyFile(path, key);
  return key;
}

/** Reads the key, also beside a running agent; makes it only where none is running. */
export async function readOrMakeKey(stateDir: string): Promise<PrivateKey> {
  try {
    return await readKeyFile(keyPath(stateDir));
  } catch (error) {
    if (!(error instanceof VnfchainError && error.code === "key-missing")) throw error;
  }
  using _lock = await lockStateDirectory(stateDir);
  return await ensureKey(stateDir);
}

/** A state without the key that it belongs to: a new key would be shown as this VNF's, and then not be taken. */
async function refuseLost(stateDir: string): Promise<void> {
  if (await readState(stateDir) === null) return;
  throw new VnfchainError(`key ${keyPath(stateDir)}: missing, but there is a state that belongs to one`, {
    code: "key-missing",
    hint: "restore it from a copy, or make this VNF anew with an empty state_dir",
    exitCode: EXIT.usage,
  });
}

function keyPath(stateDir: string): string {
  return join(stateDir, "key.pem");
}

/** SHA-256 of the key in groups of four hexadecimal digits, to be compared by eye. */
export function fingerprint(key: PublicKey): string {
  return toHex(platformCrypto.hash(key)).replace(/(.{4})(?!$)/g, "$1 ");
}

/** What stands on the console at every start. */
export function publicKeyNotice(key: PublicKey): string {
  return [
    "-----BEGIN VNFCHAIN PUBLIC KEY-----",
    publicKeyToText(key),
    `fingerprint: ${fingerprint(key)}`,
    "-----END VNFCHAIN PUBLIC KEY-----",
  ].join("\n");
}
