/**
 * The federation that an agent trusts, over restarts: the pinned document, or the newest that it has followed to, kept
 * in `federation.cbor` in the state directory. A file that is missing or cannot be used costs the way from the pinned
 * document once more, and nothing else.
 *
 * @module
 */
import { join } from "node:path";
import { equal } from "../../core/bytes.ts";
import { decodeFederation, encodeFederation, type Federation } from "../../core/federation.ts";
import { LIMITS } from "../../core/limits.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { writeDurably } from "../common/durable_file.ts";
import { type FederationTrust, openTrust } from "../common/federation_trust.ts";
import type { Log } from "../common/log.ts";

/** Opens it with the later of the two documents. */
export async function openAgentTrust(
  stateDir: string,
  { pinned, log }: { readonly pinned: Federation; readonly log: Log },
): Promise<FederationTrust> {
  const path = join(stateDir, "federation.cbor");
  const kept = await readKept(path);
  const isLater = kept !== undefined && equal(kept.genesisId, pinned.genesisId) &&
    kept.document.sequence > pinned.document.sequence;
  return openTrust(isLater ? kept : pinned, {
    onLearned: async ({ federation }) => {
      await writeDurably(path, encodeFederation(federation.document), { mode: 0o600 });
      const { sequence, members } = federation.document;
      log.info("the federation has changed", { sequence, members: members.length });
    },
  });
}

async function readKept(path: string): Promise<Federation | undefined> {
  try {
    if ((await Deno.stat(path)).size > LIMITS.federationBytes) return undefined;
    const decoded = decodeFederation(platformCrypto.hash, await Deno.readFile(path));
    return decoded.ok ? decoded.value : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
