/**
 * What HTTP caches are told. Answers prove themselves, so a cache in front of a node needs no trust: what is on the
 * chain for ever may be kept for ever, what names the chain's end may not be kept at all, and what changes seldom has a
 * tag by which a client asks whether it has (RFC 9110 §8.8.3).
 *
 * @module
 */
import type { Hash } from "../../../core/brands.ts";
import { toHex } from "../../../core/bytes.ts";
import type { ApiReply, ApiRequest } from "./exchange.ts";

/** Headers of a reply, by name in lower case. */
export type ReplyHeaders = Readonly<Record<string, string>>;

/** For what never changes; machines and people get different bytes at one path. */
export const IMMUTABLE: ReplyHeaders = {
  "cache-control": "public, max-age=31536000, immutable",
  "vary": "accept",
};

/** For what is true now. */
export const NO_STORE: ReplyHeaders = { "cache-control": "no-store" };

/** For what is what it is until its hash is another one. */
export function tagged(hash: Hash, type: string): ReplyHeaders {
  return { "cache-control": "no-cache", "vary": "accept", "etag": `"${toHex(hash)};${type}"` };
}

/** The reply, or a short one when the client has it already. */
export function unlessKnown({ headers }: Pick<ApiRequest, "headers">, reply: ApiReply): ApiReply {
  const tag = reply.headers?.["etag"];
  const known = headers.get("if-none-match");
  return tag !== undefined && known === tag ? { ...reply, status: 304, body: new Uint8Array() } : reply;
}
