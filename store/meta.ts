/**
 * What store this is. Refused: another layout version (`store-version`), a store of another chain, and a federation
 * document that is not the chain's first (`store-genesis`): later ones come with the blocks.
 *
 * @module
 */
import type { Hash } from "../core/brands.ts";
import { type Bytes, equal, toHex } from "../core/bytes.ts";
import { VnfchainError } from "../core/errors.ts";
import { encodeFederation, type Federation } from "../core/federation.ts";
import { LIMITS } from "../core/limits.ts";
import { bytesUpTo, decodeShape, encodeShape, hashShape, record, type Shape, uint } from "../core/shape.ts";
import { commitBatches, packBatches } from "./batches.ts";
import { readChunks, setChunks } from "./chunks.ts";
import { LAYOUT_VERSION, META_KEY, TIP_KEY } from "./layout.ts";
import { damaged, readRow, type Rows } from "./rows.ts";

const metaShape: Shape<{ readonly version: number; readonly genesisId: Hash; readonly federation: Bytes }> =
  record({ version: uint(), genesisId: hashShape, federation: bytesUpTo(LIMITS.federationBytes) });

/** Writes what store this is into an empty one, or checks it. */
export async function claimStore(rows: Rows, federation: Federation): Promise<void> {
  const { sequence } = federation.document;
  if (sequence !== 0) {
    throw new VnfchainError(
      `Cannot use the federation document for a store: it is number ${sequence} of its chain, wanted 0`,
      {
        code: "store-genesis",
        hint: "Give the chain's first federation document: those after it come with the blocks",
      },
    );
  }
  const document = encodeFederation(federation.document);
  const bytes = await readChunks(rows, META_KEY);
  if (bytes === null) {
    if (await readRow(rows, TIP_KEY) !== null) {
      throw damaged("it has blocks, but does not say of which chain");
    }
    const meta = { version: LAYOUT_VERSION, genesisId: federation.genesisId, federation: document };
    await commitBatches(
      rows.kv,
      packBatches(setChunks(rows.hash, META_KEY, encodeShape(metaShape, meta))),
    );
    return;
  }
  const decoded = decodeShape(metaShape, bytes, { what: "meta", code: "block-format" });
  if (!decoded.ok) throw damaged(decoded.detail);
  const { version, genesisId } = decoded.value;
  if (version !== LAYOUT_VERSION) {
    throw new VnfchainError(
      `Cannot use the store: its layout is version ${version}, wanted ${LAYOUT_VERSION}`,
      {
        code: "store-version",
        hint: "Use the version of vnfchain that wrote it, or delete the store and let the node catch up",
      },
    );
  }
  if (!equal(genesisId, federation.genesisId) || !equal(decoded.value.federation, document)) {
    throw new VnfchainError(
      `Cannot use the store: it belongs to the chain ${toHex(genesisId)} under its own federation document`,
      {
        code: "store-genesis",
        hint: "Give the federation document that the store was made with, or another store",
      },
    );
  }
}
