/**
 * From a base transaction to the documents of a generation: the configurations that it names before and after itself,
 * all resolved at one certified height, opened and verified; all or nothing. This is the paper's check (v): each
 * configuration that comes with a base is the one that the base names.
 *
 * Naming a CID trusts the owner in its prefix, whose signature was verified with the answer. Named may be templates
 * (no recipient, not encrypted) and configurations addressed to this VNF, one level deep.
 *
 * Refused: an unknown reference, one with references of its own, one addressed to somebody else, whatever does not
 * open, a content type that this version does not know (`content-format`: the running configuration is held), all
 * documents together empty or too large.
 *
 * @module
 */
import type { Height, PublicKey } from "../../core/brands.ts";
import { equal, toHex } from "../../core/bytes.ts";
import { accept, refuse, type Verdict } from "../../core/errors.ts";
import type { PlacedTransaction } from "../../core/light_client.ts";
import { LIMITS } from "../../core/limits.ts";
import type { AgreementKey } from "../../core/platform/agreement.ts";
import { openConfiguration } from "../../core/platform/configuration.ts";
import type { PollConfiguration } from "../../core/poll.ts";
import {
  type ConfigurationPayload,
  envelopeContext,
  type Reference,
  type Transaction,
  TYPE,
} from "../../core/transaction.ts";
import type { Document } from "./generation.ts";
import type { Placed } from "./select.ts";

/** What a base is resolved with. */
export interface ResolveContext {
  readonly self: PublicKey;
  /** The VNF's keys, to open what is encrypted. */
  readonly keys: readonly AgreementKey[];
  readonly allowEmpty: boolean;
  /** Configurations at one certified height (`VerifiedPoll.configuration`). */
  readonly lookUp: (wanted: PollConfiguration) => Verdict<PlacedTransaction | null>;
  /** That height. */
  readonly certifiedAt: Height;
}

/** A base with all that it names. */
export interface Resolved {
  /** Before, own, after. */
  readonly documents: readonly Document[];
  readonly resolvedAt: Height;
}

/** Content types that become files of a generation. */
const DOCUMENT_TYPES: readonly string[] = ["file", "state"];

/** All references of a base, in order. */
export function referencesOf({ body }: ConfigurationPayload): readonly Reference[] {
  return [...body.applyBefore, ...body.applyAfter];
}

/** Resolves a base; the first refusal ends it. */
export async function resolve(
  base: Placed<ConfigurationPayload>,
  context: ResolveContext,
): Promise<Verdict<Resolved>> {
  const { applyBefore, applyAfter } = base.transaction.payload.body;
  const parts: { readonly role: Document["role"]; readonly reference: Reference | null }[] = [
    ...applyBefore.map((reference) => ({ role: "before", reference }) as const),
    { role: "own", reference: null },
    ...applyAfter.map((reference) => ({ role: "after", reference }) as const),
  ];
  const documents: Document[] = [];
  let bytes = 0;
  for (const { role, reference } of parts) {
    const placed = reference === null ? accept(base) : referenced(reference, context);
    if (!placed.ok) return placed;
    const document = await openDocument(placed.value, { role, keys: context.keys });
    if (!document.ok) return document;
    bytes += document.value.bytes.length;
    if (bytes > LIMITS.contentBytes) {
      return refuse("too-large", `documents of more than ${LIMITS.contentBytes} bytes`);
    }
    documents.push(document.value);
  }
  if (bytes === 0 && !context.allowEmpty) return refuse("empty", "the configuration is empty");
  return accept({ documents, resolvedAt: context.certifiedAt });
}

function referenced(
  { cid, vid }: Reference,
  { lookUp, self }: ResolveContext,
): Verdict<Placed<ConfigurationPayload>> {
  const name = `${toHex(cid)}@${vid ?? "latest"}`;
  const found = lookUp({ cid, vid });
  if (!found.ok) return found;
  if (found.value === null) return refuse("reference-unknown", `configuration ${name} is not on the chain`);
  const { transaction, height, index } = found.value;
  const { payload } = transaction;
  if (!isConfiguration(payload) || !equal(payload.cid, cid) || (vid !== null && payload.vid !== vid)) {
    return refuse("proof-incomplete", `another configuration than ${name} was sent`);
  }
  if (payload.recipient !== null && !equal(payload.recipient, self)) {
    return refuse("recipient", `configuration ${name} is addressed to somebody else`);
  }
  if (referencesOf(payload).length > 0) {
    return refuse("reference-depth", `configuration ${name} has references of its own`);
  }
  return accept({ position: { height, index }, transaction: { ...transaction, payload } });
}

function isConfiguration(payload: Transaction["payload"]): payload is ConfigurationPayload {
  return payload.type === TYPE.configuration;
}

async function openDocument(
  { transaction: { id, payload }, position }: Placed<ConfigurationPayload>,
  { role, keys }: { role: Document["role"]; keys: readonly AgreementKey[] },
): Promise<Verdict<Document>> {
  const { cid, vid, compression, encryption } = payload;
  const context = envelopeContext(payload);
  const opened = await openConfiguration(payload.body.configuration, {
    compression,
    encryption,
    context,
    keys,
  });
  if (!opened.ok) return refuse(opened.code, `configuration ${toHex(cid)}@${vid}: ${opened.detail}`);
  const { content, bytes } = opened.value;
  if (!DOCUMENT_TYPES.includes(content.type)) {
    return refuse(
      "content-format",
      `configuration ${toHex(cid)}@${vid}: content of type ${JSON.stringify(content.type)}`,
    );
  }
  const { name, sha256: contentHash } = content;
  return accept({ role, name, bytes, cid, vid, transaction: id, contentHash, position });
}
