/**
 * Transactions for tests, made as a tenant makes them: packed, bound to their header, signed.
 *
 * @module
 */
import type { Cid, PublicKey, TxId } from "../../core/brands.ts";
import { type Bytes, utf8 } from "../../core/bytes.ts";
import { makeCid } from "../../core/cid.ts";
import type { ContentType } from "../../core/content.ts";
import type { Federation } from "../../core/federation.ts";
import { packConfiguration } from "../../core/platform/configuration.ts";
import { platformCrypto, randomBytes } from "../../core/platform/crypto.ts";
import type { PrivateKey } from "../../core/platform/private_key.ts";
import type { Tip } from "../../core/ports.ts";
import {
  COMPRESSION,
  type Compression,
  type ConfigurationPayload,
  ENCRYPTION,
  type Encryption,
  envelopeContext,
  type Payload,
  type Reference,
  type RequestPayload,
  signTransaction,
  type Transaction,
  TYPE,
} from "../../core/transaction.ts";

/** What a configuration says; whatever is left out has a value that works. */
export interface TestConfiguration {
  readonly from: PrivateKey;
  readonly to: PublicKey | null;
  readonly content: string | Bytes;
  readonly cid?: Cid;
  readonly vid?: number;
  readonly name?: string;
  readonly type?: ContentType;
  readonly before?: readonly Reference[];
  readonly after?: readonly Reference[];
  readonly inReplyTo?: TxId | null;
  readonly compression?: Compression;
  readonly encryption?: Encryption;
  readonly description?: string;
  readonly timestamp?: number;
  readonly nonce?: Bytes;
  /** Changes the packed configuration before the transaction is signed. */
  readonly alter?: (configuration: Bytes) => Bytes;
}

/** A new CID of a key. */
export function newCid(owner: PublicKey): Cid {
  return makeCid(platformCrypto.hash, { owner, random: randomBytes(16) });
}

/** A signed configuration; encrypted when it has a recipient, unless told otherwise. */
export async function configuration(
  federation: Federation,
  options: TestConfiguration,
): Promise<Transaction> {
  const { from, to } = options;
  const draft: ConfigurationPayload = {
    version: 1,
    type: TYPE.configuration,
    cid: options.cid ?? newCid(from.publicKey),
    vid: options.vid ?? 1,
    compression: options.compression ?? COMPRESSION.none,
    encryption: options.encryption ?? (to === null ? ENCRYPTION.none : ENCRYPTION.hpke),
    description: options.description ?? "",
    sender: from.publicKey,
    recipient: to,
    timestamp: options.timestamp ?? Date.now(),
    nonce: options.nonce ?? randomBytes(16),
    body: {
      applyBefore: options.before ?? [],
      applyAfter: options.after ?? [],
      inReplyTo: options.inReplyTo ?? null,
      configuration: new Uint8Array(),
    },
  };
  const { compression, encryption } = draft;
  const packed = await packConfiguration({
    bytes: typeof options.content === "string" ? utf8(options.content) : options.content,
    type: options.type ?? "file",
    ...(options.name === undefined ? {} : { name: options.name }),
    compression,
    encryption,
    context: envelopeContext(draft),
    recipients: to === null ? [from.publicKey] : [to, from.publicKey],
    random: randomBytes,
  });
  const body = { ...draft.body, configuration: options.alter?.(packed) ?? packed };
  return sign(federation, { payload: { ...draft, body }, key: from });
}

/** A signed configuration that is plain and, unless told otherwise, a template; of the time of the chain's last block. */
export function plainConfiguration(
  { federation, tip }: { readonly federation: Federation; readonly tip: () => Tip },
  from: PrivateKey,
  options: Partial<TestConfiguration> = {},
): Promise<Transaction> {
  const plain = { from, to: null, content: "permit any\n", encryption: ENCRYPTION.none };
  return configuration(federation, { ...plain, timestamp: tip().parent.time, ...options });
}

/** A signed request to a VNF. */
export function request(
  federation: Federation,
  options: {
    from: PrivateKey;
    to: PublicKey;
    replyTo?: PublicKey;
    description?: string;
    cid?: Cid;
    timestamp?: number;
  },
): Transaction {
  const payload: RequestPayload = {
    version: 1,
    type: TYPE.request,
    cid: options.cid ?? newCid(options.to),
    vid: 1,
    compression: COMPRESSION.gzip,
    encryption: ENCRYPTION.hpke,
    description: options.description ?? "",
    sender: options.from.publicKey,
    recipient: options.to,
    timestamp: options.timestamp ?? Date.now(),
    nonce: randomBytes(16),
    body: { replyTo: options.replyTo ?? options.from.publicKey },
  };
  return sign(federation, { payload, key: options.from });
}

/** Signs whatever the payload says. */
export function sign(
  { genesisId }: Federation,
  { payload, key }: { payload: Payload; key: PrivateKey },
): Transaction {
  return signTransaction(payload, { genesisId, hash: platformCrypto.hash, sign: key.sign });
}
