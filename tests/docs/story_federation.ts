/**
 * The part of the documents' examples that changes the federation: after the story's second block the members a, b and
 * c approve a document with a fifth member, e, and e joins.
 *
 * @module
 */
import { encodeFederation, federationOf } from "../../core/federation.ts";
import { approvalMessage, joiningMessage } from "../../core/federation_change.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { encodePayload } from "../../core/transaction.ts";
import { changeTransaction, makeChange, naming } from "../support/federation_changes.ts";
import { keyOf, MEMBERS, repeated, type Story } from "./story.ts";

const { hash } = platformCrypto;
const NEWCOMER = keyOf(0x05);

/** The change, by name. */
export function changeExamples({ federation, blocks: [, { header }] }: Story): [string, Uint8Array][] {
  const e = {
    name: "e",
    key: NEWCOMER.publicKey,
    certificate: new Uint8Array(),
    peerAddress: "e.example:7000",
    apiUrl: "https://e.example",
  };
  const { time, members } = federation.document;
  const change = makeChange({
    federation,
    keys: [...MEMBERS, NEWCOMER],
    next: { time: time + 5_000, members: [...members, e] },
    names: naming(header),
  });
  const next = federationOf(hash, change.document);
  const { id, payload, bytes } = changeTransaction(change, {
    federation,
    from: MEMBERS[0] ?? NEWCOMER,
    timestamp: time + 5_000,
    nonce: repeated(0x04, 16),
  });
  return [
    ["next-federation", encodeFederation(change.document)],
    ["next-federation-hash", next.hash],
    ["approval-message", approvalMessage(federation, next.hash)],
    ["joining-message", joiningMessage(federation, { document: next.hash, ...naming(header) })],
    ["change-payload", encodePayload(payload)],
    ["change-transaction", bytes],
    ["change-transaction-id", id],
  ];
}
