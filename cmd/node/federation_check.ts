/**
 * Judges a federation document's certificates when a node starts: every member's key must be certified by the
 * document's authority at the document's time. A certificate that has run out since warns and stops nothing.
 *
 * @module
 */
import { equal } from "../../core/bytes.ts";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import { checkMember } from "../../core/platform/x509.ts";
import type { Log } from "../common/log.ts";

/** Throws `federation-certificate` for a member whose certificate does not hold. */
export async function checkFederation({ document }: Federation, { nowMs, log }: { nowMs: number; log: Log }) {
  const { authority, members, time } = document;
  for (const { name, key, certificate } of members) {
    const judged = await checkMember({ certificate, authority, atMs: time });
    const detail = judged.ok ? "it certifies another key" : judged.detail;
    if (!judged.ok || !equal(judged.value, key)) {
      throw new VnfchainError(`read federation document: certificate of member ${name}: ${detail}`, {
        code: "federation-certificate",
        hint: "ask an operator of the federation for the document again",
        exitCode: EXIT.usage,
      });
    }
    const today = await checkMember({ certificate, authority, atMs: nowMs });
    if (!today.ok) {
      log.warning("a member's certificate does not hold any more", { member: name, detail: today.detail });
    }
  }
}
