/**
 * What members tell each other when a link comes up: their chain's height, and the highest vote of the other that
 * they have seen (consensus/shown_vote.ts).
 *
 * @module
 */
import type { Height } from "../../core/brands.ts";
import type { Bytes } from "../../core/bytes.ts";
import type { Verdict } from "../../core/errors.ts";
import {
  constant,
  decodeShape,
  encodeShape,
  heightShape,
  nullable,
  record,
  type Shape,
} from "../../core/shape.ts";
import { type ShownVote, shownVoteShape } from "../shown_vote.ts";

/** The greeting's content. */
export interface Hello {
  readonly version: 1;
  readonly height: Height;
  /** Null when none of the other's votes was ever seen. */
  readonly shown: ShownVote | null;
}

const helloShape: Shape<Hello> = record({
  version: constant(1),
  height: heightShape,
  shown: nullable(shownVoteShape),
});

/** Encodes a greeting. */
export function encodeHello(hello: Omit<Hello, "version">): Bytes {
  return encodeShape(helloShape, { version: 1, ...hello });
}

/** Decodes a greeting; whether the shown vote is ours is for the protocol to check. */
export function decodeHello(bytes: Uint8Array): Verdict<Hello> {
  return decodeShape(helloShape, bytes, { what: "hello", code: "message-format" });
}
