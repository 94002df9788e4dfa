/** Archives for tests, in memory. */
import { archiveItem, encodeArchiveHeader, encodeRawBlock } from "../../core/archive.ts";
import type { RawBlock } from "../../core/block.ts";
import { type Bytes, concat } from "../../core/bytes.ts";
import type { Federation } from "../../core/federation.ts";

/** A chain as `vnfchain node export` writes it; blocks in the order given, whether they follow each other or not. */
export function archiveOf(
  federation: Federation,
  blocks: readonly RawBlock[],
  evidence: readonly Bytes[] = [],
): Bytes {
  return concat(
    archiveItem(encodeArchiveHeader(federation, evidence)),
    ...blocks.map((block) => archiveItem(encodeRawBlock(block))),
  );
}
