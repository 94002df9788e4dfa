/**
 * Votes of a member that contradicts itself, signed with its real key.
 *
 * @module
 */
import { asHash, asHeight, asRound } from "../../core/brands.ts";
import type { Federation } from "../../core/federation.ts";
import type { PrivateKey } from "../../core/platform/private_key.ts";
import type { Evidence } from "../../consensus/evidence.ts";
import { type Vote, voteMessage, type VoteSubject } from "../../consensus/vote.ts";

/** Who signs. */
export interface Liar {
  readonly federation: Federation;
  readonly key: PrivateKey;
  /** Its index in the federation. */
  readonly sender: number;
}

/** Signs a vote. */
export function signVote({ federation, key, sender }: Liar, subject: VoteSubject): Vote {
  return { ...subject, sender, signature: key.sign(voteMessage(federation, subject)) } as Vote;
}

/** Two PREPAREs for one height and round. */
export function doublePrepare(liar: Liar, height: number): Evidence {
  const vote = (byte: number) =>
    signVote(liar, {
      kind: "prepare",
      height: asHeight(height),
      round: asRound(0),
      blockHash: asHash(new Uint8Array(32).fill(byte)),
    });
  return { federationHash: liar.federation.hash, first: vote(1), second: vote(2) };
}

/** A COMMIT, and a ROUND-CHANGE that does not own up to it. */
export function amnesia(liar: Liar, height: number): Evidence {
  const at = { height: asHeight(height) };
  const blockHash = asHash(new Uint8Array(32).fill(1));
  return {
    federationHash: liar.federation.hash,
    first: signVote(liar, { kind: "commit", ...at, round: asRound(0), blockHash }),
    second: signVote(liar, { kind: "round-change", ...at, round: asRound(2), prepared: null }),
  };
}
