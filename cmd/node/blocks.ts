/**
 * Reading runs of blocks, for members and clients that catch up.
 *
 * @module
 */
import { encodeRawBlock } from "../../core/archive.ts";
import { asHeight, type Height } from "../../core/brands.ts";
import type { Bytes } from "../../core/bytes.ts";
import { LIMITS } from "../../core/limits.ts";
import type { ChainReader } from "../../core/ports.ts";

/** Encoded decided blocks from a height on, within {@link LIMITS.catchUpBytes}; at least one where there is one. */
export async function readBlocks(
  chain: Pick<ChainReader, "block">,
  { from, limit }: { from: Height; limit: number },
): Promise<readonly Bytes[]> {
  const blocks: Bytes[] = [];
  let bytes = 0;
  for (let i = 0; i < Math.min(limit, LIMITS.catchUpBlocks) && bytes < LIMITS.catchUpBytes; i++) {
    const block = await chain.block(asHeight(from + i));
    if (block === null) break;
    const encoded = encodeRawBlock(block);
    blocks.push(encoded);
    bytes += encoded.length;
  }
  return blocks;
}
