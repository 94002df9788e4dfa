/**
 * Federation documents as stored: one row for each block that decided one, under that block's height. The first
 * document is the store's own (meta.ts).
 *
 * @module
 */
import { equal } from "../core/bytes.ts";
import { decodeFederation, encodeFederation, type Federation } from "../core/federation.ts";
import { type FederationTerm, firstTerm, termAfter } from "../core/federation_terms.ts";
import type { HashFunction } from "../core/hashing.ts";
import { scanChunked, setChunks } from "./chunks.ts";
import { federationKey } from "./layout.ts";
import { damaged, type Mutation, type Rows } from "./rows.ts";

/** Writes the document that a block decides; nothing for a block without one. */
export function setFederation(
  hash: HashFunction,
  { height, change }: { readonly height: number; readonly change: Federation | null },
): readonly Mutation[] {
  return change === null ? [] : setChunks(hash, federationKey(height), encodeFederation(change.document));
}

/** All documents of the chain, with the heights from which they are in force. */
export async function readTerms(rows: Rows, first: Federation): Promise<readonly FederationTerm[]> {
  const terms = [firstTerm(first)];
  for await (const { key, value } of scanChunked(rows, { prefix: ["federation"] })) {
    const height = key[1] as number;
    if (value === null) throw damaged(`the federation document of block ${height} lacks its end`);
    const decoded = decodeFederation(rows.hash, value);
    if (!decoded.ok) throw damaged(`the federation document of block ${height}: ${decoded.detail}`);
    const { federation: before } = terms.at(-1) as FederationTerm;
    if (!equal(decoded.value.document.previous, before.hash)) {
      throw damaged(`the federation document of block ${height} does not follow the one before`);
    }
    terms.push(termAfter(decoded.value, height));
  }
  return terms;
}
