/** What a member's process lives in, and who watches it. */
import type { Action, Event } from "../../consensus/events.ts";
import type { Evidence } from "../../consensus/evidence.ts";
import type { Message } from "../../consensus/message.ts";
import type { State } from "../../consensus/state.ts";
import type { verifyMessage } from "../../consensus/verify.ts";
import type { RawBlock } from "../../core/block.ts";
import type { PublicKey, Signature } from "../../core/brands.ts";
import type { Bytes } from "../../core/bytes.ts";
import type { Federation } from "../../core/federation.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import type { Tip } from "../../core/ports.ts";
import type { Disk, StoreContent } from "./disk.ts";
import type { DecidedBlock, Ledger } from "./ledger.ts";
import type { MemberPool } from "./member_pool.ts";
import type {
  BlockRange,
  DriverRules,
  Frame,
  Hello,
  NodeId,
  Protocol,
  Random,
  SimTransaction,
} from "./types.ts";

/** Told of everything that a process does. */
export interface Watcher {
  readonly onStart: (started: { readonly state: State; readonly content: StoreContent }) => void;
  /** Before an action is run, with the one before it in the list; false ends the process here. */
  readonly beforeAction: (action: Action, previous: Action | undefined) => boolean;
  readonly onStep: (step: { readonly before: State; readonly event: Event; readonly after: State }) => void;
  /** A message leaves the process. */
  readonly onSend: (message: Message, state: State) => void;
  readonly onEvidence: (evidence: Evidence) => void;
  /** A block is on the chain, durable. */
  readonly onAppended: (appended: { readonly decided: DecidedBlock; readonly tip: Tip }) => void;
  /** A client was told that a transaction is in the pool. */
  readonly onAcknowledged: (transaction: SimTransaction) => void;
  /** A client was told that a block is committed. */
  readonly onCommitTold: (decided: DecidedBlock) => void;
  readonly onHello: (from: NodeId, hello: Hello) => void;
  readonly count: (what: string) => void;
}

/** Where processes reach each other. */
export interface NetworkPort {
  /** False when no link stands. */
  readonly send: (to: NodeId, frame: Frame) => boolean;
  readonly broadcast: (frame: Frame) => void;
}

/** Everything that a process is given. */
export interface Surroundings {
  readonly node: NodeId;
  readonly key: { readonly publicKey: PublicKey; readonly sign: (message: Bytes) => Signature };
  readonly protocol: Protocol;
  /** {@link Protocol.verifyMessage}, which remembers the messages that it has seen. */
  readonly verify: typeof verifyMessage;
  readonly rules: DriverRules;
  readonly crypto: CryptoPort;
  readonly ledger: Ledger;
  readonly disk: Disk;
  readonly random: Random;
  readonly network: NetworkPort;
  /** All other nodes of the schedule: what operators give each node as the URLs to follow the chain from. */
  readonly others: readonly NodeId[];
  /** Asks a node for blocks over HTTP; `done` may never be called. */
  readonly http: (
    to: NodeId,
    range: BlockRange,
    done: (blocks: readonly RawBlock[]) => void,
  ) => void;
  readonly watcher: Watcher;
  /** Milliseconds since the schedule began: a monotonic clock. */
  readonly nowMs: () => number;
  /** Milliseconds since 1970 on the node's own clock. */
  readonly wallMs: () => number;
  /** Runs something later, unless the process has ended by then. */
  readonly after: (ms: number, run: () => void) => void;
  readonly nodeAt: (federation: Federation, index: number) => NodeId;
  readonly indexOf: (federation: Federation, node: NodeId) => number;
  /** A transaction from its bytes in a block; undefined when they are none, or its signature does not hold. */
  readonly readTransaction: (bytes: Bytes) => SimTransaction | undefined;
}

/** A running process of a member. */
export interface Member {
  readonly state: () => State;
  readonly tip: () => Tip;
  readonly pool: MemberPool;
  readonly hello: (peer: NodeId) => Hello;
  /** What it answers over HTTP. */
  readonly blocks: (range: BlockRange) => readonly RawBlock[];
  readonly onUp: (peer: NodeId, hello: Hello) => void;
  readonly onDown: (peer: NodeId) => void;
  readonly onFrame: (peer: NodeId, frame: Frame) => void;
  /** A client brings transactions. */
  readonly submit: (transactions: readonly SimTransaction[]) => void;
  /** Events that wait, and blocks that wait out of order. */
  readonly backlog: () => { readonly events: number; readonly blocks: number; readonly claims: number };
}

/** An event as it is when its turn comes: members are named by their places in the federation of that moment. */
export type Making = (indexOf: (node: NodeId) => number) => Event | null;

/** An event about a member; none about a stranger. */
export function aboutMember(index: number, make: (member: number) => Event): Event | null {
  return index < 0 ? null : make(index);
}
