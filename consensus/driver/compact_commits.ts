/**
 * The COMMIT signatures that came from their own signers lately, late ones included: with them a compact proposal's
 * parent certificate is put together again. Of the last decided height and those that follow, one a member and
 * height. Nothing here is verified: a member that signs nonsense spoils its own signature alone.
 *
 * @module
 */
import type { Signature } from "../../core/brands.ts";
import { type Bytes, equal } from "../../core/bytes.ts";
import { type Certificate, signersOf } from "../../core/certificate.ts";
import type { Federation } from "../../core/federation.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Tip } from "../../core/ports.ts";
import { prefixOf } from "./compact_form.ts";

/** A COMMIT, its block by the first bytes of its hash. */
export interface SeenCommit {
  readonly height: number;
  readonly round: number;
  /** Its number, which stays when the federation changes. */
  readonly sender: number;
  readonly prefix: Bytes;
  readonly signature: Signature;
}

/** The signatures. */
export interface SeenCommits {
  /** Keeps the newest of each member and height that is near the tip. */
  readonly note: (commit: SeenCommit, tip: Tip) => void;
  /**
   * The signature, over the tip's block in this round, of the member at an index in the document that signed it; the
   * tip's own certificate helps out after a start.
   */
  readonly signatureOf: (member: number, wanted: { tip: Tip; round: number }) => Signature | undefined;
}

/** Starts with none. `numberAt` gives a member's number; its index, in a federation that never changes. */
export function makeSeenCommits(
  numberAt: (federation: Federation, index: number) => number = (_, index) => index,
): SeenCommits {
  const byHeight = new Map<number, Map<number, SeenCommit>>();
  return {
    note: (commit, { parent }) => {
      const { height, sender } = commit;
      for (const old of byHeight.keys()) if (old < parent.height) byHeight.delete(old);
      if (height < parent.height || height > parent.height + 1 + LIMITS.futureHeights) return;
      const bySender = byHeight.get(height) ?? new Map<number, SeenCommit>();
      byHeight.set(height, bySender.set(sender, commit));
    },
    signatureOf: (member, { tip: { parent, certificate, signedBy }, round }) => {
      const commit = byHeight.get(parent.height)?.get(numberAt(signedBy, member));
      if (commit?.round === round && equal(commit.prefix, prefixOf(parent.hash))) return commit.signature;
      return certificate?.round === round ? signatureIn(certificate, member) : undefined;
    },
  };
}

function signatureIn({ bitmap, signatures }: Certificate, member: number): Signature | undefined {
  const place = signersOf(bitmap, bitmap.length * 8)?.indexOf(member) ?? -1;
  return signatures[place];
}
