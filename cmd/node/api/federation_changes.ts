/**
 * The federation's changes for clients that hold an earlier document: each with the last header under the document
 * before, whose certificate proves it. `GET /v1/federation/changes?after=SEQUENCE`.
 *
 * @module
 */
import { asHeight } from "../../../core/brands.ts";
import { assert, refuse } from "../../../core/errors.ts";
import { encodeTransitions, type FederationTransition } from "../../../core/federation_following.ts";
import { LIMITS } from "../../../core/limits.ts";
import type { ChainReader } from "../../../core/ports.ts";
import type { NodeServices } from "../services.ts";
import { type ApiReply, type ApiRequest, cborReply, refusalReply } from "./exchange.ts";

/** What proves changes. */
export type ChangesSource = Pick<ChainReader, "block" | "federationTerms" | "tip">;

/**
 * The changes after the document with this sequence, up to the one in force at `height`; as many as one answer may
 * hold.
 */
export async function changesAfter(
  chain: ChangesSource,
  { sequence, height }: { readonly sequence: number; readonly height: number },
): Promise<readonly FederationTransition[]> {
  const terms = chain.federationTerms().slice(sequence + 1).filter(({ fromHeight }) => fromHeight <= height);
  const transitions: FederationTransition[] = [];
  for (const { federation, fromHeight } of terms.slice(0, LIMITS.federationTransitions)) {
    const block = await chain.block(asHeight(fromHeight - 1));
    assert(block !== null, `block ${fromHeight - 1} is missing below height ${height}`);
    const { header, certificate } = block;
    transitions.push({ document: federation.document, header, certificate });
  }
  return transitions;
}

/** `GET /v1/federation/changes?after=SEQUENCE`, in CBOR. */
export async function federationChangesRoute(
  { chain }: Pick<NodeServices, "chain">,
  { query }: ApiRequest,
): Promise<ApiReply> {
  const after = query.get("after") ?? "0";
  if (!/^\d{1,9}$/.test(after)) return refusalReply(refuse("request", "after is not a sequence number"));
  // The next block is the first under the last of them: its federation is what clients meet next.
  const height = chain.tip().parent.height + 1;
  return cborReply(encodeTransitions(await changesAfter(chain, { sequence: Number(after), height })));
}
