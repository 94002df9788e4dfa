/**
 * Links: for each transaction of a block where those before it stand, in its feed and of its CID. With the last heights,
 * which the state's leaves hold, a feed or a configuration is walked backwards height by height, without any index
 * whose random keys would grow with the chain. The same rows restore the uniqueness window at a start.
 *
 * Format: the block's time in 8 bytes, then {@link ENTRY_BYTES} a transaction. Feed, configuration and nonce key are
 * cut to 16 bytes, which no two honest ones share.
 *
 * @module
 */
import { asHash, asTxId, type Hash, type TxId } from "../core/brands.ts";
import { type Bytes, concat, equal, u64be } from "../core/bytes.ts";
import type { HashFunction } from "../core/hashing.ts";
import { readChunks, setChunks } from "./chunks.ts";
import { linksKey } from "./layout.ts";
import { damaged, type Mutation, type Rows } from "./rows.ts";

/** Bytes of the keys that links compare. */
export const LINK_KEY_BYTES = 16;
const TIME_BYTES = 8;
const ENTRY_BYTES = 32 + 3 * LINK_KEY_BYTES + 8 + 8 + 32 + 32;

/** What is known of a transaction on the way backwards. Keys are {@link linkKey}s. */
export interface Link {
  readonly id: TxId;
  readonly feed: Bytes;
  /** Zero bytes for a request. */
  readonly configuration: Bytes;
  readonly nonce: Bytes;
  /** Height of the transaction before in the feed; 0 for none, the own height for one in the same block. */
  readonly feedPreviousHeight: number;
  /** Height of the version before; 0 for none, the own height for one in the same block. */
  readonly configurationPreviousHeight: number;
  /** The configuration's versions hash before this version. */
  readonly previousVersions: Hash;
  /** The feed's hash before this transaction. */
  readonly previousFeed: Hash;
}

/** A block's links. */
export interface Links {
  /** The block's time in milliseconds. */
  readonly timeMs: number;
  /** One a transaction, in order. */
  readonly entries: readonly Link[];
}

/** The first 16 bytes of a key. */
export function linkKey(key: Uint8Array): Bytes {
  return key.slice(0, LINK_KEY_BYTES) as Bytes;
}

/** Writes a block's links; nothing for an empty block. */
export function setLinks(
  hash: HashFunction,
  { height, links }: { height: number; links: Links },
): readonly Mutation[] {
  return links.entries.length === 0 ? [] : setChunks(hash, linksKey(height), encodeLinks(links));
}

/** A block's links as stored; null for an empty block. */
export async function readLinks(rows: Rows, height: number): Promise<Bytes | null> {
  return await readChunks(rows, linksKey(height));
}

/** Links as bytes. */
export function encodeLinks({ timeMs, entries }: Links): Bytes {
  return concat(
    u64be(timeMs),
    ...entries.flatMap((link) => [
      link.id,
      link.feed,
      link.configuration,
      link.nonce,
      u64be(link.feedPreviousHeight),
      u64be(link.configurationPreviousHeight),
      link.previousVersions,
      link.previousFeed,
    ]),
  );
}

/** Reads what {@link encodeLinks} wrote. */
export function decodeLinks(bytes: Bytes): Links {
  const count = countIn(bytes);
  return {
    timeMs: Number(viewOf(bytes).getBigUint64(0)),
    entries: Array.from({ length: count }, (_, i) => entryAt(bytes, i)),
  };
}

/** A link and where its transaction stands in the block. */
export interface PlacedLink {
  readonly index: number;
  readonly link: Link;
}

/** The links of one feed or configuration in a block's stored links, in order. */
export function findLinks(
  bytes: Bytes,
  sought: { field: "feed" | "configuration"; key: Bytes },
): readonly PlacedLink[] {
  const count = countIn(bytes);
  const found: PlacedLink[] = [];
  for (let i = 0; i < count; i++) {
    const start = TIME_BYTES + i * ENTRY_BYTES + OFFSET[sought.field];
    if (!equal(bytes.subarray(start, start + LINK_KEY_BYTES), sought.key)) continue;
    found.push({ index: i, link: entryAt(bytes, i) });
  }
  return found;
}

/** The link of the transaction at `index`; null beyond the block's last. */
export function linkAt(bytes: Bytes, index: number): Link | null {
  return index < countIn(bytes) ? entryAt(bytes, index) : null;
}

const OFFSET = { feed: 32, configuration: 32 + LINK_KEY_BYTES } as const;

function countIn(bytes: Bytes): number {
  const count = (bytes.length - TIME_BYTES) / ENTRY_BYTES;
  if (count < 0 || !Number.isInteger(count)) throw damaged(`links of ${bytes.length} bytes`);
  return count;
}

function viewOf(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function entryAt(bytes: Bytes, index: number): Link {
  const view = viewOf(bytes);
  let offset = TIME_BYTES + index * ENTRY_BYTES;
  const take = (length: number) => bytes.slice(offset, offset += length);
  const takeNumber = () => Number(view.getBigUint64((offset += 8) - 8));
  return {
    id: asTxId(take(32)),
    feed: take(LINK_KEY_BYTES),
    configuration: take(LINK_KEY_BYTES),
    nonce: take(LINK_KEY_BYTES),
    feedPreviousHeight: takeNumber(),
    configurationPreviousHeight: takeNumber(),
    previousVersions: asHash(take(32)),
    previousFeed: asHash(take(32)),
  };
}
