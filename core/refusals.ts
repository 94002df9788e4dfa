/**
 * The stable codes with which remote input is refused, and what each means. Scripts and metrics rely on them:
 * one is added, none renamed.
 *
 * @module
 */

/** Every code with its meaning, one line for people. */
export const REFUSALS = {
  // Bytes
  "cbor": "bytes are not deterministic CBOR of the subset spoken here",
  "too-large": "more bytes than the limit allows",

  // Transactions: format and fields
  "transaction-format": "the transaction does not have the format of its type",
  "transaction-signature": "the signature does not verify under the sender's key",
  "transaction-type": "the transaction's type is unknown",
  "transaction-fields": "fields contradict each other",
  "cid-owner": "the CID belongs to another key",
  "reference-self": "the configuration refers to itself",
  "reference-repeated": "a reference is named twice",

  // Transactions: against the chain
  "expired": "the timestamp is older than the transaction lifetime",
  "future": "the timestamp is too far ahead",
  "duplicate": "the transaction, or another with its sender and nonce, is already there",
  "vid-order": "the VID is not the latest version plus one",
  "reference-unknown": "a referenced configuration is not on the chain",
  "reference-depth": "a referenced configuration has references of its own",

  // Admission by a node
  "unauthorized": "the node wants a token and got none or a wrong one",
  "rate": "too many requests; try again later",
  "busy": "the node's pool is full; try again later",
  "not-ready": "the node is starting or catching up; try another",
  "evicted": "the transaction left the pool before a block took it",
  "unknown": "the node does not know it",
  "request": "the request is malformed",
  "method": "the path does not serve the request's method",
  "timeout": "the time for it ran out",

  // Federations, blocks and certificates
  "federation-format": "the federation document is malformed",
  "federation-certificate": "a member's X.509 certificate does not hold",
  "federation-order": "the federation document does not follow the one in force",
  "federation-approvals": "fewer than a quorum of the members in force have approved the federation document",
  "federation-newcomer": "a new member has not signed, or has named no recent block",
  "federation-pending": "another change of the federation is not in force yet",
  "header-format": "the block header is malformed",
  "block-format": "the block is malformed",
  "block-link": "the block does not follow its parent",
  "block-time": "the block's time does not fit",
  "block-root": "a root in the header is not that of the content",
  "block-proposer": "the block was made by the wrong member",
  "block-size": "the block is larger than the federation allows",
  "certificate-format": "the certificate is malformed",
  "certificate-quorum": "the certificate has fewer signatures than a quorum",
  "certificate-signature": "a signature in the certificate does not verify",
  "certificate-mismatch": "the certificate is about another block",

  // Consensus messages
  "message-format": "the message is malformed",
  "message-signature": "the message's signature does not verify",
  "message-member": "the sender is no member",
  "message-justification": "the proposal is not justified",
  "evidence-format": "the evidence is malformed",
  "evidence-proof": "the evidence does not prove that the member contradicts itself",

  // Connections between members
  "handshake-format": "a message of the handshake is malformed",
  "handshake-chain": "the peer is of another chain",
  "handshake-member": "the peer's key is no member's, or not that of the member dialed",
  "handshake-self": "the peer shows our own key",
  "handshake-signature": "the peer does not prove that it holds its key",
  "handshake-closed": "the peer closed in the middle of the handshake",
  "handshake-superseded": "another connection with the same member is newer",
  "frame-seal": "a frame was altered, or is not the next one",

  // Proofs
  "proof-format": "the proof is malformed",
  "proof-root": "the proof does not lead to the certified root",
  "proof-incomplete": "something is withheld: what was sent does not reproduce the certified state",
  "state-format": "a page or a value of the state is malformed",
  "stale": "the answer is older than allowed",
  "federation-unknown": "the answer is of a federation document that is not known here",
  "rollback": "the answer is older than one seen before",
  "history": "the certified history does not go on from what was verified before",
  "fork": "two certified blocks at one height",

  // Content
  "envelope-format": "the encryption envelope is malformed",
  "decryption": "no key here opens the ciphertext, or it was altered",
  "compression": "the compressed bytes are damaged, cut, or followed by others",
  "content-format": "the content is malformed",
  "content-length": "the content is not as long as it declares",
  "content-hash": "the content does not have the hash that it declares",
  "content-critical": "the content has a critical key that this version does not know",
  "content-path": "a file name in the content is not allowed",

  // Agent
  "sender-unknown": "the sender is no tenant of this VNF",
  "recipient": "the transaction is addressed to somebody else",
  "position": "at or below the position already processed",
  "request-group": "a request came over a group",
  "empty": "the configuration is empty, which allow_empty does not permit",
  "driver-check": "the driver's check did not accept the configuration",
  "driver-apply": "the driver could not apply the configuration",
  "driver-health": "the VNF was not healthy after the configuration was applied",
  "quarantined": "this version failed here before",
  "driver-export": "the driver could not export the VNF's state",
  "answer-unasked": "an answer came, and nobody here had asked",
} as const;

/** One of the stable codes. */
export type RefusalCode = keyof typeof REFUSALS;
