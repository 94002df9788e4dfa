/**
 * Where an audit takes a chain from, whatever it is. Nothing that a source gives is trusted.
 *
 * @module
 */
import type { RawBlock } from "../../core/block.ts";
import { type Bytes, equal, toHex } from "../../core/bytes.ts";
import { type Refusal, refuse, type Verdict } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";

/** A chain as it comes. */
export interface ChainSource {
  /** Blocks from height 1, not judged; ends where the source does, or with a refusal. Read once. */
  readonly blocks: () => AsyncIterable<Verdict<RawBlock>>;
  /** How much was read, from 0 to 1; null when that is not known. */
  readonly share: () => number | null;
  /** The height that the source says it has; null when it says none. Known once the first block was asked for. */
  readonly promisedHeight: () => number | null;
  /** Evidence that came with the chain, encoded, not judged. Known once the first block was asked for. */
  readonly evidence: () => readonly Bytes[];
}

/** The refusal of a source whose first federation document is not the one given; `undefined` when it is. */
export function checkSameFederation(found: Federation, wanted: Federation): Refusal | undefined {
  if (equal(found.hash, wanted.hash)) return undefined;
  const ids = `genesis id ${toHex(found.genesisId)}, wanted ${toHex(wanted.genesisId)}`;
  return refuse("block-link", `the chain is of another federation document: ${ids}`);
}
