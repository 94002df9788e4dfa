/**
 * The examples of docs/FORMATS.md, made by the real code from keys, times and nonces that the document names: a
 * federation of four, two blocks with a template, an encrypted configuration and a request, and what members and
 * clients say about them. The same bytes at every run.
 *
 * @module
 */
import assert from "node:assert/strict";
import { encodeArchiveHeader, encodeRawBlock } from "../../core/archive.ts";
import { blockHash, headerShape, type RawBlock } from "../../core/block.ts";
import {
  asCid,
  asHeight,
  type Cid,
  type Hash,
  type PublicKey,
  type TxId,
  ZERO_HASH,
} from "../../core/brands.ts";
import { type Bytes, fromHex, utf8 } from "../../core/bytes.ts";
import { certificateHash, certificateShape, commitMessage } from "../../core/certificate.ts";
import { makeCid } from "../../core/cid.ts";
import { encodeContent } from "../../core/content.ts";
import { additionalData, asContentKey, commitmentTo, encryptionKey } from "../../core/envelope.ts";
import {
  DEFAULT_PARAMETERS,
  encodeFederation,
  type Federation,
  type FederationDocument,
  federationOf,
} from "../../core/federation.ts";
import { LIMITS } from "../../core/limits.ts";
import { inclusionPath } from "../../core/merkle.ts";
import { padContent } from "../../core/padding.ts";
import { agreementKeyFromSeed, agreementPublicKey } from "../../core/platform/agreement.ts";
import { packConfiguration } from "../../core/platform/configuration.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { type PrivateKey, privateKeyFromSeed } from "../../core/platform/private_key.ts";
import { decodePollAnswer, encodePollRequest, type PollRequest } from "../../core/poll.ts";
import { encodeReceipt } from "../../core/receipt.ts";
import { encodeShape } from "../../core/shape.ts";
import { configurationId, feedId } from "../../core/state/keys.ts";
import { leafHash } from "../../core/state/state_node.ts";
import { stateProofShape } from "../../core/state/state_proof.ts";
import {
  configurationStateShape,
  extendConfiguration,
  extendFeed,
  feedStateShape,
} from "../../core/state/values.ts";
import {
  COMPRESSION,
  type ConfigurationPayload,
  encodePayload,
  ENCRYPTION,
  envelopeContext,
  nonceKey,
  type Payload,
  signatureInput,
  signTransaction,
  type Transaction,
  TYPE,
} from "../../core/transaction.ts";
import { encodeBatch, encodeBatchRequest } from "../../core/transaction_batch.ts";
import { archiveOf } from "../support/archive.ts";
import { TestChain } from "../support/test_chain.ts";
import { changeExamples } from "./story_federation.ts";
import { memberExamples } from "./story_members.ts";

const { hash } = platformCrypto;

/** Examples by the name that they have in the document. */
export type Examples = ReadonlyMap<string, Uint8Array>;

/** `count` times the same byte. */
export function repeated(byte: number, count = 32): Bytes {
  return new Uint8Array(count).fill(byte);
}

/** The key pair whose seed is 32 times this byte. */
export function keyOf(byte: number): PrivateKey {
  return privateKeyFromSeed(repeated(byte));
}

/** The members, in order. */
export const MEMBERS: readonly PrivateKey[] = [0x01, 0x02, 0x03, 0x04].map(keyOf);
const TENANT = keyOf(0x0a);
const VNF = keyOf(0x0b);
/** The first document's time. */
const GENESIS_MS = 1_800_000_000_000;

/** The content whose compressed forms the document shows. */
export const COMPRESSED_TEXT = "accept accept accept accept\n";

/** What the story is about, for whoever tells another part of it. */
export interface Story {
  readonly federation: Federation;
  readonly chain: TestChain;
  readonly blocks: readonly [RawBlock, RawBlock];
  readonly ids: readonly TxId[];
}

/** Everything in the document, by name. */
export async function tellStory(): Promise<{ examples: Examples; story: Story }> {
  const federation = federationOf(hash, federationDocument());
  const chain = new TestChain({ federation, keys: MEMBERS });
  const { template, configuration, request, ...parts } = await makeTransactions(federation);
  const first = chain.commit([template], { timeMs: GENESIS_MS + 2_000 });
  const second = chain.commit([configuration, request], { timeMs: GENESIS_MS + 4_000 });
  const ids = [configuration.id, request.id];
  const story: Story = { federation, chain, blocks: [first, second], ids };
  const poll: PollRequest = {
    version: 1,
    feeds: [{ sender: TENANT.publicKey, recipient: VNF.publicKey, count: 0 }],
    configurations: [],
  };
  const examples = new Map<string, Uint8Array>([
    ...keyExamples(template.payload.cid),
    ["federation", encodeFederation(federation.document)],
    ["genesis-id", federation.genesisId],
    ...transactionExamples(federation, { template, configuration, request }),
    ...parts.examples,
    ...blockExamples(story),
    ...stateExamples(template, [configuration, request]),
    ["poll-request", encodePollRequest(poll)],
    ["state-proof", proofIn(chain.answer(poll))],
    ["poll-answer", chain.answer(poll)],
    ...pageExamples(chain, { configuration, request }),
    [
      "receipt",
      encodeReceipt({
        changes: [],
        header: second.header,
        certificate: second.certificate,
        transaction: request.bytes,
        index: 1,
        path: inclusionPath(hash, ids, 1),
      }, federation),
    ],
    ["archive-header", encodeArchiveHeader(federation)],
    ["archive", archiveOf(federation, [first, second])],
    ...changeExamples(story),
    ...await memberExamples(story),
  ]);
  return { examples, story };
}

function pageExamples(
  chain: TestChain,
  { configuration, request }: Pick<Transactions, "configuration" | "request">,
): [string, Uint8Array][] {
  const history = { kind: "feed", key: feedId(hash, configuration.payload) } as const;
  const page = (index: number) => {
    const bytes = chain.page({ history, before: { height: asHeight(2), index }, rows: 1 });
    assert.ok(bytes !== null);
    return bytes;
  };
  return [
    ["newest-page", page(LIMITS.blockTransactions)],
    ["oldest-page", page(1)],
    ["batch-request", encodeBatchRequest([{ height: asHeight(2), index: 1 }])],
    ["batch", encodeBatch([request.bytes])],
  ];
}

function proofIn(answer: Bytes): Bytes {
  const decoded = decodePollAnswer(answer);
  assert.ok(decoded.ok);
  return encodeShape(stateProofShape, decoded.value.proof);
}

function federationDocument(): FederationDocument {
  return {
    version: 1,
    genesisId: ZERO_HASH,
    sequence: 0,
    previous: ZERO_HASH,
    time: GENESIS_MS,
    name: "example",
    authority: new Uint8Array(),
    members: ["a", "b", "c", "d"].map((name, i) => ({
      name,
      key: (MEMBERS[i] as PrivateKey).publicKey,
      certificate: new Uint8Array(),
      peerAddress: `${name}.example:7000`,
      apiUrl: `https://${name}.example`,
    })),
    parameters: DEFAULT_PARAMETERS,
  };
}

function keyExamples(cid: Cid): [string, Uint8Array][] {
  return [
    ["tenant-public-key", TENANT.publicKey],
    ["vnf-public-key", VNF.publicKey],
    ["vnf-agreement-secret", agreementKeyFromSeed(repeated(0x0b))],
    ["vnf-agreement-key", agreementPublicKey(VNF.publicKey)],
    ["template-cid", cid],
  ];
}

interface Transactions {
  readonly template: Transaction;
  readonly configuration: Transaction;
  readonly request: Transaction;
}

async function makeTransactions(
  federation: Federation,
): Promise<Transactions & { readonly examples: [string, Uint8Array][] }> {
  const sign = (payload: Payload) =>
    signTransaction(payload, { genesisId: federation.genesisId, hash, sign: TENANT.sign });
  const common = {
    version: 1,
    vid: 1,
    compression: COMPRESSION.none,
    sender: TENANT.publicKey,
  } as const;
  const templateContent = contentOf("flush ruleset\n");
  const template = sign({
    ...common,
    type: TYPE.configuration,
    cid: cidOf(TENANT.publicKey, 0x01),
    encryption: ENCRYPTION.none,
    description: "base",
    recipient: null,
    timestamp: GENESIS_MS + 1_000,
    nonce: repeated(0x01, 16),
    body: { applyBefore: [], applyAfter: [], inReplyTo: null, configuration: templateContent },
  });
  const draft: ConfigurationPayload = {
    ...common,
    type: TYPE.configuration,
    cid: cidOf(TENANT.publicKey, 0x02),
    encryption: ENCRYPTION.hpke,
    description: "",
    recipient: VNF.publicKey,
    timestamp: GENESIS_MS + 3_000,
    nonce: repeated(0x02, 16),
    body: {
      applyBefore: [{ cid: template.payload.cid, vid: null }],
      applyAfter: [],
      inReplyTo: null,
      configuration: new Uint8Array(),
    },
  };
  const content = contentOf("add table inet filter\n");
  const context = envelopeContext(draft);
  const envelope = await packConfiguration({
    bytes: utf8("add table inet filter\n"),
    type: "file",
    compression: draft.compression,
    encryption: draft.encryption,
    context,
    recipients: [VNF.publicKey, TENANT.publicKey],
    random: randomsOf([0xcc, 0xe1, 0xe2]),
  });
  const configuration = sign({ ...draft, body: { ...draft.body, configuration: envelope } });
  const request = sign({
    ...common,
    type: TYPE.request,
    cid: cidOf(VNF.publicKey, 0x03),
    encryption: ENCRYPTION.hpke,
    description: "state",
    recipient: VNF.publicKey,
    timestamp: GENESIS_MS + 3_500,
    nonce: repeated(0x03, 16),
    body: { replyTo: TENANT.publicKey },
  });
  const contentKey = asContentKey(repeated(0xcc));
  return {
    template,
    configuration,
    request,
    examples: [
      ["content-template", templateContent],
      ["content-secret", content],
      ["padded", padContent(content)],
      ["envelope-context", context],
      ["additional-data", additionalData(context)],
      ["content-encryption-key", encryptionKey(hash, contentKey)],
      ["content-commitment", commitmentTo(hash, contentKey)],
      ["envelope", envelope],
      ["gzip", unhex("1f8b08000000000000034b4c4e4e2d285148c4427101004a98b2121c000000")],
      ["zstd", unhex("28b52ffd005875000040616363657074200a0100a28b11")],
    ],
  };
}

function unhex(digits: string): Bytes {
  const bytes = fromHex(digits);
  assert.ok(bytes !== undefined);
  return bytes;
}

function cidOf(owner: PublicKey, random: number): Cid {
  return asCid(makeCid(hash, { owner, random: repeated(random, 16) }));
}

function contentOf(text: string): Bytes {
  const bytes = utf8(text);
  return encodeContent({
    type: "file",
    length: bytes.length,
    sha256: hash(bytes),
    bytes,
    name: null,
    critical: [],
    extra: new Map(),
  });
}

/** Gives the bytes named, one after the other, each as often as is asked for. */
function randomsOf(bytes: readonly number[]): (count: number) => Bytes {
  let next = 0;
  return (count) => {
    const byte = bytes[next++];
    assert.ok(byte !== undefined, "the story draws fewer random bytes");
    return repeated(byte, count);
  };
}

function transactionExamples(
  { genesisId }: Federation,
  transactions: Transactions,
): [string, Uint8Array][] {
  const { template } = transactions;
  return [
    ...Object.entries(transactions).flatMap(([name, { bytes, id, payload }]): [string, Uint8Array][] => [
      [`${name}-payload`, encodePayload(payload)],
      [`${name}-transaction`, bytes],
      [`${name}-transaction-id`, id],
    ]),
    ["template-sig-structure", signatureInput(genesisId, encodePayload(template.payload))],
    ["template-nonce-key", nonceKey(hash, template.payload)],
  ];
}

function blockExamples({ federation, blocks }: Story): [string, Uint8Array][] {
  const [first, second] = blocks;
  const more: [string, Uint8Array][] = [
    ["certificate-hash-1", certificateHash(hash, first.certificate)],
    ["commit-message-2", commitMessage(federation, second.certificate)],
  ];
  const each = blocks.flatMap((block, i): [string, Uint8Array][] => {
    const { header, certificate } = block;
    const own = blockHash(hash, header);
    return [
      [`header-${i + 1}`, encodeShape(headerShape, header)],
      [`block-hash-${i + 1}`, own],
      [`transactions-root-${i + 1}`, header.transactionsRoot],
      [`state-root-${i + 1}`, header.stateRoot],
      [`certificate-${i + 1}`, encodeShape(certificateShape, certificate)],
      [`block-${i + 1}`, encodeRawBlock(block)],
    ];
  });
  return [...each, ...more];
}

function stateExamples(template: Transaction, others: readonly Transaction[]): [string, Uint8Array][] {
  const at = (height: number, index: number, txId: TxId) =>
    ({ height, index, txId }) as Parameters<typeof extendFeed>[2];
  const [configuration, request] = others as [Transaction, Transaction];
  const own = extendFeed(hash, null, at(2, 0, configuration.id));
  const both = extendFeed(hash, own, at(2, 1, request.id));
  const version = (entry: Parameters<typeof extendFeed>[2]) =>
    encodeShape(configurationStateShape, extendConfiguration(hash, null, { ...entry, vid: 1 }));
  const ids: [string, Hash][] = [
    ["template-feed-id", feedId(hash, template.payload)],
    ["feed-id", feedId(hash, configuration.payload)],
    ["template-configuration-id", configurationId(hash, template.payload.cid)],
    ["configuration-id", configurationId(hash, configuration.payload.cid)],
  ];
  const states: [string, Bytes][] = [
    ["template-feed-state", encodeShape(feedStateShape, extendFeed(hash, null, at(1, 0, template.id)))],
    ["feed-state", encodeShape(feedStateShape, both)],
    ["template-configuration-state", version(at(1, 0, template.id))],
    ["configuration-state", version(at(2, 0, configuration.id))],
  ];
  return [
    ...ids,
    ...states,
    ["feed-state-after-configuration", encodeShape(feedStateShape, own)],
    ...ids.map(([name, key], i): [string, Uint8Array] => [
      name.replace(/-id$/, "-leaf-hash"),
      leafHash(hash, { key, value: states[i]?.[1] as Bytes }),
    ]),
  ];
}
