/**
 * Whose turn it is. The leader stays while its blocks are decided, and changes with each round and each tenure; all
 * of it follows from committed headers, so every member and every auditor finds the same one.
 * Source: docs/PROTOCOL.md, "Leader".
 *
 * @module
 */
import type { PublicKey, Round } from "../core/brands.ts";
import { memberAt, memberIndex } from "../core/federation.ts";
import type { Tip } from "../core/ports.ts";

/**
 * The index of the member that may propose in `round` on this tip: (base + round) mod n. The base is the proposer in
 * the tip's header (0 before the first block, or when it is no member now), plus one at heights divisible by the
 * tenure. A header's proposer must be the leader of its created round.
 */
export function leaderAt({ parent, header, federation }: Tip, round: Round): number {
  const { members, parameters } = federation.document;
  const last = header === null ? 0 : Math.max(0, memberIndex(federation, header.proposer));
  const base = (parent.height + 1) % parameters.tenureBlocks === 0 ? last + 1 : last;
  return (base + round) % members.length;
}

/** The public key of the member that may propose in `round` on this tip. */
export function leaderKeyAt(tip: Tip, round: Round): PublicKey {
  return memberAt(tip.federation, leaderAt(tip, round)).key;
}
