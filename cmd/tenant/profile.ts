/**
 * The tenant's profile, a TOML file that saves typing: `key`, `nodes`, `federation`, and optionally `token_file`,
 * `passphrase_file` and `recipients`, whose feeds `list` shows. Flags win over it. Paths in it are relative to its own
 * directory. A key that it does not know is refused.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path";
import type { PublicKey } from "../../core/brands.ts";
import { publicKeyFromText } from "../../core/keys.ts";
import { LIMITS } from "../../core/limits.ts";
import { readTomlFile, type TomlTable } from "../common/toml_file.ts";
import { nodeFrom } from "./arguments.ts";

/** What a profile says; all of it may be left out. */
export interface Profile {
  /** Where it was read, or would have been. */
  readonly path: string;
  readonly key: string | undefined;
  readonly nodes: readonly string[];
  readonly federation: string | undefined;
  readonly tokenFile: string | undefined;
  readonly passphraseFile: string | undefined;
  readonly recipients: readonly PublicKey[];
}

const KEYS = ["key", "nodes", "federation", "token_file", "passphrase_file", "recipients"];

/** Reads a profile. Only one that was named must be there. Throws `config-missing` or `config-invalid`. */
export async function readProfile(named: string | undefined): Promise<Profile> {
  const path = named ?? join(Deno.env.get("HOME") ?? "", ".config", "vnfchain", "tenant.toml");
  return profileFrom(await readTomlFile(path, { keys: KEYS, optional: named === undefined }), path);
}

function profileFrom(table: TomlTable, path: string): Profile {
  const file = (key: string) => {
    const value = table.text(key);
    return value === undefined ? undefined : resolve(dirname(path), value);
  };
  return {
    path,
    key: file("key"),
    nodes: (table.texts("nodes") ?? []).map((text) => {
      const node = nodeFrom(text);
      if (node === undefined) throw table.wrong("nodes", "a list of addresses, http://HOST:PORT");
      return node;
    }),
    federation: file("federation"),
    tokenFile: file("token_file"),
    passphraseFile: file("passphrase_file"),
    recipients: recipientsFrom(table),
  };
}

/** One poll asks for all their feeds, and for the templates. */
const RECIPIENTS_MAX = LIMITS.pollFeeds - 1;

function recipientsFrom(table: TomlTable): readonly PublicKey[] {
  const texts = table.texts("recipients") ?? [];
  const keys = texts.flatMap((text) => publicKeyFromText(text) ?? []);
  if (keys.length === texts.length && keys.length <= RECIPIENTS_MAX) return keys;
  throw table.wrong("recipients", `a list of at most ${RECIPIENTS_MAX} public keys, vc1…`);
}
