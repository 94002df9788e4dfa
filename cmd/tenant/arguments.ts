/**
 * Values on the command line, from text: keys, CIDs, references, node addresses, durations. Whatever is not exactly
 * such a value is wrong usage, and the message says what was wanted.
 *
 * @module
 */
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { asCid, asTxId, type Cid, type PublicKey, type TxId } from "../../core/brands.ts";
import { fromHex, toHex } from "../../core/bytes.ts";
import { utf8Length } from "../../core/cbor.ts";
import { publicKeyFromText } from "../../core/keys.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Reference } from "../../core/transaction.ts";
import { parseDuration } from "../common/duration.ts";

/** Compressions as `--compress` takes them. */
export const COMPRESSION_NAMES = ["zstd", "gzip", "none"] as const;
/** One of {@link COMPRESSION_NAMES}. */
export type CompressionName = typeof COMPRESSION_NAMES[number];

/** `vc1…`. */
export function publicKeyArgument(text: string): PublicKey {
  const key = publicKeyFromText(text);
  if (key === undefined) {
    throw new InvalidArgumentError("It is no public key; wanted vc1… with a matching checksum.");
  }
  return key;
}

/** Public keys, separated by commas. */
export function publicKeysArgument(text: string): readonly PublicKey[] {
  return text.split(",").map((part) => publicKeyArgument(part.trim()));
}

/** A CID: 64 hexadecimal digits. */
export function cidArgument(text: string): Cid {
  const bytes = fromHex(text);
  if (bytes?.length !== 32) throw new InvalidArgumentError("It is no CID; wanted 64 hexadecimal digits.");
  return asCid(bytes);
}

/** `CID` for the latest version, or `CID@VID`. */
export function referenceArgument(text: string): Reference {
  const [cid = "", vid, ...rest] = text.split("@");
  if (rest.length > 0 || (vid !== undefined && !isVid(vid))) {
    throw new InvalidArgumentError("It is no configuration; wanted CID or CID@VID, with a VID from 1.");
  }
  return { cid: cidArgument(cid), vid: vid === undefined ? null : Number(vid) };
}

function isVid(text: string): boolean {
  return /^[1-9]\d{0,15}$/.test(text) && Number.isSafeInteger(Number(text));
}

/** One more item of a repeatable option: references, separated by commas. */
export function referencesArgument(text: string, before: readonly Reference[] = []): readonly Reference[] {
  const references = [...before, ...text.split(",").map(referenceArgument)];
  if (references.length > LIMITS.references) {
    throw new InvalidArgumentError(`There are ${references.length}, at most ${LIMITS.references}.`);
  }
  return references;
}

/** What `show` looks for: a reference, or 64 digits that may be a transaction's id as well. */
export interface Wanted extends Reference {
  /** Null when a VID says that a configuration is meant. */
  readonly id: TxId | null;
}

/** A transaction's id, `CID` or `CID@VID`. */
export function wantedArgument(text: string): Wanted {
  const reference = referenceArgument(text);
  return { ...reference, id: reference.vid === null ? asTxId(reference.cid) : null };
}

/** Node addresses separated by commas; each an http or https URL. */
export function nodesArgument(text: string): readonly string[] {
  return text.split(",").map((part) => {
    const node = nodeFrom(part.trim());
    if (node === undefined) {
      throw new InvalidArgumentError(
        "It is no list of addresses; wanted http://HOST:PORT, separated by commas.",
      );
    }
    return node;
  });
}

/** A node's address without a final slash; `undefined` when it is anything else than a bare http or https URL. */
export function nodeFrom(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, password, search, hash, origin, pathname } = new URL(text);
  const bare = username + password + search + hash === "";
  return bare && /^https?:$/.test(protocol) ? origin + pathname.replace(/\/+$/, "") : undefined;
}

/** A duration such as `90s`, in milliseconds. */
export function durationArgument(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError("It is no duration; wanted 500ms, 10s, 2m or 1h.");
  return ms;
}

/** A transaction's public description. */
export function descriptionArgument(text: string): string {
  const length = utf8Length(text);
  if (length > LIMITS.descriptionBytes) {
    throw new InvalidArgumentError(`It has ${length} bytes, at most ${LIMITS.descriptionBytes}.`);
  }
  return text;
}

/** `CID@VID`, as it is typed; the CID alone for the latest version. */
export function referenceToText({ cid, vid }: Reference): string {
  return vid === null ? toHex(cid) : `${toHex(cid)}@${vid}`;
}
