/**
 * Votes shown to their own signer. Members tell each other on every new link the highest vote of the other that they
 * have seen, so that who was restored from an old copy of its disk, journal included, learns that it has voted since.
 * The vote is shown with its signature: a mere claim would let one liar silence anybody.
 *
 * @module
 */
import type { Hash, PublicKey } from "../core/brands.ts";
import type { Federation } from "../core/federation.ts";
import type { CryptoPort } from "../core/crypto_port.ts";
import { hashShape, record, type Shape } from "../core/shape.ts";
import { type Vote, voteMessage } from "./vote.ts";
import { voteShape } from "./wire.ts";

/** A vote and the federation under which it was cast. */
export interface ShownVote {
  readonly federationHash: Hash;
  readonly vote: Vote;
}

/** How a shown vote is encoded. */
export const shownVoteShape: Shape<ShownVote> = record({ federationHash: hashShape, vote: voteShape });

/** Whether `key` signed the vote on this chain, under whichever federation it says. */
export function isOwnVote(
  { federationHash, vote }: ShownVote,
  { key, federation, crypto }: { key: PublicKey; federation: Federation; crypto: CryptoPort },
): boolean {
  // The signer may be behind and not know that federation yet; its hash is all that the signature binds.
  return crypto.verify(key, voteMessage({ ...federation, hash: federationHash }, vote), vote.signature);
}
