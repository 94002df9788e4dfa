/**
 * A node's disk: the chain's store and the vote journal. Each write is all or nothing and takes its time; what has
 * resolved is durable, and of what was in flight at a crash a prefix may be. A lying disk goes back to an earlier
 * moment.
 */
import { toHex } from "../../core/bytes.ts";
import type { Bytes } from "../../core/bytes.ts";
import type { Proposal } from "../../core/ports.ts";
import type { DecidedBlock } from "./ledger.ts";
import type { Task } from "./tasks.ts";
import type { DiskFate } from "./plan.ts";
import type { Random, SimTransaction } from "./types.ts";

/** A block held for a vote, with its bodies. */
export interface HeldBlock {
  readonly proposal: Proposal;
  readonly transactions: readonly SimTransaction[];
}

/** One atomic of the store. */
export type StoreWrite =
  | { readonly kind: "hold"; readonly hash: string; readonly block: HeldBlock }
  /** Of an append: first the block, then its indexes, last the tip. */
  | { readonly kind: "block"; readonly decided: DecidedBlock }
  | { readonly kind: "index"; readonly height: number }
  | { readonly kind: "tip"; readonly height: number }
  | { readonly kind: "pool"; readonly transactions: readonly SimTransaction[] }
  | { readonly kind: "unpool"; readonly ids: readonly string[] };

/** What a store holds when it is opened. */
export interface StoreContent {
  /** From height 1 to the tip. */
  readonly blocks: readonly DecidedBlock[];
  readonly indexed: ReadonlySet<number>;
  /** Its last block was written, but the tip not moved: that was redone. */
  readonly isRedone: boolean;
  readonly held: ReadonlyMap<string, HeldBlock>;
  readonly pool: readonly SimTransaction[];
}

/** A disk. It outlives the processes that use it, one after the other. */
export interface Disk {
  /** Writes to the store; resumes when it is durable. */
  readonly write: (write: StoreWrite) => Task;
  /** Appends to the vote journal; resumes when it is durable. */
  readonly append: (height: number, records: readonly Bytes[]) => Task;
  /** The process is gone. Some of what was in flight may be there after all. */
  readonly settle: (fate: { readonly disk: DiskFate; readonly lost: number }) => void;
  /** What a start finds; an append that was cut short is finished first. */
  readonly openStore: () => StoreContent;
  readonly readJournal: () => readonly Bytes[];
  /** Whether a block with its bodies is durable. */
  readonly isHeld: (hash: string) => boolean;
  /** Whether a transaction was taken out of the pool, with a code for whoever asks. */
  readonly wasDropped: (id: string) => boolean;
  /** Takes over the chain of another disk, as who starts from a copy does. */
  readonly copyStore: (from: Disk) => void;
  readonly storeLog: () => readonly StoreWrite[];
  /** Whether something is in flight. */
  readonly isWriting: () => boolean;
}

interface JournalRecord {
  readonly height: number;
  readonly bytes: Bytes;
}

/** An empty disk. */
export function makeDisk(
  { random, writeMs, after, isFull }: {
    readonly random: Random;
    readonly writeMs: readonly [number, number];
    /** Continues after a virtual time. */
    readonly after: (ms: number, run: () => void) => void;
    /** Whether this write finds no space; the process then ends. */
    readonly isFull: () => boolean;
  },
): Disk {
  let store: StoreWrite[] = [];
  let journal: JournalRecord[] = [];
  /** How much of each is durable. */
  let stored = 0;
  let journaled = 0;
  /** Both, at each moment when something became durable. */
  let moments: { readonly stored: number; readonly journaled: number }[] = [];

  function moment(): void {
    moments.push({ stored, journaled });
  }

  function* inFlight(resolved: () => void): Task {
    // The process ends in `isFull`: this task never goes on.
    if (isFull()) return yield () => {};
    yield (resume) =>
      after(random.between(...writeMs), () => {
        resolved();
        moment();
        resume();
      });
  }

  return {
    *write(write) {
      store.push(write);
      const length = store.length;
      yield* inFlight(() => stored = Math.max(stored, length));
    },
    *append(height, records) {
      journal.push(...records.map((bytes) => ({ height, bytes })));
      const length = journal.length;
      yield* inFlight(() => journaled = Math.max(journaled, length));
    },
    settle: ({ disk, lost }) => {
      if (disk === "torn") journal = journal.slice(0, journaled);
      else journal = journal.slice(0, journaled + random.below(journal.length - journaled + 1));
      store = store.slice(0, stored + random.below(store.length - stored + 1));
      if (disk === "store-back") store = store.slice(0, Math.floor(store.length * (1 - lost)));
      if (disk === "machine-back") {
        const back = moments[Math.floor(moments.length * (1 - lost))];
        store = store.slice(0, back?.stored ?? 0);
        journal = journal.slice(0, back?.journaled ?? 0);
      }
      if (disk === "wiped") {
        store = [];
        journal = [];
      }
      stored = store.length;
      journaled = journal.length;
      moments = moments.filter((each) => each.stored <= stored && each.journaled <= journaled);
      moment();
    },
    openStore: () => {
      const { unfinished } = readStore(store);
      const isRedone = unfinished !== null;
      if (isRedone) {
        const { height } = unfinished.proposal.header;
        store.push({ kind: "index", height }, { kind: "tip", height });
        stored = store.length;
        moment();
      }
      return { ...readStore(store).content, isRedone };
    },
    isWriting: () => stored < store.length || journaled < journal.length,
    isHeld: (hash) => {
      const at = store.findIndex((write) => write.kind === "hold" && write.hash === hash);
      return at >= 0 && at < stored;
    },
    wasDropped: (id) => store.some((write) => write.kind === "unpool" && write.ids.includes(id)),
    // What was persisted for lower heights than the newest may have been dropped.
    readJournal: () => {
      const newest = journal.at(-1)?.height ?? 0;
      const isDropped = random.chance(0.5);
      return journal.filter(({ height }) => !isDropped || height === newest).map(({ bytes }) => bytes);
    },
    copyStore: (from) => {
      store = from.storeLog().filter(({ kind }) => kind !== "hold" && kind !== "pool" && kind !== "unpool");
      stored = store.length;
      moment();
    },
    storeLog: () => store.slice(0, stored),
  };
}

/** Replays a log; a block that was written without the tip being moved is unfinished. */
function readStore(
  log: readonly StoreWrite[],
): { readonly content: Omit<StoreContent, "isRedone">; readonly unfinished: DecidedBlock | null } {
  const blocks: DecidedBlock[] = [];
  const indexed = new Set<number>();
  const held = new Map<string, HeldBlock>();
  const pool = new Map<string, SimTransaction>();
  let unfinished: DecidedBlock | null = null;
  for (const write of log) {
    switch (write.kind) {
      case "hold":
        held.set(write.hash, write.block);
        break;
      case "block":
        unfinished = write.decided;
        break;
      case "index":
        indexed.add(write.height);
        break;
      case "tip":
        if (unfinished?.proposal.header.height !== write.height) break;
        blocks.push(unfinished);
        for (const { id } of unfinished.transactions) pool.delete(toHex(id));
        unfinished = null;
        break;
      case "pool":
        for (const each of write.transactions) pool.set(toHex(each.id), each);
        break;
      case "unpool":
        for (const name of write.ids) pool.delete(name);
        break;
    }
  }
  const height = blocks.length;
  const alive = [...held].filter(([, { proposal: { header } }]) => header.height > height);
  return { content: { blocks, indexed, held: new Map(alive), pool: [...pool.values()] }, unfinished };
}
