/**
 * The state between two steps: plain data, never changed in place.
 *
 * @module
 */
import type { Hash, Height, PublicKey, Round, Signature } from "../core/brands.ts";
import type { Bytes } from "../core/bytes.ts";
import type { Certificate } from "../core/certificate.ts";
import type { CryptoPort } from "../core/crypto_port.ts";
import type { Proposal, Tip } from "../core/ports.ts";
import type {
  Commit,
  Prepare,
  PreparedCertificate,
  PrePrepare,
  RoundChange,
  Verified,
  VoteMessage,
} from "./message.ts";
import type { ShownVote } from "./shown_vote.ts";
import type { BlockVote, Vote, VotePosition } from "./vote.ts";

/** What does not change while the process runs. */
export interface Tools {
  readonly crypto: CryptoPort;
  /** Our key, known also while we are no member. */
  readonly publicKey: PublicKey;
  /** Ed25519: the same message gives the same signature. */
  readonly sign: (message: Bytes) => Signature;
}

/** The block of the current round's proposal. */
export interface CurrentProposal {
  readonly round: Round;
  readonly blockHash: Hash;
  readonly proposal: Proposal;
  readonly status: "validating" | "valid" | "invalid";
}

/** A height's votes: one slot a member and kind, which holds its vote of the highest round. */
export interface VoteSlots {
  readonly prePrepares: ReadonlyMap<number, BlockVote<"pre-prepare">>;
  readonly prepares: ReadonlyMap<number, Prepare>;
  readonly commits: ReadonlyMap<number, Commit>;
  readonly roundChanges: ReadonlyMap<number, RoundChange>;
}

/** The last vote of each kind that we cast at this height, as it was sent. */
export interface OwnVotes {
  readonly prePrepare: PrePrepare | null;
  readonly prepare: Prepare | null;
  readonly commit: Commit | null;
  readonly roundChange: RoundChange | null;
}

/** Our own part at one height, as the journal gives it back. */
export interface OwnPart {
  readonly own: OwnVotes;
  /** The block of our PREPARE. Whether its bodies are still here is to be asked anew. */
  readonly block: Proposal | null;
  /** Our lock: the block of the highest round in which we saw a quorum of PREPAREs. */
  readonly prepared: PreparedCertificate | null;
}

/** What is known about the other members, by index. Lasts over heights. */
export interface Peers {
  /** Members whose greeting came since the start. */
  readonly heard: ReadonlySet<number>;
  /** Whether the link stands; unknown before the first greeting. */
  readonly links: ReadonlyMap<number, boolean>;
  /** The highest chain height that the member showed or claimed. */
  readonly heights: ReadonlyMap<number, Height>;
  /** The member's highest vote seen, to be shown to it; the journal keeps these. */
  readonly seen: ReadonlyMap<number, ShownVote>;
}

/** What members were seen to sign at one height, by index in one federation; counted towards nothing. */
export interface Witnessed {
  readonly federationHash: Hash;
  /** The oldest first. */
  readonly votes: ReadonlyMap<number, readonly Vote[]>;
  /** Members already accused at this height. */
  readonly accused: ReadonlySet<number>;
}

/** A quorum of COMMITs. */
export interface Outcome {
  readonly blockHash: Hash;
  readonly certificate: Certificate;
  /** Members that have the block. */
  readonly signers: readonly number[];
  /** The `commit` action was given: the block is the chain's now. */
  readonly handed: boolean;
}

/** The whole state. Height = tip + 1. */
export interface State {
  readonly tools: Tools;
  /** Our index in the federation in force; −1 for who is no member and never votes. */
  readonly self: number;
  readonly tip: Tip;
  /** The height being decided: the tip's plus one. */
  readonly height: Height;
  /** Never falls within a height. */
  readonly round: Round;

  /** Something can be proposed now. */
  readonly work: boolean;
  /** The heartbeat interval has passed since the last block. */
  readonly heartbeatDue: boolean;
  /** Round for which the driver runs each timer; null when it does not run. */
  readonly timers: { readonly round: Round | null; readonly resend: Round | null };

  readonly own: OwnVotes;
  /** Our lock: the block of the highest round in which we saw a quorum of PREPAREs. */
  readonly prepared: PreparedCertificate | null;
  /** Blocks of this height that are valid and durable here, by hash in hexadecimal, the oldest first. */
  readonly blocks: ReadonlyMap<string, Proposal>;
  /** Belongs to `round`. */
  readonly current: CurrentProposal | null;
  /** Our own new block for a round: asked for, then built. */
  readonly build: { readonly round: Round; readonly proposal: Proposal | null } | null;
  readonly votes: VoteSlots;
  /** The highest round at this height in which each member was shown to be. */
  readonly rounds: ReadonlyMap<number, Round>;
  readonly outcome: Outcome | null;
  /** By height, from a few below this one to the next ones. */
  readonly witnessed: ReadonlyMap<Height, Witnessed>;

  /** Our highest vote ever, durable before it is sent. Never falls. */
  readonly position: VotePosition;
  /** We vote only above this height. */
  readonly followUntil: Height;
  /** Our part at a height above, from a journal that is ahead of the chain. */
  readonly resume: { readonly height: Height; readonly part: OwnPart } | null;
  readonly peers: Peers;
  /** Messages about the next heights, by sender. */
  readonly future: ReadonlyMap<number, readonly Verified<VoteMessage>[]>;
}

/** Nothing voted yet. */
export const NO_PART: OwnPart = {
  own: { prePrepare: null, prepare: null, commit: null, roundChange: null },
  block: null,
  prepared: null,
};

/** Nobody heard yet. */
export const NO_PEERS: Peers = {
  heard: new Set(),
  links: new Map(),
  heights: new Map(),
  seen: new Map(),
};

/** What a member does at the current height, and why. */
export type Standing =
  /** It votes. */
  | "voting"
  /** It is no member. */
  | "observing"
  /** It has not yet heard a quorum since its start. */
  | "waiting"
  /** Its journal, or a peer, shows votes of its own at heights that the chain has not passed. */
  | "following"
  /** The height is decided, and the block is being stored. */
  | "decided";

/** Whether and why not this member votes. */
export function standingOf({ self, outcome, height, followUntil, peers, tip }: State): Standing {
  if (self < 0) return "observing";
  if (outcome?.handed) return "decided";
  if (height <= followUntil) return "following";
  return peers.heard.size >= tip.federation.quorum - 1 ? "voting" : "waiting";
}

/** Whether this member votes at the current height. */
export function mayVote(state: State): boolean {
  return standingOf(state) === "voting";
}
