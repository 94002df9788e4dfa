/**
 * Where an audit takes a chain from: an archive, as `vnfchain node export` writes it, or a node's URL. Nothing that a
 * source gives is trusted.
 *
 * @module
 */
import type { RawBlock } from "../../core/block.ts";
import { equal, toHex } from "../../core/bytes.ts";
import { EXIT, type Refusal, refuse, type Verdict, VnfchainError } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import { archiveSource } from "./archive_source.ts";
import { urlSource } from "./url_source.ts";

/** A chain as it comes. */
export interface ChainSource {
  /** Blocks from height 1, not judged; ends where the source does, or with a refusal. Read once. */
  readonly blocks: () => AsyncIterable<Verdict<RawBlock>>;
  /** How much was read, from 0 to 1; null when that is not known. */
  readonly share: () => number | null;
  /** The height that the source says it has; null when it says none. Known once the first block was asked for. */
  readonly promisedHeight: () => number | null;
}

/**
 * Opens what `--chain` names; it must be of `federation`.
 *
 * @throws VnfchainError `chain-missing` or `chain-directory`, and, while blocks are read, `no-node`.
 */
export async function openSource(chain: string, federation: Federation): Promise<ChainSource> {
  if (/^https?:\/\//i.test(chain)) return urlSource(nodeUrl(chain), federation);
  const found = await Deno.stat(chain).catch((cause: unknown) => {
    throw usage(`open chain: ${chain} cannot be read`, {
      code: "chain-missing",
      hint: "name an archive or a node's URL with --chain",
      cause,
    });
  });
  if (found.isFile) return archiveSource(chain, { federation, sizeBytes: found.size });
  throw usage(`open chain: ${chain} is no regular file`, {
    code: "chain-directory",
    hint: `write an archive first: vnfchain node export --dir ${chain} --out FILE`,
  });
}

/** The refusal of a source whose first federation document is not the one given; `undefined` when it is. */
export function checkSameFederation(found: Federation, wanted: Federation): Refusal | undefined {
  if (equal(found.hash, wanted.hash)) return undefined;
  const ids = `genesis id ${toHex(found.genesisId)}, wanted ${toHex(wanted.genesisId)}`;
  return refuse("block-link", `the chain is of another federation document: ${ids}`);
}

function nodeUrl(text: string): URL {
  try {
    const url = new URL(text);
    // Relative paths are resolved against it: without the slash its last segment would be replaced.
    if (!url.pathname.endsWith("/")) url.pathname += "/";
    return url;
  } catch (cause) {
    throw usage(`open chain: ${text} is no URL`, { code: "usage", hint: "as in http://127.0.0.1:8000", cause });
  }
}

function usage(message: string, options: { code: string; hint: string; cause?: unknown }): VnfchainError {
  return new VnfchainError(message, { ...options, exitCode: EXIT.usage });
}
