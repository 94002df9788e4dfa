/**
 * The federation that a client trusts: the document that it was given, or a later one that the chain's certificates
 * lead to. It moves on when an answer names a document that is not known, and never back.
 *
 * @module
 */
import { higherHeader, type KnownHeader } from "../../core/certified_header.ts";
import { accept, refuse, type Verdict } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import { decodeTransitions, type Followed, followFederation } from "../../core/federation_following.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import type { Reply } from "./http_client.ts";

/** What is trusted now. */
export interface FederationTrust {
  readonly current: () => Federation;
  /** The newest header that a change was proved by; null before the first. */
  readonly head: () => KnownHeader | null;
  /** Takes over what was followed from the document trusted. */
  readonly adopt: (followed: Followed) => Promise<void>;
  /**
   * Takes over the changes that a node proves; refuses what does not hold, and an answer that brings nothing. `ask`
   * requests a path of the node.
   */
  readonly learn: (ask: (path: string) => Promise<Reply>) => Promise<Verdict<Federation>>;
}

/** Begins with a document that the client was given. `onLearned` makes a later one durable. */
export function openTrust(
  pinned: Federation,
  { onLearned }: { readonly onLearned?: (followed: Followed) => Promise<void> } = {},
): FederationTrust {
  let current = pinned;
  let head: KnownHeader | null = null;

  async function learn(ask: (path: string) => Promise<Reply>): Promise<Verdict<Federation>> {
    const reply = await ask(`/v1/federation/changes?after=${current.document.sequence}`);
    if (reply.kind === "unreachable") return refuse("timeout", reply.reason);
    if (reply.kind === "refused") return refuse(reply.code, reply.detail);
    const transitions = decodeTransitions(reply.body);
    if (!transitions.ok) return transitions;
    const followed = followFederation(current, { transitions: transitions.value, crypto: platformCrypto });
    if (!followed.ok) return followed;
    if (followed.value.head === null) {
      return refuse("federation-unknown", "the answer's federation document is not proved to follow");
    }
    await adopt(followed.value);
    return accept(current);
  }

  async function adopt(followed: Followed): Promise<void> {
    // Another answer may have brought us further meanwhile.
    if (followed.federation.document.sequence <= current.document.sequence) return;
    await onLearned?.(followed);
    current = followed.federation;
    head = higherHeader(head, followed.head);
  }

  return { current: () => current, head: () => head, adopt, learn };
}
