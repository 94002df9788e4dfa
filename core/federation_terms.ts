/**
 * Which federation document was in force when: the first from height 1, each later one from two heights after the
 * block that decided it.
 *
 * @module
 */
import { equal } from "./bytes.ts";
import type { Hash } from "./brands.ts";
import { assert } from "./errors.ts";
import type { Federation } from "./federation.ts";

/** Heights from the block that decides a change to the first one under it. */
export const CHANGE_DELAY = 2;

/** A document and the first height at which it is in force. */
export interface FederationTerm {
  readonly federation: Federation;
  readonly fromHeight: number;
}

/** The term of the first document. */
export function firstTerm(federation: Federation): FederationTerm {
  return { federation, fromHeight: 1 };
}

/** The term of a document that the block at `height` decides. */
export function termAfter(federation: Federation, height: number): FederationTerm {
  return { federation, fromHeight: height + CHANGE_DELAY };
}

/** The document in force at a height; `terms` are in order, the first document's first. */
export function federationAt(terms: readonly FederationTerm[], height: number): Federation {
  const term = terms.findLast(({ fromHeight }) => fromHeight <= height) ?? terms[0];
  assert(term !== undefined, "a chain has a first federation document");
  return term.federation;
}

/** The document with this hash; `undefined` when this chain never had it in force. */
export function federationNamed(terms: readonly FederationTerm[], hash: Hash): Federation | undefined {
  return terms.find(({ federation }) => equal(federation.hash, hash))?.federation;
}
