/**
 * The pages of the state between memory and disk. A block changes pages in memory alone; its changed leaves are durable
 * with the block, and a checkpoint writes the pages later. So the hot path writes no random key, and a page that
 * many blocks change is written once.
 *
 * @module
 */
import { assert } from "../core/errors.ts";
import { decodePage, PAGE_COUNT, type StatePage } from "../core/state/state_page.ts";
import { readChunks } from "./chunks.ts";
import { pageKey } from "./layout.ts";
import { damaged, type Rows } from "./rows.ts";

/** Pages by index. */
export type Pages = ReadonlyMap<number, StatePage>;

/** Pages as the last block left them. */
export interface StatePages {
  /** Gives these pages, reading those that are not in memory. */
  readonly load: (indexes: Iterable<number>) => Promise<Pages>;
  /** Sets pages that a block changed; each was loaded before. */
  readonly put: (pages: Pages) => void;
  /** Pages in memory that are not on the disk. */
  readonly dirtyCount: () => number;
  /** Starts a checkpoint: the pages to write, which later changes leave alone. */
  readonly beginCheckpoint: () => Pages;
  /** Ends it: those pages are on the disk. */
  readonly endCheckpoint: () => void;
  /** Ends it: some of those pages are not. */
  readonly abandonCheckpoint: () => void;
}

/** Clean pages kept in memory, the last used ones. */
const CLEAN_PAGES = 16_384;

/** Pages over a store. */
export function openStatePages(rows: Rows): StatePages {
  let dirty = new Map<number, StatePage>();
  let written: Pages = new Map();
  const clean = new Map<number, StatePage>();
  const reading = new Map<number, Promise<StatePage>>();

  const inMemory = (index: number) => dirty.get(index) ?? written.get(index) ?? clean.get(index);

  function keepClean(index: number, page: StatePage): void {
    clean.delete(index);
    clean.set(index, page);
    if (clean.size > CLEAN_PAGES) clean.delete(clean.keys().next().value as number);
  }

  function loadOne(index: number): StatePage | Promise<StatePage> {
    const known = clean.get(index);
    if (known !== undefined) keepClean(index, known);
    const found = inMemory(index) ?? reading.get(index);
    if (found !== undefined) return found;
    const started = readPage(rows, index).then((page) => {
      // Changed while it was read: the disk's page is an old one, or may be.
      if (reading.get(index) !== started) return loadOne(index);
      keepClean(index, page);
      return page;
    }).finally(() => {
      if (reading.get(index) === started) reading.delete(index);
    });
    reading.set(index, started);
    return started;
  }

  return {
    load: async (indexes) => {
      const wanted = [...new Set(indexes)];
      const pages = await Promise.all(wanted.map(loadOne));
      return new Map(wanted.map((index, i) => [index, pages[i] as StatePage]));
    },
    put: (pages) => {
      for (const [index, page] of pages) {
        clean.delete(index);
        reading.delete(index);
        dirty.set(index, page);
      }
    },
    dirtyCount: () => dirty.size,
    beginCheckpoint: () => {
      assert(written.size === 0, "a checkpoint is under way");
      written = dirty;
      dirty = new Map();
      return written;
    },
    endCheckpoint: () => {
      for (const [index, page] of written) {
        if (!dirty.has(index)) keepClean(index, page);
      }
      written = new Map();
    },
    abandonCheckpoint: () => {
      dirty = new Map([...written, ...dirty]);
      written = new Map();
    },
  };
}

/** A page from the disk; the empty one when it was never written. */
export async function readPage(rows: Rows, index: number): Promise<StatePage> {
  assert(index >= 0 && index < PAGE_COUNT, `no state page ${index}`);
  const bytes = await readChunks(rows, pageKey(index));
  return bytes === null ? [] : pageFrom(bytes, index);
}

/** A page from its stored bytes. */
export function pageFrom(bytes: Uint8Array, index: number): StatePage {
  const page = decodePage(bytes, index);
  if (!page.ok) throw damaged(page.detail);
  return page.value;
}
