/**
 * Receipts as files.
 *
 * @module
 */
import type { Bytes } from "../../core/bytes.ts";
import { LIMITS } from "../../core/limits.ts";
import { readBoundedFile } from "./bounded_file.ts";

/** Reads a receipt's bytes; nothing in them is verified. Throws `receipt-missing`. */
export function readReceiptFile(path: string): Promise<Bytes> {
  return readBoundedFile(path, {
    what: "receipt",
    // A receipt is smaller than a block.
    maxBytes: LIMITS.frameBytes,
    code: "receipt-missing",
    hint: "name a file that `vnfchain tenant publish --receipt` wrote",
  });
}
