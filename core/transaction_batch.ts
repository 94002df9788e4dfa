/**
 * Transactions by their places, as many in one answer as fit. Nothing here is proved: a transaction proves itself by
 * its id, which a verified history names.
 *
 * @module
 */
import type { Bytes } from "./bytes.ts";
import type { Verdict } from "./errors.ts";
import { LIMITS } from "./limits.ts";
import type { Position } from "./ports.ts";
import {
  bytesUpTo,
  constant,
  decodeShape,
  encodeShape,
  heightShape,
  list,
  nullable,
  record,
  type Shape,
  uint,
} from "./shape.ts";

const requestShape: Shape<{ readonly version: 1; readonly positions: readonly Position[] }> = record({
  version: constant(1),
  positions: list(
    record({ height: heightShape, index: uint(LIMITS.blockTransactions) }),
    LIMITS.pollTransactions,
  ),
});

const batchShape: Shape<{ readonly version: 1; readonly transactions: readonly (Bytes | null)[] }> = record({
  version: constant(1),
  transactions: list(nullable(bytesUpTo(LIMITS.transactionBytesCeiling)), LIMITS.pollTransactions),
});

/** Encodes a request for the transactions at some places. */
export function encodeBatchRequest(positions: readonly Position[]): Bytes {
  return encodeShape(requestShape, {
    version: 1,
    positions: positions.map(({ height, index }) => ({ height, index })),
  });
}

/** Decodes a request; refuses with `request`. */
export function decodeBatchRequest(bytes: Uint8Array): Verdict<readonly Position[]> {
  const decoded = decodeShape(requestShape, bytes, { what: "batch request", code: "request" });
  return decoded.ok ? { ok: true, value: decoded.value.positions } : decoded;
}

/** Encodes an answer: in the order asked, null where there is nothing; shorter when the rest does not fit. */
export function encodeBatch(transactions: readonly (Bytes | null)[]): Bytes {
  return encodeShape(batchShape, { version: 1, transactions });
}

/** Decodes an answer; nothing in it is verified yet. */
export function decodeBatch(bytes: Uint8Array): Verdict<readonly (Bytes | null)[]> {
  const decoded = decodeShape(batchShape, bytes, { what: "batch", code: "transaction-format" });
  return decoded.ok ? { ok: true, value: decoded.value.transactions } : decoded;
}
