/**
 * Deciding: COMMIT on a quorum of PREPAREs, the block on a quorum of COMMITs, and DECIDED for who lags.
 * Source: QBFT (Moniz, arXiv 2002.03613), Algorithm 2, lines 11 to 17; docs/PROTOCOL.md, "Normal case".
 *
 * @module
 */
import { blockHash as hashOf } from "../core/block.ts";
import { equal, toHex } from "../core/bytes.ts";
import { makeCertificate, signersOf } from "../core/certificate.ts";
import { assert } from "../core/errors.ts";
import { blockOf, type Draft } from "./draft.ts";
import type { Commit, Decided } from "./message.ts";
import { castVote } from "./own_vote.ts";
import { fetchDecided, noteHeight } from "./peers.ts";
import { inOrder } from "./quorum.ts";
import { signaturesFor } from "./slots.ts";
import { mayVote, type State } from "./state.ts";

/**
 * COMMIT: a quorum of PREPAREs for exactly this round and the block that we sent PREPARE for, whose bodies are
 * durable here. The quorum becomes our lock and is durable before COMMIT is sent. Once a round.
 */
export function voteCommit(draft: Draft): boolean {
  const { height, round, own, tip } = draft;
  if (!mayVote(draft) || draft.outcome !== null) return false;
  if (own.prepare?.round !== round || own.commit?.round === round) return false;
  const { blockHash } = own.prepare;
  const proposal = blockOf(draft, blockHash);
  const signatures = signaturesFor(draft.votes.prepares, { round, blockHash });
  if (proposal === undefined || signatures.size < tip.federation.quorum) return false;
  const prepares = inOrder(signatures);
  draft.prepared = { round, blockHash, proposal, prepares };
  castVote(draft, { kind: "commit", height, round, blockHash }, { prepares });
  return true;
}

/**
 * A quorum of COMMITs for one block in one round, whichever round, decides the height. Where the block is not here,
 * the signers have it.
 */
export function decide(draft: Draft): boolean {
  if (draft.outcome === null) {
    const found = decidedBy(draft);
    if (found === undefined) return false;
    const votes = signaturesFor(draft.votes.commits, found);
    const certificate = makeCertificate(draft.tip.federation, { subject: subjectOf(found), votes });
    const signers = inOrder(votes).map(({ sender }) => sender).filter((member) => member !== draft.self);
    draft.outcome = { blockHash: found.blockHash, certificate, signers, handed: false };
    if (blockOf(draft, found.blockHash) === undefined) fetchDecided(draft, signers);
  }
  return handOver(draft);
}

function subjectOf({ height, round, blockHash }: Commit): Pick<Commit, "height" | "round" | "blockHash"> {
  return { height, round, blockHash };
}

/** A COMMIT whose round and block a quorum shares. */
function decidedBy({ votes: { commits }, tip }: State): Commit | undefined {
  const counts = new Map<string, number>();
  for (const vote of commits.values()) {
    const subject = `${vote.round}/${toHex(vote.blockHash)}`;
    const count = (counts.get(subject) ?? 0) + 1;
    if (count >= tip.federation.quorum) return vote;
    counts.set(subject, count);
  }
  return undefined;
}

/** Gives a decided block whose bodies are here to the chain. */
function handOver(draft: Draft): boolean {
  const { outcome, height } = draft;
  if (outcome === null || outcome.handed) return false;
  const { blockHash, certificate } = outcome;
  const proposal = blockOf(draft, blockHash);
  if (proposal === undefined) return false;
  draft.outcome = { ...outcome, handed: true };
  draft.actions.push({ kind: "commit", height, blockHash, proposal, certificate });
  return true;
}

/** A decided block, its certificate verified: at our height it ends the voting; above, its sender can help us. */
export function onDecided(
  draft: Draft,
  { message: { block }, from }: { message: Decided; from: number },
): void {
  const { header, certificate } = block;
  noteHeight(draft, { member: from, height: header.height });
  if (header.height > draft.height) return fetchDecided(draft, [from]);
  if (header.height < draft.height || draft.outcome?.handed) return;
  const blockHash = hashOf(draft.tools.crypto.hash, header);
  if (draft.outcome === null) {
    const signers = signersOf(certificate.bitmap, draft.tip.federation.document.members.length) ?? [];
    const others = signers.filter((member) => member !== draft.self);
    draft.outcome = { blockHash, certificate, signers: others, handed: false };
  }
  // Two certified blocks at one height: more members than the federation bears have failed. Better no vote at all.
  assert(equal(draft.outcome.blockHash, blockHash), `two certified blocks at height ${header.height}`);
  if (blockOf(draft, blockHash) !== undefined) return;
  draft.actions.push({ kind: "adopt", height: header.height, block, from });
}
