/**
 * Reading a request's body: up to its own limit, and within what all bodies together may hold.
 *
 * @module
 */
import type http from "node:http";
import { type Bytes, concat } from "../../../core/bytes.ts";
import { type Refusal, refuse } from "../../../core/errors.ts";
import type { Budget } from "./gate.ts";

/** A body, whose bytes stay taken from the budget until it is disposed; a refusal; or a client that went away. */
export type BodyRead = (Disposable & { readonly bytes: Bytes }) | Refusal | "gone";

/** Reads the body. A declared length is held against `maxBytes` before anything is read. */
export async function readBody(
  request: http.IncomingMessage,
  { maxBytes, budget }: { maxBytes: number; budget: Budget },
): Promise<BodyRead> {
  const tooLarge = () => refuse("too-large", `the body is larger than ${maxBytes} bytes`);
  const { "content-length": declared, "transfer-encoding": encoding } = request.headers;
  // RFC 9112 §6.3: a request with neither has no body. Older runtimes wait for ever for the end of one that is not.
  if (declared === undefined && encoding === undefined) {
    return { bytes: new Uint8Array(), [Symbol.dispose]: () => {} };
  }
  if (Number(declared ?? 0) > maxBytes) return tooLarge();
  let held = 0;
  const parts: Uint8Array[] = [];
  const dispose = () => {
    budget.give(held);
    held = 0;
  };
  try {
    for await (const part of request as AsyncIterable<Uint8Array>) {
      const isTooLarge = held + part.length > maxBytes;
      if (isTooLarge || !budget.take(part.length)) {
        dispose();
        return isTooLarge ? tooLarge() : refuse("busy", "the node holds as many requests as it may");
      }
      held += part.length;
      parts.push(part);
    }
  } catch {
    dispose();
    return "gone"; // the client went away, or ran out of time
  }
  return { bytes: concat(...parts), [Symbol.dispose]: dispose };
}
