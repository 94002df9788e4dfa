/**
 * The chain's end: before the first block, and after each one.
 *
 * @module
 */
import { type DecidedBlock, genesisParent } from "./block.ts";
import { parentOf } from "./block_rules.ts";
import type { CryptoPort } from "./crypto_port.ts";
import type { Federation } from "./federation.ts";
import type { Tip } from "./ports.ts";

/** The tip before the first block. */
export function genesisTip(federation: Federation): Tip {
  const { document: { time }, genesisId } = federation;
  return {
    parent: genesisParent({ genesisId, time }),
    header: null,
    certificate: null,
    signedBy: federation,
    federation,
    nextFederation: federation,
  };
}

/** A block that was judged on `before`, and the change of the federation that it decides, if any. */
export interface NextBlock {
  readonly before: Tip;
  readonly change: Federation | null;
  readonly crypto: CryptoPort;
}

/** The tip after a block: what it changes is in force two heights after its own. */
export function tipAfter(
  decided: { block: Pick<DecidedBlock["block"], "header">; certificate: DecidedBlock["certificate"] },
  { before, change, crypto }: NextBlock,
): Tip {
  return {
    parent: parentOf(decided, { crypto }),
    header: decided.block.header,
    certificate: decided.certificate,
    signedBy: before.federation,
    federation: before.nextFederation,
    nextFederation: change ?? before.nextFederation,
  };
}
