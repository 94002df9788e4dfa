/**
 * What a tenant command works with: the key, the pinned federation, the nodes. Opened once, before anything is sent,
 * so that whatever is missing is found first.
 *
 * @module
 */
import type { PublicKey } from "../../core/brands.ts";
import type { Federation } from "../../core/federation.ts";
import type { PrivateKey } from "../../core/platform/private_key.ts";
import { type FederationTrust, openTrust } from "../common/federation_trust.ts";
import { readFederationFile } from "../common/federation_file.ts";
import { readKeyFile } from "../common/key_file.ts";
import { usageError } from "../common/program.ts";
import type { AccessOptions } from "./options.ts";
import { type Profile, readProfile } from "./profile.ts";
import { readSecretFile } from "../common/secret_file.ts";

/** A tenant before a chain. */
export interface TenantContext {
  readonly key: PrivateKey;
  /** The document that was given. */
  readonly federation: Federation;
  /** The newest that nodes have proved. */
  readonly trust: FederationTrust;
  /** At least one; without a final slash. */
  readonly nodes: readonly string[];
  readonly token: string | undefined;
  /** Milliseconds that a certified header may be behind this machine's clock. */
  readonly maxStalenessMs: number;
  /** Recipients named in the profile. */
  readonly recipients: readonly PublicKey[];
}

/** Opens it; flags win over the profile. Throws `usage` naming both ways when something is missing. */
export async function openContext(options: AccessOptions): Promise<TenantContext> {
  const profile = await readProfile(options.profile);
  const keyPath = required(options.key ?? profile.key, { name: "key", profile });
  const federationPath = required(options.federation ?? profile.federation, { name: "federation", profile });
  const nodes = options.nodes ?? profile.nodes;
  if (nodes.length === 0) throw missing("nodes", profile);
  const tokenPath = options.tokenFile ?? profile.tokenFile;
  const token = tokenPath === undefined ? undefined : await readSecretFile(tokenPath);
  const passphrasePath = options.passphraseFile ?? profile.passphraseFile;
  const secret = passphrasePath === undefined ? {} : { passphrase: await readSecretFile(passphrasePath) };
  const federation = await readFederationFile(federationPath);
  return {
    key: await readKeyFile(keyPath, secret),
    federation,
    trust: openTrust(federation),
    nodes,
    token,
    maxStalenessMs: options.maxStaleness,
    recipients: profile.recipients,
  };
}

function required(value: string | undefined, from: { name: string; profile: Profile }): string {
  if (value === undefined) throw missing(from.name, from.profile);
  return value;
}

function missing(name: string, { path }: Profile) {
  return usageError(`--${name} is missing`, `give --${name}, or set ${name} in the profile ${path}`);
}
