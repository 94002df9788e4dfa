/**
 * From a message to its compact form. Only votes and proposals of round 0 have one: above it something has gone
 * wrong already, and what everybody knows is less certain.
 *
 * @module
 */
import { concat } from "../../core/bytes.ts";
import type { HashFunction } from "../../core/hashing.ts";
import type { Message, PrePrepare } from "../message.ts";
import { type CompactForm, type CompactProposal, prefixOf, shortIds } from "./compact_form.ts";

/** The compact form of a message of ours; null when it has none. */
export function compactOf(hash: HashFunction, message: Message): CompactForm | null {
  if (message.kind === "decided" || message.kind === "round-change" || message.round > 0) return null;
  if (message.kind === "pre-prepare") return { kind: "proposal", form: compactProposal(hash, message) };
  const { kind, height, blockHash, signature } = message;
  return { kind, form: { height, prefix: prefixOf(blockHash), signature } };
}

function compactProposal(hash: HashFunction, { height, proposal, signature }: PrePrepare): CompactProposal {
  const { header, ids, parentCertificate } = proposal;
  const { time, stateRoot } = header;
  return {
    height,
    time,
    stateRoot,
    parentCertificate: parentCertificate === null
      ? null
      : { round: parentCertificate.round, bitmap: parentCertificate.bitmap },
    shortIds: concat(...ids.map(shortIds(hash, header))),
    signature,
  };
}
