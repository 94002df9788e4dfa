/**
 * The content map: what a configuration says once it is opened (design: bytes, content).
 *
 * A CBOR map with text keys. Required: `type`, `length` and `sha256` of the uncompressed bytes, and `bytes`, compressed
 * as the transaction's header says. Optional: `name`, and `critical`, the keys that a reader must understand (as `crit`
 * in COSE, RFC 9052 §3.1). Keys that this version does not know are kept and ignored unless they are critical, in which
 * case the content is refused with `content-critical`. A type that this version does not know is for the reader to
 * judge. Whether `bytes` keep what `length` and `sha256` promise is found when they are decompressed.
 *
 * @module
 */
import { asHash, type Hash } from "./brands.ts";
import type { Bytes } from "./bytes.ts";
import { type Cbor, type CborMap, decodeCbor, encodeCbor, utf8Length } from "./cbor.ts";
import { accept, assert, refuse, type Verdict } from "./errors.ts";
import { checkFileName } from "./file_name.ts";
import { LIMITS } from "./limits.ts";

/** What this version's readers know: a file, a tar archive, changes to a VNF's keys, a VNF's exported state. */
export const CONTENT_TYPES = ["file", "tar", "keyring", "state"] as const;
/** One of {@link CONTENT_TYPES}. */
export type ContentType = typeof CONTENT_TYPES[number];

/** Keys whose meaning a later version gives; this one carries them, and understands none of them as critical. */
export const RESERVED_KEYS = ["not_before", "approval_of", "change", "private_description"] as const;

const KNOWN_KEYS: ReadonlySet<string> = new Set(["type", "length", "sha256", "bytes", "name", "critical"]);

/** A decoded content map. */
export interface Content {
  /** One of {@link CONTENT_TYPES}, or a later version's. */
  readonly type: string;
  /** Uncompressed, in bytes; at most {@link LIMITS.contentBytes}. */
  readonly length: number;
  /** SHA-256 of the uncompressed bytes, without a tag, as any other tool computes it. */
  readonly sha256: Hash;
  /** Compressed. */
  readonly bytes: Bytes;
  /** A single file name (see {@link checkFileName}), or null. */
  readonly name: string | null;
  /** Keys that a reader must understand; empty when the map has no such key. */
  readonly critical: readonly string[];
  /** Whatever else the map holds, {@link RESERVED_KEYS} among it. */
  readonly extra: CborMap;
}

/** Encodes a content map; asserts that the fields are such as {@link decodeContent} may accept. */
export function encodeContent(content: Content): Bytes {
  const map = new Map<string, Cbor>(content.extra);
  for (const key of KNOWN_KEYS) assert(!map.has(key), `extra content key is ${key}`);
  map.set("type", content.type).set("length", content.length);
  map.set("sha256", content.sha256).set("bytes", content.bytes);
  if (content.name !== null) {
    assert(checkFileName(content.name).ok, "content name is not a file name");
    map.set("name", content.name);
  }
  if (content.critical.length > 0) map.set("critical", content.critical);
  for (const key of content.critical) assert(map.has(key), `critical content key ${key} is absent`);
  return encodeCbor(map);
}

/**
 * Decodes untrusted bytes. Refuses with `cbor`; with `content-critical` before it looks at any other field, because a
 * critical key may change what they mean; then with `content-format`, `too-large` and `content-path`.
 */
export function decodeContent(bytes: Uint8Array): Verdict<Content> {
  const decoded = decodeCbor(bytes);
  if (!decoded.ok) return decoded;
  if (!(decoded.value instanceof Map)) return refuse("content-format", "content is not a map");
  const map: CborMap = decoded.value;
  const critical = decodeCritical(map);
  return critical.ok ? decodeFields(map, critical.value) : critical;
}

function decodeCritical(map: CborMap): Verdict<readonly string[]> {
  const keys = map.get("critical");
  if (keys === undefined) return accept([]);
  if (!Array.isArray(keys) || keys.length === 0 || !keys.every((key) => typeof key === "string")) {
    return refuse("content-format", "content.critical is not a list of texts");
  }
  const unknown = (keys as readonly string[]).find((key) => !KNOWN_KEYS.has(key));
  if (unknown !== undefined) {
    return refuse("content-critical", `content has the critical key ${JSON.stringify(unknown.slice(0, 64))}`);
  }
  if (new Set(keys).size !== keys.length || !keys.every((key) => map.has(key))) {
    return refuse("content-format", "content.critical names a key twice, or one that is absent");
  }
  return accept(keys);
}

function decodeFields(map: CborMap, critical: readonly string[]): Verdict<Content> {
  const wrong = (key: string, wanted: string) => refuse("content-format", `content.${key} is not ${wanted}`);
  const [type, length, sha256, bytes] = ["type", "length", "sha256", "bytes"].map((key) => map.get(key));
  if (typeof type !== "string" || type === "" || utf8Length(type) > LIMITS.contentTextBytes) {
    return wrong("type", `a text of 1 to ${LIMITS.contentTextBytes} bytes`);
  }
  if (typeof length !== "number") return wrong("length", "an integer");
  if (length > LIMITS.contentBytes) {
    return refuse("too-large", `content has ${length} bytes, at most ${LIMITS.contentBytes}`);
  }
  if (!(sha256 instanceof Uint8Array) || sha256.length !== 32) return wrong("sha256", "a hash");
  if (!(bytes instanceof Uint8Array)) return wrong("bytes", "a byte string");
  const name = map.get("name") ?? null;
  if (map.has("name")) {
    if (typeof name !== "string") return wrong("name", "a text");
    const checked = checkFileName(name);
    if (!checked.ok) return checked;
  }
  const extra = new Map([...map].filter(([key]) => !KNOWN_KEYS.has(key)));
  return accept({
    type,
    length,
    sha256: asHash(sha256),
    bytes: bytes as Bytes,
    name: name as string | null,
    critical,
    extra,
  });
}
