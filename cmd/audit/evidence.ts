/**
 * Evidence that came with a chain: each piece is judged under the federation document that its votes name, as the
 * replay has met it. What holds is a notice: the chain bears such members. What does not hold is a failure, of the
 * archive and not of the member: somebody has altered it, or accuses falsely.
 *
 * @module
 */
import { type Bytes, toHex } from "../../core/bytes.ts";
import type { Refusal } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import { platformCrypto as crypto } from "../../core/platform/crypto.ts";
import { decodeEvidence, type Evidence, judgeEvidence } from "../../consensus/evidence.ts";
import { describeEvidence, evidenceText } from "../common/evidence_text.ts";
import { failure, type Finding } from "./finding.ts";

/** Evidence that waits for the documents by which it is judged. */
export interface EvidenceCheck {
  /** A document that is in force at some height of the chain. */
  readonly onFederation: (federation: Federation) => void;
  /** Judges the pieces; `complete` tells whether all documents of the chain were met. */
  readonly finish: (pieces: readonly Bytes[], end: { readonly complete: boolean }) => readonly Finding[];
  /** Pieces that hold. */
  readonly proven: () => number;
}

/** Knows the first document. */
export function openEvidenceCheck(first: Federation): EvidenceCheck {
  const documents = new Map([[toHex(first.hash), first]]);
  let proven = 0;

  function judge(piece: Bytes, { index, complete }: { index: number; complete: boolean }): Finding {
    const decoded = decodeEvidence(piece);
    if (!decoded.ok) return rejected(decoded, `evidence ${index}`);
    const what = `evidence ${index}, ${accusation(decoded.value)}`;
    const federation = documents.get(toHex(decoded.value.federationHash));
    if (federation === undefined) return withoutDocument(what, { complete });
    const judged = judgeEvidence(decoded.value, { federation, crypto });
    if (!judged.ok) return rejected(judged, what);
    proven++;
    const evidence = describeEvidence(decoded.value, { federation, contradiction: judged.value });
    const { height, member, contradiction } = evidence;
    const detail = evidenceText(evidence);
    return { severity: "notice", height, rule: "evidence", member, contradiction, detail };
  }

  return {
    onFederation: (federation) => void documents.set(toHex(federation.hash), federation),
    finish: (pieces, { complete }) => pieces.map((piece, index) => judge(piece, { index, complete })),
    proven: () => proven,
  };
}

function accusation({ first: { sender, height } }: Evidence): string {
  return `against member ${sender} at height ${height}`;
}

function rejected({ code, detail }: Refusal, what: string): Finding {
  return failure(0, { code, detail: `${what}, proves nothing: ${detail}` });
}

/** A document that comes after the block that failed was not met. */
function withoutDocument(what: string, { complete }: { complete: boolean }): Finding {
  const rule = "evidence-proof";
  return complete
    ? failure(0, { code: rule, detail: `${what}, proves nothing: the chain has no such federation` })
    : { severity: "notice", height: 0, rule, detail: `${what}: not judged` };
}
