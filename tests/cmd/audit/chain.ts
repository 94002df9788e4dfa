/** A chain in memory, made by real members' keys, which can be made to lie about anything. */
import { blockHash, genesisParent, type Header, type RawBlock } from "../../../core/block.ts";
import { makeHeader, parentOf } from "../../../core/block_rules.ts";
import {
  asHeight,
  asRound,
  type Cid,
  type Hash,
  type PublicKey,
  type TxId,
  ZERO_HASH,
} from "../../../core/brands.ts";
import { utf8 } from "../../../core/bytes.ts";
import { type Certificate, commitMessage, makeCertificate } from "../../../core/certificate.ts";
import { makeCid } from "../../../core/cid.ts";
import {
  DEFAULT_PARAMETERS,
  type Federation,
  federationOf,
  memberAt,
  type Parameters,
} from "../../../core/federation.ts";
import { packConfiguration } from "../../../core/platform/configuration.ts";
import { platformCrypto, randomBytes } from "../../../core/platform/crypto.ts";
import { generatePrivateKey, type PrivateKey } from "../../../core/platform/private_key.ts";
import { createAuthority, issueMember } from "../../../core/platform/x509_issue.ts";
import type { Tip } from "../../../core/ports.ts";
import { openMemoryState } from "../../../core/state/memory_state.ts";
import { openTransition } from "../../../core/state/transition.ts";
import {
  COMPRESSION,
  type ConfigurationPayload,
  ENCRYPTION,
  envelopeContext,
  type Payload,
  type Reference,
  type RequestPayload,
  signTransaction,
  type Transaction,
} from "../../../core/transaction.ts";
import { leaderKeyAt } from "../../../consensus/leader.ts";

const crypto = platformCrypto;
/** When the federations here begin. */
export const GENESIS_MS = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;

/** A federation with its members' private keys, by member index. */
export interface TestFederation {
  readonly federation: Federation;
  readonly keys: readonly PrivateKey[];
}

/** A federation of `n` members with real certificates. */
export async function makeFederation(
  n: number,
  parameters: Partial<Parameters> = {},
): Promise<TestFederation> {
  const validity = { notBeforeMs: GENESIS_MS - DAY_MS, notAfterMs: GENESIS_MS + DAY_MS };
  const authorityKey = generatePrivateKey();
  const authority = await createAuthority({ name: "authority", key: authorityKey, ...validity });
  const keys = Array.from({ length: n }, generatePrivateKey);
  const members = await Promise.all(keys.map(async ({ publicKey }, i) => {
    const name = `member-${i}`;
    const certificate = await issueMember({ authority, authorityKey, name, publicKey, ...validity });
    return {
      name,
      key: publicKey,
      certificate,
      peerAddress: `[::1]:${7000 + i}`,
      apiUrl: `http://[::1]:${8000 + i}`,
    };
  }));
  const federation = federationOf(crypto.hash, {
    version: 1,
    genesisId: ZERO_HASH,
    sequence: 0,
    previous: ZERO_HASH,
    time: GENESIS_MS,
    name: "test",
    authority,
    members,
    parameters: { ...DEFAULT_PARAMETERS, tenureBlocks: 8, ...parameters },
  });
  return { federation, keys };
}

/** How a block is made, and in what it lies. */
export interface BlockOptions {
  /** Milliseconds after the parent; 1,000 when left out. */
  readonly afterMs?: number;
  /** The round in which it is proposed first; 0 when left out. */
  readonly createdRound?: number;
  /** The round in which it is decided; that of its proposal when left out. */
  readonly decidedRound?: number;
  /** Members that sign, by index; the first quorum when left out. */
  readonly signers?: readonly number[];
  /** Members whose certificate the next block names; those that sign when left out. */
  readonly nextSigners?: readonly number[];
  /** Changes the header before it is signed. */
  readonly lie?: (header: Header) => Header;
}

/** A chain that grows. */
export interface TestChain extends TestFederation {
  readonly blocks: readonly RawBlock[];
  readonly tip: () => Tip;
  /** Makes the next block. What the state rules forbid goes into the block all the same, and changes no state. */
  readonly append: (transactions: readonly Transaction[], options?: BlockOptions) => RawBlock;
}

/** An empty chain. */
export function openChain({ federation, keys }: TestFederation): TestChain {
  const blocks: RawBlock[] = [];
  const state = openMemoryState(crypto.hash);
  let tip: Tip = {
    parent: genesisParent({ genesisId: federation.genesisId, time: GENESIS_MS }),
    header: null,
    certificate: null,
    federation,
  };

  function append(transactions: readonly Transaction[], options: BlockOptions = {}): RawBlock {
    const nowMs = tip.parent.time + (options.afterMs ?? 1000);
    const createdRound = asRound(options.createdRound ?? 0);
    const transition = openTransition(crypto.hash, {
      reader: { ...state, nonceSeen: () => false },
      context: {
        height: asHeight(tip.parent.height + 1),
        timeMs: nowMs,
        parameters: federation.document.parameters,
      },
    });
    for (const transaction of transactions) transition.apply(transaction);
    const prepared = state.prepare(transition.changes());
    const honest = makeHeader({
      parent: tip.parent,
      federation,
      proposer: leaderKeyAt(tip, createdRound),
      createdRound,
      nowMs,
      ids: transactions.map(({ id }) => id),
      stateRoot: prepared.root,
    }, crypto);
    prepared.commit();
    const header = options.lie?.(honest) ?? honest;
    const round = options.decidedRound ?? createdRound;
    const certificate = certify({ federation, keys }, { header, round, signers: options.signers });
    const block: RawBlock = {
      version: 1,
      header,
      parentCertificate: tip.certificate,
      transactions: transactions.map(({ bytes }) => bytes),
      certificate,
    };
    blocks.push(block);
    const next = options.nextSigners === undefined
      ? certificate
      : certify({ federation, keys }, { header, round, signers: options.nextSigners });
    tip = {
      parent: parentOf({ block: { header }, certificate: next }, { crypto }),
      header,
      certificate: next,
      federation,
    };
    return block;
  }

  return { federation, keys, blocks, tip: () => tip, append };
}

/** A certificate of a header, by the first quorum or by the members named. */
export function certify(
  { federation, keys }: TestFederation,
  { header, round = 0, signers }: { header: Header; round?: number; signers?: readonly number[] | undefined },
): Certificate {
  const subject = {
    height: header.height,
    round: asRound(round),
    blockHash: blockHash(crypto.hash, header),
  };
  const message = commitMessage(federation, subject);
  const indexes = signers ?? Array.from({ length: federation.quorum }, (_, i) => i);
  const votes = new Map(indexes.map((index) => {
    memberAt(federation, index);
    return [index, (keys[index] as PrivateKey).sign(message)];
  }));
  return makeCertificate(federation, { subject, votes });
}

/** What a configuration says; whatever is left out is plain and minimal. */
export interface ConfigurationOptions {
  readonly recipient?: PublicKey | null;
  readonly cid?: Cid;
  readonly vid?: number;
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly name?: string;
  readonly type?: "file" | "state";
  readonly compression?: keyof typeof COMPRESSION;
  readonly encrypt?: boolean;
  readonly description?: string;
  readonly applyBefore?: readonly Reference[];
  readonly applyAfter?: readonly Reference[];
  readonly inReplyTo?: TxId | null;
  readonly timestamp?: number;
  readonly nonce?: Uint8Array<ArrayBuffer>;
}

/** A CID of `owner`. */
export function newCid(owner: PublicKey): Cid {
  return makeCid(crypto.hash, { owner, random: randomBytes(16) });
}

/** A signed configuration; its timestamp is the chain's last block's time. */
export async function configuration(
  chain: Pick<TestChain, "tip">,
  sender: PrivateKey,
  options: ConfigurationOptions = {},
): Promise<Transaction> {
  const { parent, federation } = chain.tip();
  const { recipient = null, encrypt = false } = options;
  const payload: ConfigurationPayload = {
    version: 1,
    type: 1,
    cid: options.cid ?? newCid(sender.publicKey),
    vid: options.vid ?? 1,
    compression: COMPRESSION[options.compression ?? "none"],
    encryption: encrypt ? ENCRYPTION.hpke : ENCRYPTION.none,
    description: options.description ?? "",
    sender: sender.publicKey,
    recipient,
    timestamp: options.timestamp ?? parent.time,
    nonce: options.nonce ?? randomBytes(16),
    body: {
      applyBefore: options.applyBefore ?? [],
      applyAfter: options.applyAfter ?? [],
      inReplyTo: options.inReplyTo ?? null,
      configuration: new Uint8Array(),
    },
  };
  const packed = await packConfiguration({
    bytes: options.bytes ?? utf8("permit any\n"),
    type: options.type ?? "file",
    ...(options.name === undefined ? {} : { name: options.name }),
    compression: payload.compression,
    encryption: payload.encryption,
    context: envelopeContext(payload),
    recipients: recipient === null ? [sender.publicKey] : [recipient, sender.publicKey],
    random: randomBytes,
  });
  return sign({ ...payload, body: { ...payload.body, configuration: packed } }, { federation, sender });
}

/** A signed request for the state of `recipient`. */
export function request(
  chain: Pick<TestChain, "tip">,
  sender: PrivateKey,
  recipient: PublicKey,
): Transaction {
  const { parent, federation } = chain.tip();
  const payload: RequestPayload = {
    version: 1,
    type: 2,
    cid: newCid(recipient),
    vid: 1,
    compression: COMPRESSION.none,
    encryption: ENCRYPTION.hpke,
    description: "state, please",
    sender: sender.publicKey,
    recipient,
    timestamp: parent.time,
    nonce: randomBytes(16),
    body: { replyTo: sender.publicKey },
  };
  return sign(payload, { federation, sender });
}

/** Signs whatever the payload says. */
export function sign(
  payload: Payload,
  { federation, sender }: { federation: Federation; sender: PrivateKey },
): Transaction {
  return signTransaction(payload, { genesisId: federation.genesisId, hash: crypto.hash, sign: sender.sign });
}

/** The chain's block at a height, from 1. */
export function blockAt({ blocks }: Pick<TestChain, "blocks">, height: number): RawBlock {
  const block = blocks[height - 1];
  if (block === undefined) throw new Error(`no block ${height} of ${blocks.length}`);
  return block;
}

/** Another hash. */
export function otherHash(hash: Hash): Hash {
  return hash.map((byte, i) => i === 0 ? byte ^ 1 : byte) as Hash;
}
