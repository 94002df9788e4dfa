/**
 * Lists of signatures by several members: distinct by being in order of member index.
 *
 * @module
 */
import type { Signature } from "../core/brands.ts";
import { type Refusal, refuse } from "../core/errors.ts";
import { type Federation, memberAt } from "../core/federation.ts";
import type { CryptoPort } from "../core/crypto_port.ts";
import type { MemberSignature } from "./message.ts";
import { type Vote, voteMessage, type VoteSubject } from "./vote.ts";

/** What signatures are judged against. */
export interface VerifyContext {
  readonly federation: Federation;
  readonly crypto: CryptoPort;
}

/** Whether a vote's signature is its sender's; the sender must be a member's index. */
export function isSigned(vote: Vote, { federation, crypto }: VerifyContext): boolean {
  return crypto.verify(memberAt(federation, vote.sender).key, voteMessage(federation, vote), vote.signature);
}

/**
 * Checks that a quorum of distinct members signed, each what `subjectOf` says of its entry.
 * Refuses, as `message-justification`, members twice or out of order, strangers, too few, and a wrong signature.
 */
export function checkQuorum<S extends MemberSignature>(
  entries: readonly S[],
  { context: { federation, crypto }, subjectOf }: {
    context: VerifyContext;
    subjectOf: (entry: S) => VoteSubject;
  },
): Refusal | undefined {
  const n = federation.document.members.length;
  if (entries.length < federation.quorum) {
    return refuse("message-justification", `${entries.length} signatures, wanted ${federation.quorum}`);
  }
  let previous = -1;
  for (const { sender } of entries) {
    // Ascending order makes every signer count once, whoever put the list together.
    if (sender <= previous || sender >= n) {
      return refuse("message-justification", `member ${sender} after member ${previous}, of ${n}`);
    }
    previous = sender;
  }
  const wrong = entries.find((entry) =>
    !crypto.verify(
      memberAt(federation, entry.sender).key,
      voteMessage(federation, subjectOf(entry)),
      entry.signature,
    )
  );
  return wrong && refuse("message-justification", `the signature of member ${wrong.sender} does not verify`);
}

/** Signatures by member index as a list in order of sender. */
export function inOrder(signatures: ReadonlyMap<number, Signature>): readonly MemberSignature[] {
  return [...signatures].sort(([a], [b]) => a - b).map(([sender, signature]) => ({ sender, signature }));
}
