/**
 * Verifies messages: from a decoded message to a {@link Verified} one, the only kind that `step` takes.
 *
 * Refuses strangers, rounds above the limit, signatures that do not hold, blocks that are not what was signed, and
 * proposals and prepared blocks without their proof. What depends on the chain (parent, leader, state) is judged
 * later. Source: docs/PROTOCOL.md, "Messages".
 *
 * @module
 */
import { blockHash as hashOf, type Header, transactionsRoot } from "../core/block.ts";
import { type Hash, type Height, ZERO_HASH } from "../core/brands.ts";
import { equal } from "../core/bytes.ts";
import { type Certificate, certificateHash, verifyCertificate } from "../core/certificate.ts";
import { accept, type Refusal, refuse, type Verdict } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Proposal } from "../core/ports.ts";
import { checkJustification, checkPrepares } from "./justification.ts";
import type { Decided, Message, RoundChange, Verified, VoteMessage } from "./message.ts";
import { isSigned, type VerifyContext } from "./quorum.ts";
import { decodeMessage } from "./wire.ts";

/** Decodes and verifies what a member sent. */
export function readMessage(bytes: Uint8Array, context: VerifyContext): Verdict<Verified> {
  const decoded = decodeMessage(bytes);
  return decoded.ok ? verifyMessage(decoded.value, context) : decoded;
}

/** Verifies a message under the federation given; cheap checks come first. */
export function verifyMessage(message: Message, context: VerifyContext): Verdict<Verified> {
  const problem = message.kind === "decided" ? checkDecided(message, context) : checkVote(message, context);
  return problem ?? accept({ message, federationHash: context.federation.hash } as Verified);
}

function checkVote(message: VoteMessage, context: VerifyContext): Refusal | undefined {
  const { height, round, sender } = message;
  const n = context.federation.document.members.length;
  if (sender >= n) return refuse("message-member", `sender ${sender} of ${n} members`);
  if (height < 1) return refuse("message-format", "height is 0");
  if (round > LIMITS.rounds) return refuse("message-format", `round ${round}, at most ${LIMITS.rounds}`);
  if (!isSigned(message, context)) {
    return refuse("message-signature", `the signature of member ${sender} does not verify`);
  }
  switch (message.kind) {
    case "pre-prepare":
      return checkProposal(message.proposal, { ...message, context }) ?? checkJustification(message, context);
    case "round-change":
      return checkRoundChange(message, context);
    default:
      return undefined;
  }
}

/** A prepared block comes with its quorum of PREPAREs; nothing is prepared at or above the round entered. */
function checkRoundChange(
  { height, round, prepared }: RoundChange,
  context: VerifyContext,
): Refusal | undefined {
  if (round === 0) return refuse("message-format", "a round change to round 0");
  if (prepared === null) return undefined;
  if (prepared.round >= round || prepared.proposal.header.createdRound > prepared.round) {
    return refuse("message-justification", `prepared in round ${prepared.round}, round change to ${round}`);
  }
  return checkProposal(prepared.proposal, { height, blockHash: prepared.blockHash, context }) ??
    checkPrepares({ height, ...prepared }, context);
}

/** The block that was signed is this one, of this chain, federation and height. */
function checkProposal(
  { header, ids, parentCertificate }: Proposal,
  { height, blockHash, context }: { height: Height; blockHash: Hash; context: VerifyContext },
): Refusal | undefined {
  const { federation, crypto: { hash } } = context;
  if (!equal(hashOf(hash, header), blockHash)) {
    return refuse("message-format", "another block than the one signed");
  }
  if (header.height !== height) {
    return refuse("block-link", `block ${header.height} in a message about ${height}`);
  }
  if (!equal(header.genesisId, federation.genesisId) || !equal(header.federation, federation.hash)) {
    return refuse("block-link", "the block is of another chain or federation");
  }
  if (header.count !== ids.length || !equal(header.transactionsRoot, transactionsRoot(hash, ids))) {
    return refuse("block-root", "the transaction ids are not those that the header names");
  }
  return checkParentCertificate(parentCertificate, { header, context });
}

/** Its signatures are for the chain to judge, which knows the parent's federation. */
function checkParentCertificate(
  certificate: Certificate | null,
  { header, context }: { header: Header; context: VerifyContext },
): Refusal | undefined {
  const named = certificate === null ? ZERO_HASH : certificateHash(context.crypto.hash, certificate);
  return equal(header.parentCertificate, named) && (certificate === null) === (header.height === 1)
    ? undefined
    : refuse("certificate-mismatch", "the header names another certificate of its parent");
}

function checkDecided({ block }: Decided, context: VerifyContext): Refusal | undefined {
  const { header, certificate, parentCertificate, transactions } = block;
  if (!equal(header.federation, context.federation.hash)) {
    return refuse("block-link", "the decided block is of another federation");
  }
  if (header.count !== transactions.length) {
    return refuse(
      "block-format",
      `${transactions.length} transactions, but the header counts ${header.count}`,
    );
  }
  const subject = { height: header.height, hash: hashOf(context.crypto.hash, header) };
  const verdict = verifyCertificate(certificate, { ...context, block: subject });
  return verdict.ok ? checkParentCertificate(parentCertificate, { header, context }) : verdict;
}
