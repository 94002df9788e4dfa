/**
 * Changes of the federation in the pool. One is judged in full before it is taken, and anew after each block: so all
 * members that hold it agree on whether it can be proposed, and nothing that never can takes room.
 *
 * A change is proposed only while none is under way. It follows the newest document of the chain, in force or not yet:
 * so of two rivals the one that a block takes makes the other void (`federation-order`). Refused beside what
 * core/federation_change.ts refuses: certificates that do not hold now, and more changes than the pool has room for.
 *
 * @module
 */
import { blockHash } from "../../core/block.ts";
import { asHeight, type Height } from "../../core/brands.ts";
import { equal } from "../../core/bytes.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import { type Refusal, refuse } from "../../core/errors.ts";
import { checkNamedBlocks, checkSigned, type PastBlock } from "../../core/federation_change.ts";
import { LIMITS } from "../../core/limits.ts";
import { checkCertificates } from "../../core/platform/federation_certificates.ts";
import type { ChainReader, Tip } from "../../core/ports.ts";
import type { FederationPayload, Transaction } from "../../core/transaction.ts";
import { isFederationChange } from "../../core/transaction.ts";

/** What changes are judged by. */
export interface ChangeOptions {
  readonly reader: Pick<ChainReader, "tip" | "block">;
  readonly crypto: CryptoPort;
  readonly nowMs: () => number;
}

/** Judges a change at the tip, by the clock; `undefined` when it can come into a block, now or after the one under way. */
export async function judgeChange(
  { body }: FederationPayload,
  { reader, crypto, nowMs }: ChangeOptions,
): Promise<Refusal | undefined> {
  const { nextFederation: federation, parent } = reader.tip();
  const timeMs = Math.max(nowMs(), parent.time + 1);
  // Only new members whom a quorum wants make us read: a joining may name any block, and there may be hundreds.
  const unwanted = checkSigned(body, { federation, timeMs, crypto });
  if (unwanted !== undefined) return unwanted;
  const past = new Map<Height, PastBlock | undefined>();
  for (const { height } of body.joinings) {
    if (!past.has(height)) past.set(height, await pastBlock(height, { reader, crypto }));
  }
  const problem = checkNamedBlocks(body, { federation, timeMs, pastBlock: (height) => past.get(height) });
  if (problem !== undefined) return problem;
  const [refusal] = await checkCertificates(body.document, { atMs: timeMs });
  return refusal;
}

async function pastBlock(
  height: Height,
  { reader, crypto }: Pick<ChangeOptions, "reader" | "crypto">,
): Promise<PastBlock | undefined> {
  const block = height < 1 ? null : await reader.block(asHeight(height));
  return block === null ? undefined : { hash: blockHash(crypto.hash, block.header), time: block.header.time };
}

/** Whether a leader can propose it on this tip; what is no change of the federation always passes. */
export function isProposable(transaction: Transaction, { federation, nextFederation }: Tip): boolean {
  if (!isFederationChange(transaction)) return true;
  const isUnderWay = !equal(federation.hash, nextFederation.hash);
  return !isUnderWay && equal(transaction.payload.body.document.previous, federation.hash);
}

/** Refuses one more where the pool holds many: a document may be wrapped in any number of transactions. */
export function checkRoom(held: number): Refusal | undefined {
  return held < LIMITS.poolFederationChanges
    ? undefined
    : refuse("busy", `the pool holds ${held} changes of the federation`);
}
