/**
 * A configuration transaction from its content: the header is fixed first, because the encryption is bound to it;
 * then the content is packed under it, and the whole is signed.
 *
 * @module
 */
import type { Cid, PublicKey } from "../../core/brands.ts";
import { VnfchainError } from "../../core/errors.ts";
import { packConfiguration } from "../../core/platform/configuration.ts";
import { platformCrypto, randomBytes } from "../../core/platform/crypto.ts";
import {
  type Compression,
  type ConfigurationPayload,
  ENCRYPTION,
  envelopeContext,
  type Payload,
  type Reference,
  signTransaction,
  type Transaction,
  TYPE,
} from "../../core/transaction.ts";
import { checkFields } from "../../core/transaction_rules.ts";
import type { ContentInput } from "./content_input.ts";
import type { TenantContext } from "./context.ts";

/** A configuration to be published. */
export interface ConfigurationDraft {
  readonly content: ContentInput;
  readonly cid: Cid;
  readonly vid: number;
  readonly compression: Compression;
  /** To recipient and sender. */
  readonly encrypted: boolean;
  readonly description: string;
  /** Null for a template. */
  readonly recipient: PublicKey | null;
  readonly applyBefore: readonly Reference[];
  readonly applyAfter: readonly Reference[];
}

/** Packs and signs. Throws what {@link signPayload} and `packConfiguration` throw. */
export async function signConfiguration(
  context: TenantContext,
  draft: ConfigurationDraft,
): Promise<Transaction> {
  const { content, compression, recipient } = draft;
  const { publicKey } = context.key;
  const encryption = draft.encrypted ? ENCRYPTION.hpke : ENCRYPTION.none;
  const header: ConfigurationPayload = {
    version: 1,
    type: TYPE.configuration,
    cid: draft.cid,
    vid: draft.vid,
    compression,
    encryption,
    description: draft.description,
    sender: publicKey,
    recipient,
    timestamp: Date.now(),
    nonce: randomBytes(16),
    body: {
      applyBefore: draft.applyBefore,
      applyAfter: draft.applyAfter,
      inReplyTo: null,
      configuration: new Uint8Array(),
    },
  };
  const configuration = await packConfiguration({
    bytes: content.bytes,
    type: "file",
    ...(content.name === undefined ? {} : { name: content.name }),
    compression,
    encryption,
    context: envelopeContext(header),
    // To the sender as well: an author reads its own history.
    recipients: recipient === null ? [] : [recipient, publicKey],
    random: randomBytes,
  });
  return signPayload(context, { ...header, body: { ...header.body, configuration } });
}

/**
 * Signs, and checks what nodes will check without a chain. Throws the code of a field rule, or `too-large`: both
 * before anything was sent.
 */
export function signPayload({ key, federation }: TenantContext, payload: Payload): Transaction {
  const { hash } = platformCrypto;
  const problem = checkFields(payload, { genesisId: federation.genesisId, hash });
  if (problem !== undefined) {
    throw new VnfchainError(`make transaction: ${problem.detail}`, { code: problem.code });
  }
  const transaction = signTransaction(payload, { genesisId: federation.genesisId, hash, sign: key.sign });
  const { maxTransactionBytes } = federation.document.parameters;
  if (transaction.bytes.length <= maxTransactionBytes) return transaction;
  throw new VnfchainError(
    `make transaction: it has ${transaction.bytes.length} bytes, the federation allows ${maxTransactionBytes}`,
    {
      code: "too-large",
      hint:
        "compress it with --compress zstd, or split the content and join the parts with --before and --after",
    },
  );
}
