/**
 * The members' X.509 certificates: each must be the authority's, valid when the federation began, and certify the very
 * key that the document names. Later expiry never stops a chain.
 *
 * @module
 */
import { equal } from "../../core/bytes.ts";
import { refuse } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import { checkMember } from "../../core/platform/x509.ts";
import { failure, type Finding } from "./finding.ts";

/** A failure for each member whose certificate does not hold. */
export async function checkCertificates({ document }: Federation): Promise<readonly Finding[]> {
  const { authority, members, time: atMs } = document;
  const findings: Finding[] = [];
  for (const { name, key, certificate } of members) {
    const certified = await checkMember({ certificate, authority, atMs });
    if (certified.ok && equal(certified.value, key)) continue;
    const detail = certified.ok ? "its certificate is for another key" : certified.detail;
    findings.push(failure(0, refuse("federation-certificate", `member ${name}: ${detail}`)));
  }
  return findings;
}
