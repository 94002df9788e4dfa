/**
 * What the parts of the simulator share: the world's surface towards the adversary, the seams for mutants, and what
 * comes of a run.
 *
 * Everything happens at one place in virtual time, from one seed; nothing here reads a clock, a file or a random
 * source of the platform.
 */
import type * as catchUp from "../../consensus/catch_up.ts";
import type { isOfInterest } from "../../consensus/interest.ts";
import type { leaderAt, leaderKeyAt } from "../../consensus/leader.ts";
import type * as mempool from "../../consensus/mempool.ts";
import type { Message } from "../../consensus/message.ts";
import type { highestVoteOf } from "../../consensus/peers.ts";
import type { ShownVote } from "../../consensus/shown_vote.ts";
import type { start } from "../../consensus/start.ts";
import type { State } from "../../consensus/state.ts";
import type { step } from "../../consensus/step.ts";
import type { verifyMessage } from "../../consensus/verify.ts";
import type { voteMessage } from "../../consensus/vote.ts";
import type { decodeMessage, encodeMessage } from "../../consensus/wire.ts";
import type { RawBlock } from "../../core/block.ts";
import type { checkHeader } from "../../core/block_rules.ts";
import type { Height, PublicKey, Round, Signature, TxId } from "../../core/brands.ts";
import type { Bytes } from "../../core/bytes.ts";
import type { verifyCertificate } from "../../core/certificate.ts";
import type { Federation } from "../../core/federation.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import type { checkChange, checkNext, FederationChange } from "../../core/federation_change.ts";
import type { Proposal, Tip } from "../../core/ports.ts";
import type { openTransition } from "../../core/state/transition.ts";
import type { tipAfter } from "../../core/tip.ts";
import type { FederationPayload } from "../../core/transaction.ts";
import type { Plan } from "./plan.ts";

/**
 * A process with one key. Its place in a federation, the member index, may change; its node id never does. In a
 * schedule without changes of the federation both are the same number.
 */
export type NodeId = number;

/** A stream of random numbers; the same seed and name give the same stream. */
export interface Random {
  /** From 0 up to, not including, 1. */
  readonly next: () => number;
  /** An integer from 0 up to, not including, `end`. */
  readonly below: (end: number) => number;
  /** A number from `low` up to, not including, `high`. */
  readonly between: (low: number, high: number) => number;
  readonly chance: (probability: number) => boolean;
  /** One of a list that is not empty. */
  readonly pick: <T>(items: readonly T[]) => T;
  /** A new list in random order. */
  readonly shuffled: <T>(items: readonly T[]) => readonly T[];
  /** A stream of its own: what is drawn from it leaves this one as it is. */
  readonly split: (name: string) => Random;
}

/** A transaction as the pool sees it; its body is opaque. */
export interface SimTransaction extends mempool.PoolEntry {
  /** A wrong signature or format: no correct member takes it, and a block with it is invalid. */
  readonly isBroken: boolean;
  /** What it brings, where it is a change of the federation; null for the others. */
  readonly change: FederationPayload | null;
  /** As it stands in a block. Of simulated transactions, the id alone; of real ones, the COSE message. */
  readonly bytes: Bytes;
}

/** What goes over a link. */
export type Frame =
  | { readonly kind: "message"; readonly message: Message }
  /** A message as bytes, which may be no message at all. */
  | { readonly kind: "bytes"; readonly bytes: Bytes }
  | { readonly kind: "transactions"; readonly transactions: readonly SimTransaction[] }
  | { readonly kind: "want"; readonly ids: readonly TxId[] }
  | { readonly kind: "pool"; readonly ids: readonly TxId[] }
  | { readonly kind: "height"; readonly height: Height }
  | { readonly kind: "getBlocks"; readonly from: Height; readonly count: number }
  | { readonly kind: "blocks"; readonly from: Height; readonly blocks: readonly RawBlock[] };

/** Blocks that are asked for. */
export interface BlockRange {
  readonly from: Height;
  readonly count: number;
}

/** What each end of a new link says first. */
export interface Hello {
  readonly height: Height;
  /** The receiver's highest vote that the sender has seen. */
  readonly shown: ShownVote | null;
}

/** A frame of the adversary's: from one of its nodes, after a delay on top of the network's. */
export interface Sending {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly frame: Frame;
  readonly delayMs?: number;
}

/** A member's real code that the adversary runs with one of its keys; it decides what goes in and what comes out. */
export interface Copy {
  readonly state: () => State;
  readonly tip: () => Tip;
  /** Transactions in its pool. */
  readonly pool: () => readonly SimTransaction[];
  readonly receive: (from: NodeId, frame: Frame) => void;
  readonly up: (peer: NodeId, hello: Hello) => void;
  readonly down: (peer: NodeId) => void;
  /** What it would say on a new link. */
  readonly hello: (peer: NodeId) => Hello;
  /** What it would answer over HTTP. */
  readonly blocks: (range: BlockRange) => readonly RawBlock[];
  readonly stop: () => void;
}

/** What the adversary may do. It signs with the keys of its nodes alone. */
export interface AdversaryPort {
  /** Virtual milliseconds since the schedule began. */
  readonly nowMs: () => number;
  /** Milliseconds since 1970 on a clock without error. */
  readonly wallMs: () => number;
  readonly random: Random;
  /** Its nodes; at most f of the federation in force. */
  readonly nodes: readonly NodeId[];
  /** All nodes that the schedule knows. */
  readonly allNodes: readonly NodeId[];
  readonly keyOf: (node: NodeId) => PublicKey;
  readonly crypto: CryptoPort;
  /** The consensus under test. */
  readonly protocol: Protocol;
  /** Asserts that the node is one of its own. */
  readonly sign: (node: NodeId, message: Bytes) => Signature;
  /** Sends if the link stands then; like every frame it may be lost. */
  readonly send: (sending: Sending) => void;
  /** Runs something at a later virtual time; nothing happens after the schedule's end. */
  readonly after: (delayMs: number, run: () => void) => void;
  /** Starts the real code with a node's key and an empty disk of its own; `onSend` decides what leaves. */
  readonly spawn: (node: NodeId, onSend: (to: NodeId, frame: Frame) => void) => Copy;
  /** Counts that a behaviour was exercised, under its name. */
  readonly count: (behaviour: string) => void;
  /** Another chain's federation with the same keys, for replays between chains. */
  readonly foreignFederation: Federation;
  /** A block by this proposer that is valid on the tip if its transactions are. */
  readonly makeBlock: (
    tip: Tip,
    block: {
      readonly proposer: NodeId;
      readonly createdRound: Round;
      readonly transactions: readonly SimTransaction[];
      readonly timeMs?: number;
    },
  ) => Proposal;
  /** A fresh transaction, known to nobody else until it is sent. */
  readonly makeTransaction: (options?: { isBroken?: boolean; size?: number }) => SimTransaction;
  /** A transaction with the CID and VID of another: each is valid, a block can take one of them. */
  readonly makeRival: (of: SimTransaction) => SimTransaction;
  /** Whether the federation changes in this schedule. */
  readonly isChanging: boolean;
  /** All changes of the federation that operators have handed in, and those that they keep back. */
  readonly changes: () => readonly SimTransaction[];
  /** A transaction with this change of the federation, whatever its approvals are worth. */
  readonly makeChange: (change: FederationChange) => SimTransaction;
  /** The federations of the chain so far, the first document's first. */
  readonly federations: () => readonly Federation[];
  /** The id of a transaction that nobody will ever have. */
  readonly makeMissingId: () => TxId;
  /**
   * What any node's key signed elsewhere: a ROUND-CHANGE without a lock on the chain of `foreignFederation`, where every
   * member is correct too.
   */
  readonly signedElsewhere: (
    node: NodeId,
    place: { readonly height: Height; readonly round: Round },
  ) => Signature;
}

/** The adversary: everything that its nodes do. */
export interface Adversary {
  /** A frame reached one of its nodes. */
  readonly onFrame: (arrival: { readonly from: NodeId; readonly to: NodeId; readonly frame: Frame }) => void;
  /** A link of one of its nodes came up; what the other end said. */
  readonly onUp: (link: { readonly node: NodeId; readonly peer: NodeId; readonly hello: Hello }) => void;
  readonly onDown: (link: { readonly node: NodeId; readonly peer: NodeId }) => void;
  /** What a node says on a new link. */
  readonly hello: (link: { readonly node: NodeId; readonly peer: NodeId }) => Hello;
  /** What a node answers over HTTP. */
  readonly blocks: (node: NodeId, range: BlockRange) => readonly RawBlock[];
}

/**
 * Makes an adversary; it starts at once, no link stands yet. Its random stream is the only source of its choices. The
 * simulator takes `makeAdversary` of adversary/adversary.ts.
 */
export type AdversaryFactory = (port: AdversaryPort) => Adversary;

/** The code under test, so that a mutated copy of it can run in its place. */
export interface Protocol {
  readonly start: typeof start;
  readonly step: typeof step;
  readonly verifyMessage: typeof verifyMessage;
  readonly encodeMessage: typeof encodeMessage;
  readonly decodeMessage: typeof decodeMessage;
  readonly isOfInterest: typeof isOfInterest;
  readonly highestVoteOf: typeof highestVoteOf;
  readonly voteMessage: typeof voteMessage;
  readonly leaderAt: typeof leaderAt;
  readonly leaderKeyAt: typeof leaderKeyAt;
  readonly checkHeader: typeof checkHeader;
  readonly verifyCertificate: typeof verifyCertificate;
  readonly openTransition: typeof openTransition;
  readonly checkChange: typeof checkChange;
  readonly checkNext: typeof checkNext;
  readonly tipAfter: typeof tipAfter;
  readonly mempool: Pick<
    typeof mempool,
    | "makePool"
    | "addToPool"
    | "onCommitted"
    | "dropFromPool"
    | "expire"
    | "hasWork"
    | "candidates"
    | "outcomeOf"
  >;
  readonly catchUp: Pick<
    typeof catchUp,
    "makeCatchUp" | "onClaim" | "onBlocks" | "onFailure" | "onRejected" | "onHeight" | "onSlow"
  >;
}

/** What the driver, the chain and the journal of a member must do; a mutant turns one of them off. */
export interface DriverRules {
  /** Actions run in list order: a vote is durable before it is sent. */
  readonly persistBeforeSend: boolean;
  /** The journal is read at the start. */
  readonly reloadJournal: boolean;
  /** A transaction is acknowledged, and a block's transactions are told as committed, once they are durable. */
  readonly acknowledgeDurable: boolean;
  /** A block that came by catching up has its certificate verified. */
  readonly verifySynced: boolean;
  /** A block's index batches are written before the tip moves. */
  readonly batchesBeforeTip: boolean;
  /** A block is held, durable, before the protocol hears that it is valid. */
  readonly holdBeforeValidated: boolean;
  /** A first proposal's time is compared with the clock. */
  readonly checkClock: boolean;
  /** A block may not repeat what an earlier one has. */
  readonly checkDuplicates: boolean;
  /** A block is judged by parent state and block alone: a proposal may hold what the own pool lacks or refuses. */
  readonly ignorePool: boolean;
  /** What a peer shows of our own votes reaches the protocol. */
  readonly hearShownVotes: boolean;
}

/** A change to the code of the members that run it. */
export interface Mutant {
  readonly name: string;
  /** Wraps the code under test. */
  readonly protocol?: (protocol: Protocol) => Protocol;
  readonly rules?: Partial<DriverRules>;
  /** Nodes that run it, by default all that are correct. */
  readonly runs?: (node: NodeId) => boolean;
}

/** A broken promise. */
export interface Violation {
  /** 1 to 10 as in the list of invariants; `liveness`; `crash` for an assertion that was hit. */
  readonly invariant: number | "liveness" | "crash";
  readonly detail: string;
  readonly atMs: number;
}

/** How a schedule is run. */
export interface RunOptions {
  readonly plan: Plan;
  readonly adversary: AdversaryFactory;
  readonly protocol?: Protocol;
  readonly mutant?: Mutant;
  /** Whether to keep the trace as text. */
  readonly trace?: boolean;
}

/** What came of a schedule; it ends with its first violation. */
export interface RunResult {
  readonly seed: number;
  /** Hash of the whole trace, in hexadecimal. */
  readonly hash: string;
  readonly events: number;
  /** Heights decided by correct members. */
  readonly commits: number;
  readonly violation: Violation | null;
  readonly coverage: Readonly<Record<string, number>>;
  /** Text lines, when asked for. */
  readonly trace: readonly string[];
}
