/**
 * Receipts as files.
 *
 * @module
 */
import type { Bytes } from "../../core/bytes.ts";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";

/** Reads a receipt's bytes; nothing in them is verified. Throws `receipt-missing`. */
export async function readReceiptFile(path: string): Promise<Bytes> {
  try {
    const { size, isFile } = await Deno.stat(path);
    // A receipt is smaller than a block; what is larger is some other file.
    if (isFile && size <= LIMITS.frameBytes) return await Deno.readFile(path);
  } catch (cause) {
    throw problem(`read receipt: ${path} cannot be read`, cause);
  }
  throw problem(`read receipt: ${path} is no file, or too large for a receipt`);
}

function problem(message: string, cause?: unknown): VnfchainError {
  return new VnfchainError(message, {
    code: "receipt-missing",
    hint: "name a file that `vnfchain tenant publish --receipt` wrote",
    exitCode: EXIT.usage,
    cause,
  });
}
