/**
 * What waits in the pool for long is offered to the other members again: a link whose queue was full has lost it, or
 * their pools were. While blocks come as they should nothing waits that long, and nothing is sent.
 *
 * @module
 */
import type { TxId } from "../../core/brands.ts";
import { type Bytes, toHex } from "../../core/bytes.ts";
import { LIMITS } from "../../core/limits.ts";
import { encodeFrame } from "./frames.ts";
import type { Pool } from "./pool_port.ts";

/** What has waited for this long is offered, and again after each such time. */
const OFFER_MS = 3_000;

/** What is offered, and to whom. */
export interface OfferOptions {
  readonly pool: Pick<Pool, "ids">;
  readonly broadcast: (frame: Bytes) => void;
  /** {@link OFFER_MS} unless a test is in a hurry. */
  readonly everyMs?: number | undefined;
}

/** Starts offering; disposing ends it. */
export function openOffers({ pool, broadcast, everyMs = OFFER_MS }: OfferOptions): Disposable {
  let before = new Set<string>();
  const timer = setInterval(() => {
    // The oldest alone: the others have their turn once those are gone.
    const ids: readonly TxId[] = pool.ids().slice(0, LIMITS.frameTransactions);
    const waiting = ids.filter((id) => before.has(toHex(id)));
    before = new Set(ids.map(toHex));
    if (waiting.length > 0) broadcast(encodeFrame({ kind: "pool", ids: waiting }));
  }, everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
