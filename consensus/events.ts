/**
 * What goes into `step` and what comes out: the whole surface between the protocol and whoever drives it.
 *
 * The driver posts events one after the other, and runs the actions of each step in list order, awaiting `persist`
 * and `commit`, before it posts the next event. `build`, `validate`, `fetchDecided` and `adopt` are only started;
 * their outcome comes back as an event. How to drive is said in docs/PROTOCOL.md, "Driving the protocol".
 *
 * @module
 */
import type { RawBlock } from "../core/block.ts";
import type { Hash, Height, Round } from "../core/brands.ts";
import type { Bytes } from "../core/bytes.ts";
import type { Certificate } from "../core/certificate.ts";
import type { Proposal, Tip } from "../core/ports.ts";
import type { Evidence } from "./evidence.ts";
import type { Message, Verified } from "./message.ts";
import type { ShownVote } from "./shown_vote.ts";

/** What happened. */
export type Event =
  /** A message that was verified under the federation in force; `from` is the member at the other end of the link. */
  | { readonly kind: "message"; readonly from: number; readonly message: Verified }
  /** The round timer set for this height and round expired. */
  | { readonly kind: "timeout"; readonly height: Height; readonly round: Round }
  /** The resend timer set for this height and round expired. */
  | { readonly kind: "resend"; readonly height: Height; readonly round: Round }
  /** The heartbeat timer set for this height expired: an empty block is due. */
  | { readonly kind: "heartbeat"; readonly height: Height }
  /** Whether something can be proposed now; posted when that changes. */
  | { readonly kind: "work"; readonly available: boolean }
  /** The answer to `build`. The block and its bodies are valid and durable here. */
  | { readonly kind: "built"; readonly height: Height; readonly round: Round; readonly proposal: Proposal }
  /**
   * The answer to `validate`. "valid": every body is here, the block is valid on the tip, and both are durable.
   * "invalid": a body or the block breaks a rule. No answer while bodies are missing.
   */
  | {
    readonly kind: "validated";
    readonly height: Height;
    readonly round: Round;
    readonly blockHash: Hash;
    readonly verdict: "valid" | "invalid";
  }
  /** The chain has a new tip, durable, by `commit` or by catching up. `self` is −1 for who is no member there. */
  | { readonly kind: "advanced"; readonly tip: Tip; readonly self: number; readonly work: boolean }
  /** A link to a member stands. It said its chain's height, and the highest vote of ours that it has seen. */
  | {
    readonly kind: "peerUp";
    readonly member: number;
    readonly height: Height;
    readonly highest: ShownVote | null;
  }
  /** A member said its chain's height. */
  | { readonly kind: "peerHeight"; readonly member: number; readonly height: Height }
  /** The link to a member broke. */
  | { readonly kind: "peerDown"; readonly member: number };

/** The timers: one of each kind; setting one again replaces it. */
export type TimerName = "round" | "resend" | "heartbeat";

/** What to do, in list order. */
export type Action =
  /** Append the records to the vote journal and sync it to disk; at most one a step, and always first. */
  | { readonly kind: "persist"; readonly height: Height; readonly records: readonly Bytes[] }
  /** Post the timer's event, with this height and round, after `ms`. */
  | {
    readonly kind: "setTimer";
    readonly timer: TimerName;
    readonly height: Height;
    readonly round: Round;
    readonly ms: number;
  }
  | { readonly kind: "clearTimer"; readonly timer: TimerName }
  /** Send to one member, or to all others; lost without a word where no link stands. */
  | { readonly kind: "send"; readonly to: number | "all"; readonly message: Message }
  /**
   * Make a block on the tip with this created round, make it durable, post `built`; replaces an earlier one. Where
   * nothing can be proposed the block is empty; in round 0 without a heartbeat, `work` with false answers too.
   */
  | { readonly kind: "build"; readonly height: Height; readonly round: Round }
  /**
   * Fetch missing bodies from members of `from`, validate, make durable, post `validated`; replaces an earlier one.
   * Only a `fresh` block's time is compared with the clock.
   */
  | {
    readonly kind: "validate";
    readonly height: Height;
    readonly round: Round;
    readonly blockHash: Hash;
    readonly proposal: Proposal;
    readonly fresh: boolean;
    readonly from: readonly number[];
  }
  /** Append the block, whose bodies are durable here, to the chain with its certificate; then post `advanced`. */
  | {
    readonly kind: "commit";
    readonly height: Height;
    readonly blockHash: Hash;
    readonly proposal: Proposal;
    readonly certificate: Certificate;
  }
  /** Judge a decided block that a member sent, append it, then post `advanced`. */
  | { readonly kind: "adopt"; readonly height: Height; readonly block: RawBlock; readonly from: number }
  /** Catch up from `height` on: one of `from` has decided it. */
  | { readonly kind: "fetchDecided"; readonly height: Height; readonly from: readonly number[] }
  /** Send DECIDED for `height`, which is on our chain, to a member that is still there. */
  | { readonly kind: "sendDecided"; readonly to: number; readonly height: Height }
  /** Keep this proof of a member's misbehaviour. */
  | { readonly kind: "evidence"; readonly evidence: Evidence };
