/** What is drawn for a schedule before it runs: numbers alone, so that a plan can be kept as text and run again. */
import type { NodeId } from "./types.ts";

/** What befalls the disk of a member between its end and its next start. */
export type DiskFate =
  /** All that was resolved is there; of what was in flight, a drawn prefix. */
  | "intact"
  /** The last journal records that were not acknowledged are cut in the middle: gone. */
  | "torn"
  /** The chain's store loses acknowledged writes; the journal is intact. */
  | "store-back"
  /** Store and journal together are those of an earlier moment. */
  | "machine-back"
  | "wiped";

/** One thing that goes wrong; times in virtual milliseconds. Part of a drawn list, of which some may be left out. */
export type Fault =
  | {
    readonly kind: "crash";
    readonly node: NodeId;
    readonly atMs: number;
    /** Before its so-many-th action after that; 0 for at once, whatever is in flight. */
    readonly atAction: number;
    readonly downMs: number;
    readonly disk: DiskFate;
    /** How far back, from 0 (nothing lost) to 1 (all). */
    readonly lost: number;
  }
  | {
    readonly kind: "disk-full";
    readonly node: NodeId;
    readonly atMs: number;
    /** The so-many-th write after `atMs` fails. */
    readonly atWrite: number;
    /** Whether writes go on failing until `forMs` have passed. */
    readonly forMs: number;
  }
  | { readonly kind: "pause"; readonly node: NodeId; readonly atMs: number; readonly forMs: number }
  | { readonly kind: "clock"; readonly node: NodeId; readonly atMs: number; readonly byMs: number }
  | {
    /** Nothing arrives from `from` at `to`, and nobody notices at first. */
    readonly kind: "cut";
    readonly from: NodeId;
    readonly to: NodeId;
    readonly atMs: number;
    readonly forMs: number;
  }
  | {
    /** Links between the two sides break. */
    readonly kind: "partition";
    readonly side: readonly NodeId[];
    /** Whether the links break at once; else the members find out by silence. */
    readonly isAbrupt: boolean;
    readonly atMs: number;
    readonly forMs: number;
  }
  | Change;

/**
 * The operators agree on another document: `leaves` (or nobody) goes, `joins` (or nobody) comes. Who joins starts then,
 * follows the chain, and signs once it has a block of it.
 */
export interface Change {
  readonly kind: "federation";
  readonly atMs: number;
  readonly leaves: NodeId | null;
  readonly joins: NodeId | null;
  /** Who joins has the name of who leaves: one member's key is rotated. */
  readonly isRotation: boolean;
  /** Who joins starts from a copy of a member's chain; else from nothing. */
  readonly isCopied: boolean;
  /** What else a quorum approves. */
  readonly beside: readonly Beside[];
}

/** A document at odds with the change; one that follows the change, or that rival; the same change once more. */
export type Beside = "rival" | "follower" | "follower of the rival" | "again";

/** Everything drawn for a seed before it runs. */
export interface Plan {
  readonly seed: number;
  /** Members of the first federation: nodes 0 to n − 1. */
  readonly n: number;
  /** Nodes that join later. */
  readonly reserves: number;
  /** Some may be no members yet. */
  readonly byzantine: readonly NodeId[];
  /** Real encoding, real Ed25519, real transactions and the whole audit. */
  readonly isReal: boolean;
  readonly tenureBlocks: number;
  readonly roundTimeoutMs: number;
  readonly roundTimeoutMaxMs: number;
  readonly heartbeatMs: number;
  /** Probability that a frame is lost. */
  readonly loss: number;
  /** Probability that a frame comes twice. */
  readonly duplication: number;
  /** Bounds of a frame's delay. */
  readonly delayMs: readonly [number, number];
  /** Bounds of a write's time. */
  readonly writeMs: readonly [number, number];
  /** By how much each node's clock is wrong at the beginning. */
  readonly skewMs: readonly number[];
  readonly faults: readonly Fault[];
  /** Transactions that clients give to nodes. */
  readonly transactions: number;
  /** Until when faults happen; then a quorum is healed. */
  readonly healAtMs: number;
  /** When the schedule ends, whatever has come of it. */
  readonly untilMs: number;
  readonly maxEvents: number;
}
