/**
 * A chain from an archive: read as a stream, so that memory is bounded by one block.
 *
 * @module
 */
import { decodeArchiveHeader, decodeRawBlock } from "../../core/archive.ts";
import type { RawBlock } from "../../core/block.ts";
import type { Bytes } from "../../core/bytes.ts";
import { refuse, type Verdict } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { readItems } from "../common/archive_items.ts";
import { type ChainSource, checkSameFederation } from "./source.ts";

/** Opens the archive at `path` when its first block is asked for. */
export function archiveSource(
  path: string,
  { federation, sizeBytes }: { federation: Federation; sizeBytes: number },
): ChainSource {
  let readBytes = 0;
  let evidence: readonly Bytes[] = [];

  async function* blocks(): AsyncGenerator<Verdict<RawBlock>, void, void> {
    using file = await Deno.open(path);
    const items = readItems(async (buffer) => {
      const count = await file.read(buffer);
      readBytes += count ?? 0;
      return count;
    });
    const first = await items.next();
    if (first.done === true) return yield refuse("block-format", "the archive is empty: it has no header");
    const header = first.value.ok ? decodeArchiveHeader(platformCrypto.hash, first.value.value) : first.value;
    if (!header.ok) return yield header;
    const other = checkSameFederation(header.value.federation, federation);
    if (other !== undefined) return yield other;
    evidence = header.value.evidence;
    for await (const item of items) yield item.ok ? decodeRawBlock(item.value) : item;
  }

  return {
    blocks,
    share: () => sizeBytes === 0 ? null : Math.min(1, readBytes / sizeBytes),
    promisedHeight: () => null,
    evidence: () => evidence,
  };
}
