/**
 * The votes that messages and certificates carry beside their own: each is its signer's as if it had come alone.
 *
 * @module
 */
import type { Hash, Height, Round } from "../core/brands.ts";
import { type Certificate, signersOf } from "../core/certificate.ts";
import { highestPrepared } from "./justification.ts";
import type { MemberSignature, VoteMessage } from "./message.ts";
import type { Vote } from "./vote.ts";

/** The vote that a message is, and those of others that it carries. */
export function votesIn(message: VoteMessage): readonly Vote[] {
  const { kind, height } = message;
  switch (kind) {
    case "prepare":
    case "commit":
      return [message];
    case "round-change": {
      const { prepared } = message;
      return prepared === null ? [message] : [message, ...preparesIn({ height, ...prepared })];
    }
    case "pre-prepare": {
      const { round, blockHash, justification: { roundChanges, prepares } } = message;
      const highest = highestPrepared(roundChanges.map(({ prepared }) => prepared));
      return [
        message,
        ...roundChanges.map((each): Vote => ({ kind: "round-change", height, round, ...each })),
        // Without a lock there are none: the justification was checked.
        ...(highest === null ? [] : preparesIn({ height, round: highest.round, blockHash, prepares })),
      ];
    }
  }
}

/** The PREPAREs that a lock in a round rests on. */
export function preparesIn(
  { height, round, blockHash, prepares }: {
    readonly height: Height;
    readonly round: Round;
    readonly blockHash: Hash;
    readonly prepares: readonly MemberSignature[];
  },
): readonly Vote[] {
  return prepares.map(({ sender, signature }) => ({
    kind: "prepare",
    height,
    round,
    blockHash,
    sender,
    signature,
  }));
}

/** The COMMITs of which a certificate was made; `n` members signed under its federation. */
export function commitsIn(certificate: Certificate, n: number): readonly Vote[] {
  const { height, round, blockHash, bitmap, signatures } = certificate;
  const signers = signersOf(bitmap, n) ?? [];
  return signatures.flatMap((signature, i): readonly Vote[] => {
    const sender = signers[i];
    return sender === undefined ? [] : [{ kind: "commit", height, round, blockHash, sender, signature }];
  });
}
