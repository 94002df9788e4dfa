/**
 * The members' X.509 certificates: each must be the authority's, valid at the document's time, and certify the very
 * key that the document names. Later expiry never stops a chain.
 *
 * @module
 */
import { equal } from "../../core/bytes.ts";
import { type Refusal, refuse } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import { checkMember } from "../../core/platform/x509.ts";

/** A refusal (`federation-certificate`) for each member whose certificate does not hold, naming the member. */
export async function checkCertificates({ document }: Federation): Promise<readonly Refusal[]> {
  const { authority, members, time: atMs } = document;
  const refusals: Refusal[] = [];
  for (const { name, key, certificate } of members) {
    const judged = await checkMember({ certificate, authority, atMs });
    if (judged.ok && equal(judged.value, key)) continue;
    const detail = judged.ok ? "it certifies another key" : judged.detail;
    refusals.push(refuse("federation-certificate", `certificate of member ${name}: ${detail}`));
  }
  return refusals;
}
