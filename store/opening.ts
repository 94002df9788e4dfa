/**
 * Opening a store: what a crash left half done is finished or taken back, the state is rebuilt in memory, and its root
 * must be the one in the tip's header.
 *
 * Refused: what meta.ts refuses, and whatever does not fit together (`store-damaged`).
 *
 * @module
 */
import { asCid, asHeight, type Hash, ZERO_HASH } from "../core/brands.ts";
import { equal, toHex } from "../core/bytes.ts";
import type { Federation } from "../core/federation.ts";
import { federationAt, type FederationTerm } from "../core/federation_terms.ts";
import { randomBytes } from "../core/platform/crypto.ts";
import { parentOf } from "../core/block_rules.ts";
import type { CryptoPort } from "../core/crypto_port.ts";
import type { Tip } from "../core/ports.ts";
import { configurationId } from "../core/state/keys.ts";
import type { StateLeaf } from "../core/state/state_node.ts";
import { pageOf, pageSummary } from "../core/state/state_page.ts";
import {
  applyNodes,
  emptyUpperTree,
  setPages,
  stateRoot,
  type UpperTree,
} from "../core/state/state_upper.ts";
import { genesisTip } from "../core/tip.ts";
import { nonceKey, type Transaction } from "../core/transaction.ts";
import { openUniquenessWindow, WINDOW_SALT_BYTES, windowStart } from "../core/uniqueness_window.ts";
import { deleteRange } from "./batches.ts";
import { decodeChanges } from "./changes.ts";
import { dropChanges } from "./checkpoint.ts";
import { scanChunked } from "./chunks.ts";
import { readDecided } from "./decided.ts";
import { type BaseState, changedPages } from "./evaluation.ts";
import { readTerms } from "./federations.ts";
import { openHeld } from "./held.ts";
import { openRecentIds, type RecentIds } from "./ids.ts";
import { changesKey, type HeightTable, linksKey } from "./layout.ts";
import { decodeLinks, linkKey, readLinks } from "./links.ts";
import { type Memory, placedIds } from "./memory.ts";
import { claimStore } from "./meta.ts";
import { openPool } from "./pool.ts";
import { damaged, type Rows, scanKeys } from "./rows.ts";
import { openSnapshots } from "./snapshots.ts";
import { configurationIn } from "./state_values.ts";
import { openStatePages, pageFrom, type StatePages } from "./state_pages.ts";
import { readCheckpoint, readTip } from "./tip.ts";

/** What a store is opened for. */
export interface OpenContext {
  readonly federation: Federation;
  readonly crypto: CryptoPort;
}

/** Brings an open key-value store and the memory to the last block that it holds. */
export async function recover(rows: Rows, { federation, crypto }: OpenContext): Promise<Memory> {
  await claimStore(rows, federation);
  const { height, versionstamp } = await readTip(rows);
  const { height: checkpointHeight } = await readCheckpoint(rows);
  if (checkpointHeight > height) throw damaged(`checkpoint ${checkpointHeight} is above the tip ${height}`);
  await dropAbove(rows, height);
  await dropChanges(rows, checkpointHeight);
  const terms = await readTerms(rows, federation);
  const tip = await readTipBlock(rows, { height, terms, crypto });
  const pages = openStatePages(rows);
  const upper = await rebuildUpper(rows);
  await redo(rows, { pages, upper, heights: { from: checkpointHeight, to: height } });
  checkRoot(upper, tip);
  await checkTerms(rows, { terms, pages, genesisId: federation.genesisId });
  const base = {
    hash: rows.hash,
    pages,
    upper,
    window: openUniquenessWindow(randomBytes(WINDOW_SALT_BYTES)),
  };
  const sinceMs = windowStart(tip.parent.time, tip.federation.document.parameters);
  await fillWindow(rows, { base, height, sinceMs });
  const recentIds = await readRecentIds(rows, { from: checkpointHeight, to: height });
  const held = await openHeld(rows, { genesisId: federation.genesisId, tipHeight: height });
  const canCome = (transaction: Transaction) => canStillCome(transaction, { tip, base, sinceMs });
  const pool = await openPool(rows, { genesisId: federation.genesisId, canCome });
  return {
    rows,
    crypto,
    base,
    recentIds,
    held,
    pool,
    snapshots: openSnapshots(base),
    judged: new Map(),
    terms,
    tip,
    tipStamp: versionstamp,
    checkpointHeight,
  };
}

/** Rows of a block whose append did not reach the tip. */
async function dropAbove(rows: Rows, height: number): Promise<void> {
  const tables: readonly HeightTable[] = ["decided", "body", "links", "changes", "federation"];
  for (const table of tables) {
    await deleteRange(rows, { start: [table, height + 1], end: [table, Number.MAX_SAFE_INTEGER] });
  }
}

async function readTipBlock(
  rows: Rows,
  { height, terms, crypto }: {
    readonly height: number;
    readonly terms: readonly FederationTerm[];
    readonly crypto: CryptoPort;
  },
): Promise<Tip> {
  if (height === 0) return genesisTip(federationAt(terms, 1));
  const decided = await readDecided(rows, asHeight(height));
  if (decided === null) throw damaged(`the tip's block ${height} is missing`);
  const { header, certificate } = decided;
  return {
    parent: parentOf({ block: { header }, certificate }, { crypto }),
    header,
    certificate,
    signedBy: federationAt(terms, height),
    federation: federationAt(terms, height + 1),
    nextFederation: federationAt(terms, height + 2),
  };
}

async function rebuildUpper(rows: Rows): Promise<UpperTree> {
  const summaries = new Map<number, ReturnType<typeof pageSummary>>();
  for await (const { key, value } of scanChunked(rows, { prefix: ["page"] })) {
    const index = key[1] as number;
    if (value === null) throw damaged(`state page ${index} lacks its end`);
    summaries.set(index, pageSummary(rows.hash, pageFrom(value, index)));
  }
  const upper = emptyUpperTree();
  setPages(rows.hash, upper, summaries);
  return upper;
}

/** Applies the changed leaves since the checkpoint, the last value of each; what is in a page already stays the same. */
async function redo(
  rows: Rows,
  { pages, upper, heights: { from, to } }: {
    pages: StatePages;
    upper: UpperTree;
    heights: { from: number; to: number };
  },
): Promise<void> {
  const last = new Map<string, StateLeaf>();
  const range = { start: changesKey(from + 1), end: changesKey(to + 1) };
  for await (const { key, value } of scanChunked(rows, range)) {
    if (value === null) throw damaged(`changes of block ${key[1]} lack their end`);
    for (const leaf of decodeChanges(value)) last.set(toHex(leaf.key), leaf);
  }
  const changes = [...last.values()];
  const before = await pages.load(changes.map((leaf) => pageOf(leaf.key)));
  const changed = changedPages({ hash: rows.hash, pages: before, upper }, changes);
  pages.put(changed.pages);
  applyNodes(upper, changed.upper);
}

function checkRoot(upper: UpperTree, { header, parent }: Tip): void {
  const wanted = header?.stateRoot ?? ZERO_HASH;
  const root = stateRoot(upper);
  if (!equal(root, wanted)) {
    throw damaged(
      `the state root at height ${parent.height} is ${toHex(root)}, but the block has ${toHex(wanted)}`,
    );
  }
}

/** The state counts the documents that the chain has decided: one version of its own CID each. */
async function checkTerms(
  { hash }: Rows,
  { terms, pages, genesisId }: {
    readonly terms: readonly FederationTerm[];
    readonly pages: StatePages;
    readonly genesisId: Hash;
  },
): Promise<void> {
  const id = configurationId(hash, asCid(genesisId));
  const decided = configurationIn(await pages.load([pageOf(id)]), id)?.latestVid ?? 0;
  if (decided === terms.length - 1) return;
  throw damaged(`${decided} changes of the federation were decided, and it has ${terms.length - 1}`);
}

async function fillWindow(
  rows: Rows,
  { base, height, sinceMs }: { base: BaseState; height: number; sinceMs: number },
): Promise<void> {
  for await (const found of heightsBackwards(rows, height)) {
    const bytes = await readLinks(rows, found);
    if (bytes === null) throw damaged(`links of block ${found} are missing`);
    const { timeMs, entries } = decodeLinks(bytes);
    if (timeMs < sinceMs) return;
    base.window.add(timeMs, entries.map(({ nonce }) => nonce));
  }
}

/** Heights of blocks with transactions, from the newest. */
async function* heightsBackwards(rows: Rows, height: number): AsyncGenerator<number> {
  let last = -1;
  const range = { start: linksKey(0), end: linksKey(height + 1) };
  for await (const key of scanKeys(rows, range, { reverse: true })) {
    if (key[1] === last) continue;
    last = key[1] as number;
    yield last;
  }
}

async function readRecentIds(rows: Rows, { from, to }: { from: number; to: number }): Promise<RecentIds> {
  const recentIds = openRecentIds();
  const range = { start: linksKey(from + 1), end: linksKey(to + 1) };
  for await (const { key, value } of scanChunked(rows, range)) {
    if (value === null) throw damaged(`links of block ${key[1]} lack their end`);
    recentIds.add(placedIds(key[1] as number, decodeLinks(value).entries));
  }
  return recentIds;
}

/** Whether a block after the tip can take a transaction: it is not on the chain, and has not expired for good. */
function canStillCome(
  { payload }: Transaction,
  { tip, base, sinceMs }: { tip: Tip; base: BaseState; sinceMs: number },
): boolean {
  const { transactionLifetimeMs } = tip.federation.document.parameters;
  return payload.timestamp > tip.parent.time - transactionLifetimeMs &&
    !base.window.seen(linkKey(nonceKey(base.hash, payload)), sinceMs);
}
