/**
 * The members' X.509 certificates: each must be the authority's, valid at the time at which the document is admitted,
 * and certify the very key that the document names. Later expiry never stops a chain.
 *
 * @module
 */
import { equal } from "../bytes.ts";
import { type Refusal, refuse } from "../errors.ts";
import type { FederationDocument } from "../federation.ts";
import { checkMember } from "./x509.ts";

/**
 * A refusal (`federation-certificate`) for each member whose certificate does not hold, naming the member. `atMs` is
 * the time of the block that decides the document; of the first document, its own.
 */
export async function checkCertificates(
  { authority, members }: FederationDocument,
  { atMs }: { readonly atMs: number },
): Promise<readonly Refusal[]> {
  const refusals: Refusal[] = [];
  for (const { name, key, certificate } of members) {
    const judged = await checkMember({ certificate, authority, atMs });
    if (judged.ok && equal(judged.value, key)) continue;
    const detail = judged.ok ? "it certifies another key" : judged.detail;
    refusals.push(refuse("federation-certificate", `certificate of member ${name}: ${detail}`));
  }
  return refusals;
}
