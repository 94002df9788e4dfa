/**
 * Opens what `--chain` names: an archive, as `vnfchain node export` writes it, or a node's URL.
 *
 * @module
 */
import { EXIT, VnfchainError } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import { archiveSource } from "./archive_source.ts";
import type { ChainSource } from "./source.ts";
import { urlSource } from "./url_source.ts";

/**
 * Opens the chain, which must be of `federation`.
 *
 * @throws VnfchainError `chain-missing`, `chain-directory` or `usage`, all with exit code 2; while blocks are read,
 *   `no-node` with exit code 3.
 */
export async function openSource(chain: string, federation: Federation): Promise<ChainSource> {
  if (/^https?:\/\//i.test(chain)) return urlSource(nodeUrl(chain), federation);
  const found = await Deno.stat(chain).catch((cause: unknown) => {
    const hint = "name an archive or a node's URL with --chain";
    throw usage(`open chain: ${chain} cannot be read`, { code: "chain-missing", hint, cause });
  });
  if (found.isFile) return archiveSource(chain, { federation, sizeBytes: found.size });
  const hint = `write an archive first: vnfchain node export --dir ${chain} --out FILE`;
  throw usage(`open chain: ${chain} is no regular file`, { code: "chain-directory", hint });
}

function nodeUrl(text: string): URL {
  try {
    const url = new URL(text);
    // Relative paths are resolved against it: without the slash its last segment would be replaced.
    if (!url.pathname.endsWith("/")) url.pathname += "/";
    return url;
  } catch (cause) {
    throw usage(`open chain: ${text} is no URL`, {
      code: "usage",
      hint: "as in http://127.0.0.1:8000",
      cause,
    });
  }
}

function usage(message: string, options: { code: string; hint: string; cause?: unknown }): VnfchainError {
  return new VnfchainError(message, { ...options, exitCode: EXIT.usage });
}
