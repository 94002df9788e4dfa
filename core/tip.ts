/**
 * The chain's end: before the first block, and after each one.
 *
 * @module
 */
import { type DecidedBlock, genesisParent } from "./block.ts";
import { parentOf } from "./block_rules.ts";
import type { Federation } from "./federation.ts";
import type { CryptoPort, Tip } from "./ports.ts";

/** The tip before the first block. */
export function genesisTip(federation: Federation): Tip {
  const { document: { time }, genesisId } = federation;
  return { parent: genesisParent({ genesisId, time }), header: null, certificate: null, federation };
}

/** The tip after a block. */
export function tipAfter(
  decided: { block: Pick<DecidedBlock["block"], "header">; certificate: DecidedBlock["certificate"] },
  { federation, crypto }: { federation: Federation; crypto: CryptoPort },
): Tip {
  const { block: { header }, certificate } = decided;
  return { parent: parentOf(decided, { crypto }), header, certificate, federation };
}
