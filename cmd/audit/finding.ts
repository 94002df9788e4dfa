/**
 * Findings: what an audit has to say about a chain.
 *
 * @module
 */
import type { Height } from "../../core/brands.ts";
import type { RefusalCode } from "../../core/refusals.ts";
import type { ProvenEvidence } from "../common/evidence_text.ts";

/** One thing that was found. A type, not an interface: it is printed as JSON as it stands. */
export type Finding = {
  /** A failure means that the chain does not hold; a notice is worth a look. */
  readonly severity: "failure" | "notice";
  /** The block concerned; 0 when it is none. */
  readonly height: number;
  /** The transaction concerned: its index in the block, and its id in hexadecimal where it has one. */
  readonly transaction?: { readonly index: number; readonly id: string | null };
  /**
   * The rule that is broken; `outage` for a gap between blocks, `receipt` for one that could not be judged,
   * `federation` for a change of the members, `evidence` for a proof against a member.
   */
  readonly rule: RefusalCode | "outage" | "receipt" | "federation" | "evidence";
  /** Whom evidence is against, and how it contradicts itself. */
  readonly member?: ProvenEvidence["member"];
  readonly contradiction?: ProvenEvidence["contradiction"];
  /** For people; may hold text from the chain, to be escaped. */
  readonly detail: string;
};

/** A failure of a block, or of what stands outside all blocks (height 0). */
export function failure(
  height: Height | 0,
  { code, detail }: { readonly code: RefusalCode; readonly detail: string },
): Finding {
  return { severity: "failure", height, rule: code, detail };
}

/** Whether nothing failed. */
export function holds(findings: readonly Finding[]): boolean {
  return findings.every(({ severity }) => severity !== "failure");
}
