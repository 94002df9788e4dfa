/**
 * Deterministic CBOR (RFC 8949 §4.2.1), the subset that vnfchain speaks: unsigned integers up to 2^53−1, byte and
 * text strings, arrays, maps with text keys, true, false and null.
 *
 * Refused when decoding: floats, tags, negative integers, indefinite lengths, integers or lengths not in their
 * shortest form, unsorted or repeated map keys, invalid UTF-8, trailing bytes, depth above
 * {@link LIMITS.cborDepth}, more elements than {@link LIMITS.cborItems}, and declared lengths beyond the bytes
 * present. Lengths are checked in a scan before the library sees the bytes, because nested array headers that each
 * declare "the bytes remaining" make it allocate until V8 aborts. This file alone knows the library.
 *
 * @module
 */
import { Encoder } from "cbor-x/index-no-eval";
import { type Bytes, compare, equal, utf8 } from "./bytes.ts";
import { accept, assert, refuse, type Verdict } from "./errors.ts";
import { LIMITS } from "./limits.ts";

/** A value of the subset. */
export type Cbor = number | string | boolean | null | Uint8Array | readonly Cbor[] | CborMap;
/** A map with text keys; encoding sorts them. */
export type CborMap = ReadonlyMap<string, Cbor>;

const library = new Encoder({
  useRecords: false,
  mapsAsObjects: false,
  tagUint8Array: false,
  variableMapSize: true,
});

/** Encodes a value; asserts that it is in the subset, text without lone surrogates included. */
export function encodeCbor(value: Cbor): Bytes {
  // The library hands out views of a shared buffer: copy, so that a small value does not pin a large one.
  return new Uint8Array(library.encode(forLibrary(value)));
}

/** Decodes one value that fills `bytes` exactly; refuses with `cbor-*` codes whatever is not deterministic. */
export function decodeCbor(bytes: Uint8Array): Verdict<Cbor> {
  const scan = new Scan(bytes);
  const problem = scan.item(0) ?? (scan.offset === bytes.length ? undefined : "trailing bytes");
  if (problem !== undefined) return refuse("cbor", `CBOR at byte ${scan.offset}: ${problem}`);
  // A view of its own: the library hangs a property on what it decodes.
  const value = fromLibrary(library.decode(bytes.subarray()) as LibraryValue, scan.texts.values());
  // The scan should have found everything; this catches what it did not.
  if (!equal(library.encode(forLibrary(value)), bytes)) return refuse("cbor", "CBOR is not deterministic");
  return accept(value);
}

type LibraryValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | LibraryValue[]
  | Map<string, LibraryValue>;

function forLibrary(value: Cbor): LibraryValue {
  if (value === null || typeof value === "boolean" || value instanceof Uint8Array) return value;
  if (typeof value === "string") {
    assert(value.isWellFormed(), "CBOR text has a lone surrogate");
    return value;
  }
  if (typeof value === "number") {
    assert(Number.isSafeInteger(value) && value >= 0, `CBOR integer is ${value}, wanted 0 to 2^53−1`);
    return value > 0xffffffff ? BigInt(value) : value; // the library would write a float
  }
  if (value instanceof Map) return sortedMap(value);
  assert(Array.isArray(value), `CBOR value is ${typeof value}, wanted one of the subset`);
  return Array.from(value as readonly Cbor[], forLibrary); // unlike map(), stops at holes
}

function sortedMap(map: CborMap): Map<string, LibraryValue> {
  const keys = [...map.keys()].map((key) => ({ key, encoded: encodeCbor(key) }));
  keys.sort((a, b) => compare(a.encoded, b.encoded));
  return new Map(keys.map(({ key }) => [key, forLibrary(map.get(key) as Cbor)]));
}

/** Takes texts from the scan, in order: the library's decoder drops a byte order mark before a long one. */
function fromLibrary(value: LibraryValue, texts: Iterator<string>): Cbor {
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "string") return texts.next().value as string;
  // A copy, whatever the input's class: slice() of a Buffer would share its memory.
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map((item) => fromLibrary(item, texts));
  if (value instanceof Map) {
    return new Map(
      [...value.values()].map((item) => [texts.next().value as string, fromLibrary(item, texts)]),
    );
  }
  return value;
}

const utf8Strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** One pass over untrusted bytes without building anything; each method returns what is wrong, or nothing. */
class Scan {
  offset = 0;
  /** Every text met, map keys included, in the order of the bytes. */
  readonly texts: string[] = [];
  /** Elements still allowed in the whole message: each takes a byte, so no honest message has more than bytes. */
  #budget: number;
  readonly #bytes: Uint8Array;
  #argument = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#budget = Math.min(bytes.length, LIMITS.cborItems);
  }

  item(depth: number): string | undefined {
    if (depth > LIMITS.cborDepth) return `nested deeper than ${LIMITS.cborDepth}`;
    const initial = this.#bytes[this.offset];
    if (initial === undefined) return "ends in the middle of a value";
    const major = initial >> 5;
    if (major === 7) return this.#simple(initial);
    const problem = this.#head(initial & 0x1f);
    if (problem !== undefined) return problem;
    if (major === 0) return undefined;
    if (major === 2) {
      return this.#take(this.#argument) === undefined ? "length beyond the bytes present" : undefined;
    }
    if (major === 3) return this.#text(this.#argument);
    if (major === 4) return this.#items(this.#argument, depth);
    if (major === 5) return this.#map(this.#argument, depth);
    return major === 1 ? "negative integer" : "tag";
  }

  #simple(initial: number): string | undefined {
    this.offset++;
    return initial >= 0xf4 && initial <= 0xf6 ? undefined : "neither false, true nor null";
  }

  /** Reads the argument of an initial byte's low five bits (RFC 8949 §3). */
  #head(low: number): string | undefined {
    this.offset++;
    if (low < 24) {
      this.#argument = low;
      return undefined;
    }
    if (low > 27) return "indefinite or reserved length";
    const width = 1 << (low - 24);
    const bytes = this.#take(width);
    if (bytes === undefined) return "ends in the middle of a length";
    const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    if (!Number.isSafeInteger(value)) return "integer above 2^53−1";
    const smallest = width === 1 ? 24 : 2 ** (width * 4);
    if (value < smallest) return "integer or length not in its shortest form";
    this.#argument = value;
    return undefined;
  }

  #take(length: number): Uint8Array | undefined {
    if (length > this.#bytes.length - this.offset) return undefined;
    const start = this.offset;
    this.offset += length;
    return this.#bytes.subarray(start, this.offset);
  }

  #text(length: number): string | undefined {
    const bytes = this.#take(length);
    if (bytes === undefined) return "length beyond the bytes present";
    try {
      this.texts.push(utf8Strict.decode(bytes));
      return undefined;
    } catch {
      return "invalid UTF-8";
    }
  }

  #exceeds(count: number): boolean {
    this.#budget -= count;
    return this.#budget < 0;
  }

  #items(count: number, depth: number): string | undefined {
    if (this.#exceeds(count)) return "more elements declared than bytes present or allowed";
    for (let i = 0; i < count; i++) {
      const problem = this.item(depth + 1);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  #map(count: number, depth: number): string | undefined {
    if (this.#exceeds(2 * count)) return "more elements declared than bytes present or allowed";
    let previous: Uint8Array | undefined;
    for (let i = 0; i < count; i++) {
      const start = this.offset;
      if ((this.#bytes[start] ?? 0) >> 5 !== 3) return "map key is no text";
      const problem = this.item(depth + 1);
      if (problem !== undefined) return problem;
      const key = this.#bytes.subarray(start, this.offset);
      if (previous !== undefined && compare(previous, key) >= 0) return "map keys not in order";
      previous = key;
      const inValue = this.item(depth + 1);
      if (inValue !== undefined) return inValue;
    }
    return undefined;
  }
}

/** Bytes that a text takes in UTF-8. */
export function utf8Length(text: string): number {
  return utf8(text).length;
}
