/**
 * What a running node offers to its client API: the seam between the API and the rest of the node.
 *
 * @module
 */
import type { TxId } from "../../core/brands.ts";
import type { Bytes } from "../../core/bytes.ts";
import type { Verdict } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import type { ChainReader, Position } from "../../core/ports.ts";
import type { RefusalCode } from "../../core/refusals.ts";

/** What a node knows of a transaction. */
export type TransactionStatus =
  | { readonly status: "committed"; readonly position: Position }
  /** In this node's pool. */
  | { readonly status: "pending" }
  /** Left the pool unpublished; the code says why. */
  | { readonly status: "refused"; readonly code: RefusalCode }
  | { readonly status: "unknown" };

/** How a member looks from here. */
export interface PeerStatus {
  readonly name: string;
  readonly connected: boolean;
  /** The height that it last told; 0 when it told none. */
  readonly height: number;
}

/** The node's own view of itself. */
export interface NodeStatus {
  /** Its member's name; its key, vc1…, while it is no member. */
  readonly name: string;
  readonly height: number;
  readonly round: number;
  /** What it does at this height: voting, or why not. */
  readonly standing: string;
  /** True when it follows the newest height and may vote. */
  readonly synced: boolean;
  /** Of the federation in force, and so the members. */
  readonly quorum: number;
  readonly peers: readonly PeerStatus[];
  readonly poolTransactions: number;
  readonly poolBytes: number;
}

/** The node, as its client API sees it. */
export interface NodeServices {
  readonly chain: ChainReader;
  /** The chain's first document. What is in force when, the chain says. */
  readonly federation: Federation;
  readonly crypto: CryptoPort;
  /** Judges a transaction and takes it into the durable pool; resolves once it is durable. */
  readonly submit: (bytes: Bytes) => Promise<Verdict<TxId>>;
  readonly transactionStatus: (id: TxId) => Promise<TransactionStatus>;
  /** Resolves once the transaction is committed or has left the pool, or when the signal aborts. */
  readonly settled: (id: TxId, signal: AbortSignal) => Promise<TransactionStatus>;
  readonly status: () => NodeStatus;
}
