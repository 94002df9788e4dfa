/**
 * Makes the answer to a request: the VNF's state as a configuration transaction from the VNF to `reply_to`, with the
 * CID, compression, encryption and description that the request asks for. Its time is that of the last certified
 * header: a VNF's clock may be wrong.
 *
 * The state is what the drivers export, joined in their order; when none exports, the documents of the generation in
 * force.
 *
 * @module
 */
import { type Bytes, concat } from "../../core/bytes.ts";
import { accept, refuse, type Verdict, VnfchainError } from "../../core/errors.ts";
import { packConfiguration } from "../../core/platform/configuration.ts";
import { platformCrypto, randomBytes } from "../../core/platform/crypto.ts";
import type { PrivateKey } from "../../core/platform/private_key.ts";
import { type ConfigurationPayload, envelopeContext, signTransaction, TYPE } from "../../core/transaction.ts";
import { checkSize } from "../../core/transaction_rules.ts";
import type { FederationTrust } from "../common/federation_trust.ts";
import type { Driver } from "./driver.ts";
import { generationPath, readDocuments } from "./generation.ts";
import type { KnownRequest } from "./state.ts";
import type { StateStore } from "./state_store.ts";

/** What an answer is made with. */
export interface AnswerSource {
  readonly stateDir: string;
  readonly store: StateStore;
  /** The VNF's own. */
  readonly key: PrivateKey;
  readonly trust: FederationTrust;
  readonly drivers: readonly Driver[];
}

/** The answer's bytes; refuses with `driver-export`, `too-large`, or `not-ready` before the first header. */
export async function makeAnswer(
  { store, key, trust, drivers, stateDir }: AnswerSource,
  request: KnownRequest,
): Promise<Verdict<Bytes>> {
  const { header, inForce } = store.current();
  if (header === null) return refuse("not-ready", "no certified header yet");
  const directory = inForce === null ? null : generationPath(stateDir, inForce.generation);
  const state = await exportState(drivers, directory);
  if (!state.ok) return state;
  const draft: ConfigurationPayload = {
    version: 1,
    type: TYPE.configuration,
    cid: request.cid,
    vid: 1,
    compression: request.compression,
    encryption: request.encryption,
    description: request.description,
    sender: key.publicKey,
    recipient: request.replyTo,
    timestamp: header.time,
    nonce: randomBytes(16),
    body: { applyBefore: [], applyAfter: [], inReplyTo: request.id, configuration: new Uint8Array() },
  };
  const configuration = await pack(draft, state.value);
  if (!configuration.ok) return configuration;
  const { bytes } = signTransaction(
    { ...draft, body: { ...draft.body, configuration: configuration.value } },
    {
      genesisId: trust.current().genesisId,
      hash: platformCrypto.hash,
      sign: key.sign,
    },
  );
  return checkSize(bytes, trust.current().document.parameters) ?? accept(bytes);
}

async function pack(draft: ConfigurationPayload, state: Bytes): Promise<Verdict<Bytes>> {
  try {
    return accept(
      await packConfiguration({
        bytes: state,
        type: "state",
        compression: draft.compression,
        encryption: draft.encryption,
        context: envelopeContext(draft),
        // The VNF itself too: so that it can read its own history.
        recipients: [draft.recipient ?? draft.sender, draft.sender],
        random: randomBytes,
      }),
    );
  } catch (error) {
    if (error instanceof VnfchainError) return refuse("driver-export", error.message);
    throw error;
  }
}

/** The VNF's state in bytes; `directory` is that of the generation in force. */
export async function exportState(
  drivers: readonly Driver[],
  directory: string | null,
): Promise<Verdict<Bytes>> {
  const parts: Bytes[] = [];
  const exporting = drivers.flatMap((driver) => driver.export === null ? [] : [driver.export]);
  for (const run of exporting) {
    const exported = await run();
    if (!exported.ok) return exported;
    parts.push(exported.value);
  }
  if (exporting.length === 0 && directory !== null) parts.push(...await readDocuments(directory));
  return accept(concat(...parts));
}
