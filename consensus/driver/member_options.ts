/**
 * What a member is made of.
 *
 * @module
 */
import type { DecidedBlock } from "../../core/block.ts";
import type { Height, PublicKey, Signature } from "../../core/brands.ts";
import type { Bytes } from "../../core/bytes.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import type { ChainPort, ChainReader, PoolPort } from "../../core/ports.ts";
import type { Roster } from "../../core/roster.ts";
import type { Evidence } from "../evidence.ts";
import type { JournalPort } from "./driver.ts";
import type { DriverLog } from "./log.ts";
import type { NetworkPort } from "./network_port.ts";

/** What a member is made of. */
export interface MemberOptions {
  readonly chain: ChainPort & ChainReader;
  readonly pool: PoolPort;
  readonly journal: JournalPort & { readonly records: readonly Bytes[] };
  readonly crypto: CryptoPort;
  readonly key: { readonly publicKey: PublicKey; readonly sign: (message: Bytes) => Signature };
  readonly network: NetworkPort;
  /** Numbers the members; shared with the network. */
  readonly roster: Roster;
  readonly nowMs: () => number;
  /** Encoded blocks of our chain, bounded. */
  readonly readBlocks: (options: { from: Height; limit: number }) => Promise<readonly Bytes[]>;
  /** Whether there is too little space on the disk to take transactions; there always is enough when left out. */
  readonly isDiskLow?: () => boolean;
  readonly onAppended: (decided: DecidedBlock) => void;
  readonly onEvidence: (evidence: Evidence) => void;
  readonly log: DriverLog;
  /** The process must end: a bug, or a disk that failed. No vote leaves any more when it is told. */
  readonly fatal: (error: unknown) => void;
  /** Shorter times for tests, in milliseconds. */
  readonly timing?: { readonly answerMs?: number; readonly offerMs?: number };
}
