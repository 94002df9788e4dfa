/**
 * Changes of a federation for tests: the next document, approved by members in force and signed by those that it
 * brings in, and the transaction that carries it. Each part can be made wrong.
 *
 * @module
 */
import { blockHash, type Header } from "../../core/block.ts";
import type { Cid, Hash, Height } from "../../core/brands.ts";
import { type Bytes, equal } from "../../core/bytes.ts";
import {
  type Federation,
  type FederationDocument,
  federationOf,
  type Member,
} from "../../core/federation.ts";
import {
  type Approval,
  approvalMessage,
  type FederationChange,
  type Joining,
  joiningMessage,
  newcomersOf,
} from "../../core/federation_change.ts";
import { platformCrypto, randomBytes } from "../../core/platform/crypto.ts";
import type { PrivateKey } from "../../core/platform/private_key.ts";
import {
  COMPRESSION,
  ENCRYPTION,
  type FederationPayload,
  signTransaction,
  type Transaction,
  TYPE,
} from "../../core/transaction.ts";

const { hash } = platformCrypto;

/** A block as a new member names it. */
export interface NamedBlock {
  readonly height: Height;
  readonly blockHash: Hash;
}

/** What a change is made of. */
export interface ChangeOptions {
  /** In force at the height of the change. */
  readonly federation: Federation;
  /** Of everybody who signs: members in force and new ones, in any order; more do no harm. */
  readonly keys: readonly PrivateKey[];
  /** What the next document says otherwise than the one in force. */
  readonly next?: Partial<FederationDocument>;
  /** Members in force that approve, by index; the first quorum when left out. */
  readonly approvers?: readonly number[];
  /** The block that new members name; needed when there are any. */
  readonly names?: NamedBlock;
}

/** A member with an empty certificate; addresses follow from `index`. */
export function memberOf(
  { publicKey }: PrivateKey,
  { name, index }: { name: string; index: number },
): Member {
  return {
    name,
    key: publicKey,
    certificate: new Uint8Array(),
    peerAddress: `127.0.0.1:${7000 + index}`,
    apiUrl: `http://127.0.0.1:${8000 + index}`,
  };
}

/** The document that follows the one in force, with these differences. */
export function nextDocument(
  { document, genesisId, hash: previous }: Federation,
  next: Partial<FederationDocument> = {},
): FederationDocument {
  const { sequence, time } = document;
  return { ...document, genesisId, previous, sequence: sequence + 1, time: time + 1, ...next };
}

/** A block as a new member names it, from its header. */
export function naming(header: Header): NamedBlock {
  return { height: header.height, blockHash: blockHash(hash, header) };
}

/** Makes a change: by a quorum and all new members, unless told otherwise. */
export function makeChange(options: ChangeOptions): FederationChange {
  const { federation } = options;
  const document = nextDocument(federation, options.next);
  const approvers = options.approvers ?? Array.from({ length: federation.quorum }, (_, index) => index);
  return {
    document,
    approvals: approvers.map((member) => approvalOf(document, { ...options, member })),
    joinings: newcomersOf(document, federation).map((member) => joiningOf(document, { ...options, member })),
  };
}

/** The approval of a document by the member at an index of the document in force. */
export function approvalOf(
  document: FederationDocument,
  { federation, keys, member }: Pick<ChangeOptions, "federation" | "keys"> & { readonly member: number },
): Approval {
  const message = approvalMessage(federation, federationOf(hash, document).hash);
  return { member, signature: keyOf(federation.document.members[member], keys).sign(message) };
}

/** The joining of the new member at an index of the new document. */
export function joiningOf(
  document: FederationDocument,
  { federation, keys, member, names }: Omit<ChangeOptions, "next" | "approvers"> & {
    readonly member: number;
  },
): Joining {
  if (names === undefined) throw new Error("the change brings new members: name a block");
  const message = joiningMessage(federation, { document: federationOf(hash, document).hash, ...names });
  return { member, ...names, signature: keyOf(document.members[member], keys).sign(message) };
}

function keyOf(member: Member | undefined, keys: readonly PrivateKey[]): PrivateKey {
  const key = keys.find(({ publicKey }) => member !== undefined && equal(publicKey, member.key));
  if (key === undefined) throw new Error(`no private key of ${member?.name ?? "a member that there is not"}`);
  return key;
}

/** How a change is sent. */
export interface ChangeSending {
  readonly federation: Federation;
  /** Anybody's key. */
  readonly from: PrivateKey;
  /** Milliseconds; now when left out. */
  readonly timestamp?: number;
  readonly nonce?: Bytes;
  /** Changes the payload before it is signed. */
  readonly alter?: (payload: FederationPayload) => FederationPayload;
}

/** The payload of a change. */
export function changePayload(change: FederationChange, sending: ChangeSending): FederationPayload {
  const payload: FederationPayload = {
    version: 1,
    type: TYPE.federation,
    cid: sending.federation.genesisId as Uint8Array as Cid,
    vid: change.document.sequence,
    compression: COMPRESSION.none,
    encryption: ENCRYPTION.none,
    description: "",
    sender: sending.from.publicKey,
    recipient: null,
    timestamp: sending.timestamp ?? Date.now(),
    nonce: sending.nonce ?? randomBytes(16),
    body: change,
  };
  return sending.alter?.(payload) ?? payload;
}

/** The signed transaction of a change. */
export function changeTransaction(
  change: FederationChange,
  sending: ChangeSending,
): Transaction {
  const { federation: { genesisId }, from } = sending;
  return signTransaction(changePayload(change, sending), { genesisId, hash, sign: from.sign });
}
