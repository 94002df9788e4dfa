/**
 * Judges the first federation document's certificates when a node starts; later ones were judged by the blocks that
 * decided them. A certificate in force that has run out since warns and stops nothing.
 *
 * @module
 */
import { EXIT, VnfchainError } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import { checkMember } from "../../core/platform/x509.ts";
import type { Log } from "../common/log.ts";
import { checkCertificates } from "../../core/platform/federation_certificates.ts";

/** Throws `federation-certificate` for a member whose certificate does not hold at the document's own time. */
export async function checkFederation(federation: Federation): Promise<void> {
  const [refusal] = await checkCertificates(federation.document, { atMs: federation.document.time });
  if (refusal !== undefined) {
    throw new VnfchainError(`read federation document: ${refusal.detail}`, {
      code: refusal.code,
      hint: "ask an operator of the federation for the document again",
      exitCode: EXIT.usage,
    });
  }
}

/** Warns of certificates in a document that do not hold any more. */
export async function warnOfExpired(
  federation: Federation,
  { nowMs, log }: { nowMs: number; log: Log },
): Promise<void> {
  const { authority, members } = federation.document;
  for (const { name, certificate } of members) {
    const today = await checkMember({ certificate, authority, atMs: nowMs });
    if (today.ok) continue;
    log.warning("a member's certificate does not hold any more", { member: name, detail: today.detail });
  }
}
