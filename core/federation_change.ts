/**
 * Changes of the federation: the next document, approved by a quorum of the members in force, and signed by everybody
 * that it brings in. A change is a transaction of type 3; two blocks after its own the new document is in force.
 *
 * Refused: a document that is not the next of this chain (`federation-order`), approvals of fewer than a quorum of the
 * members in force (`federation-approvals`), a new member that has not signed, or named no recent block of this chain
 * (`federation-newcomer`), a parameter that may not change so (`federation-format`), and a document that is too long to
 * be read again (`too-large`). Certificates are judged at the block's time, beside this
 * (platform/federation_certificates.ts).
 *
 * @module
 */
import { type Bytes, equal } from "./bytes.ts";
import type { Hash, Height, Signature } from "./brands.ts";
import { encodeCbor } from "./cbor.ts";
import type { CryptoPort } from "./crypto_port.ts";
import { type Refusal, refuse } from "./errors.ts";
import {
  checkDocument,
  encodeFederation,
  type Federation,
  type FederationDocument,
  federationOf,
  federationShape,
  type Member,
  memberAt,
  memberIndex,
} from "./federation.ts";
import { LIMITS } from "./limits.ts";
import { hashShape, heightShape, list, record, type Shape, signatureShape, uint } from "./shape.ts";

/** A member in force agrees to a document. */
export interface Approval {
  /** Index in the document in force. */
  readonly member: number;
  readonly signature: Signature;
}

/** A new member agrees to join, and names a block that it has verified. */
export interface Joining {
  /** Index in the new document. */
  readonly member: number;
  readonly height: Height;
  readonly blockHash: Hash;
  readonly signature: Signature;
}

/** The body of a transaction of type 3. */
export interface FederationChange {
  readonly document: FederationDocument;
  /** In order of member, each once. */
  readonly approvals: readonly Approval[];
  /** One for each key that is no member's in force, in order of member. */
  readonly joinings: readonly Joining[];
}

const member = uint(LIMITS.members - 1);

/** `[document, [[member, signature]…], [[member, height, block hash, signature]…]]`. */
export const federationChangeShape: Shape<FederationChange> = record({
  document: federationShape,
  approvals: list(record({ member, signature: signatureShape }), LIMITS.members),
  joinings: list(
    record({ member, height: heightShape, blockHash: hashShape, signature: signatureShape }),
    LIMITS.members,
  ),
});

/** What a member in force signs to approve the document with this hash. */
export function approvalMessage({ genesisId }: Federation, document: Hash): Bytes {
  return encodeCbor(["vnfchain/approve/1", genesisId, document]);
}

/** What a new member signs. */
export function joiningMessage(
  { genesisId }: Federation,
  { document, height, blockHash }: {
    readonly document: Hash;
    readonly height: Height;
    readonly blockHash: Hash;
  },
): Bytes {
  return encodeCbor(["vnfchain/join/1", genesisId, document, height, blockHash]);
}

/** A block of the chain, as far as a joining refers to it. */
export interface PastBlock {
  readonly hash: Hash;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** What a change is judged by. */
export interface ChangeContext {
  /** In force at the height of the change. */
  readonly federation: Federation;
  /** Blocks of the chain by height; `undefined` for those above it, and for those too old to be named. */
  readonly pastBlock: (height: Height) => PastBlock | undefined;
  /** The block's time in milliseconds. */
  readonly timeMs: number;
  readonly crypto: CryptoPort;
}

/** Judges a change; `undefined` when it holds, but for certificates and for whether another change is under way. */
export function checkChange(change: FederationChange, context: ChangeContext): Refusal | undefined {
  return checkSigned(change, context) ?? checkNamedBlocks(change, context);
}

/** Judges what needs no past blocks: whether this document can be next, and everybody has signed it who must. */
export function checkSigned(
  change: FederationChange,
  { federation, timeMs, crypto }: Omit<ChangeContext, "pastBlock">,
): Refusal | undefined {
  return checkNext(change.document, federation) ?? checkTime(change.document, timeMs) ??
    checkApprovals(change, { federation, crypto }) ?? checkJoinings(change, { federation, crypto });
}

/** A time far ahead would keep every later document waiting for it. */
function checkTime({ time }: FederationDocument, timeMs: number): Refusal | undefined {
  const aheadMs = time - timeMs;
  return aheadMs <= LIMITS.timestampAheadMs ? undefined : refuse(
    "federation-order",
    `federation document: its time is ${aheadMs} ms ahead, at most ${LIMITS.timestampAheadMs}`,
  );
}

/** The rules of a document that follows another, without who agreed to it. */
export function checkNext(
  document: FederationDocument,
  { document: before, hash, genesisId }: Federation,
): Refusal | undefined {
  const wrong = (detail: string) => refuse("federation-order", `federation document: ${detail}`);
  if (!equal(document.genesisId, genesisId)) return wrong("it is of another chain");
  if (document.sequence !== before.sequence + 1) {
    return wrong(`its sequence is ${document.sequence}, wanted ${before.sequence + 1}`);
  }
  if (!equal(document.previous, hash)) return wrong("it follows another document than the one in force");
  if (document.time <= before.time) return wrong("its time is not after that of the document before");
  return checkDocument(document) ?? checkWhatChanges(document, before);
}

function checkWhatChanges(next: FederationDocument, before: FederationDocument): Refusal | undefined {
  const { transactionLifetimeMs, maxTransactionBytes } = next.parameters;
  // Nonces are remembered for the lifetime in force: a longer one would let transactions in that were forgotten.
  if (transactionLifetimeMs > before.parameters.transactionLifetimeMs) {
    return refuse("federation-format", "federation parameters: transactionLifetimeMs may only fall");
  }
  const { length } = encodeFederation(next);
  // What is larger could not be read again.
  if (length > LIMITS.federationBytes) {
    return refuse("too-large", `federation document of ${length} bytes, at most ${LIMITS.federationBytes}`);
  }
  const room = length + next.members.length * SIGNATURES_BYTES + ENVELOPE_BYTES;
  return maxTransactionBytes >= room ? undefined : refuse(
    "federation-format",
    `federation parameters: maxTransactionBytes leaves no room for a change of ${room}`,
  );
}

/** An approval and a joining, at most. */
const SIGNATURES_BYTES = 71 + 114;
/** What a transaction has beside its body, at most, its description left out. */
const ENVELOPE_BYTES = 300;

function checkApprovals(
  { document, approvals }: FederationChange,
  { federation, crypto }: Pick<ChangeContext, "federation" | "crypto">,
): Refusal | undefined {
  const wrong = (detail: string) => refuse("federation-approvals", `federation change: ${detail}`);
  const { members } = federation.document;
  if (!inOrder(approvals)) return wrong("the approvals are not in order of member, each once");
  if (approvals.length < federation.quorum) {
    return wrong(`${approvals.length} approvals of ${members.length} members, wanted ${federation.quorum}`);
  }
  const message = approvalMessage(federation, federationOf(crypto.hash, document).hash);
  for (const { member: index, signature } of approvals) {
    if (index >= members.length) return wrong(`an approval of member ${index} of ${members.length}`);
    if (!crypto.verify(memberAt(federation, index).key, message, signature)) {
      return wrong(`the approval of member ${memberAt(federation, index).name} does not verify`);
    }
  }
  return undefined;
}

/** Indexes, in the new document, of the keys that are no member's in force. */
export function newcomersOf(document: FederationDocument, federation: Federation): readonly number[] {
  return document.members.flatMap(({ key }, index) => memberIndex(federation, key) < 0 ? [index] : []);
}

function checkJoinings(
  { document, joinings }: FederationChange,
  { federation, crypto }: Pick<ChangeContext, "federation" | "crypto">,
): Refusal | undefined {
  const wanted = newcomersOf(document, federation);
  if (joinings.length !== wanted.length || joinings.some((each, i) => each.member !== wanted[i])) {
    return refuse(
      "federation-newcomer",
      "federation change: not exactly the new members have signed, in order",
    );
  }
  const { hash } = federationOf(crypto.hash, document);
  for (const { member: index, height, blockHash, signature } of joinings) {
    const { name, key } = document.members[index] as Member;
    const message = joiningMessage(federation, { document: hash, height, blockHash });
    if (crypto.verify(key, message, signature)) continue;
    const detail = `federation change: the signature of new member ${name} does not verify`;
    return refuse("federation-newcomer", detail);
  }
  return undefined;
}

/** Judges what {@link checkSigned} leaves: who joins has caught up, and names a block no older than a transaction may be. */
export function checkNamedBlocks(
  { document, joinings }: FederationChange,
  { federation, pastBlock, timeMs }: Omit<ChangeContext, "crypto">,
): Refusal | undefined {
  const oldestMs = timeMs - federation.document.parameters.transactionLifetimeMs;
  for (const { member: index, height, blockHash } of joinings) {
    const block = pastBlock(height);
    if (block !== undefined && equal(block.hash, blockHash) && block.time >= oldestMs) continue;
    const { name } = document.members[index] as Member;
    const detail = `federation change: new member ${name} names no recent block of this chain`;
    return refuse("federation-newcomer", detail);
  }
  return undefined;
}

function inOrder(all: readonly { readonly member: number }[]): boolean {
  return all.every((each, i) => i === 0 || each.member > (all[i - 1] as { member: number }).member);
}
