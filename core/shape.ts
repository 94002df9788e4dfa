/**
 * Shapes: one declaration of a format that both encodes and decodes it, so that the two cannot drift apart.
 * Decoding refuses whatever the declaration does not name; formats are CBOR arrays of fixed order.
 *
 * @module
 */
import { asCid, asHash, asHeight, asRound, asSignature, asTxId } from "./brands.ts";
import type { Cid, Hash, Height, PublicKey, Round, Signature, TxId } from "./brands.ts";
import type { Bytes } from "./bytes.ts";
import { type Cbor, decodeCbor, encodeCbor, utf8Length } from "./cbor.ts";
import { accept, refuse, type Verdict } from "./errors.ts";
import { parsePublicKey } from "./keys.ts";
import type { RefusalCode } from "./refusals.ts";

/** How a `T` stands in CBOR. `decode` throws a {@link ShapeError}; only {@link decodeShape} calls it from outside. */
export interface Shape<T> {
  // Methods, not function properties: so that a list of shapes of different types can be one record's fields.
  encode(value: T): Cbor;
  decode(value: Cbor, path: string): T;
}

/** The type that a shape describes. */
export type ShapeOf<S> = S extends Shape<infer T> ? T : never;

/** What a value is not. Caught by {@link decodeShape}; never leaves core. */
class ShapeError extends Error {}

function wrong(path: string, wanted: string): never {
  throw new ShapeError(`${path} is not ${wanted}`);
}

/** Encodes a value by its shape. */
export function encodeShape<T>(shape: Shape<T>, value: T): Bytes {
  return encodeCbor(shape.encode(value));
}

/** Decodes untrusted bytes by a shape; refuses with `cbor` or with `format.code`, naming the field. */
export function decodeShape<T>(
  shape: Shape<T>,
  bytes: Uint8Array,
  format: { what: string; code: RefusalCode },
): Verdict<T> {
  const decoded = decodeCbor(bytes);
  if (!decoded.ok) return decoded;
  try {
    return accept(shape.decode(decoded.value, format.what));
  } catch (error) {
    if (error instanceof ShapeError) return refuse(format.code, error.message);
    throw error;
  }
}

/** An unsigned integer up to `max`. */
export function uint(max: number = Number.MAX_SAFE_INTEGER): Shape<number> {
  return {
    encode: (value) => value,
    decode: (value, path) =>
      typeof value === "number" && value <= max ? value : wrong(path, `an integer up to ${max}`),
  };
}

/** Exactly this integer, as versions are. */
export function constant<N extends number>(expected: N): Shape<N> {
  return {
    encode: () => expected,
    decode: (value, path) => value === expected ? expected : wrong(path, `${expected}`),
  };
}

/** A byte string of exactly `length` bytes. */
export function bytesOf(length: number): Shape<Bytes> {
  return {
    encode: (value) => value,
    decode: (value, path) =>
      value instanceof Uint8Array && value.length === length
        ? value as Bytes
        : wrong(path, `a byte string of ${length} bytes`),
  };
}

/** A byte string of at most `max` bytes. */
export function bytesUpTo(max: number): Shape<Bytes> {
  return {
    encode: (value) => value,
    decode: (value, path) =>
      value instanceof Uint8Array && value.length <= max
        ? value as Bytes
        : wrong(path, `a byte string of at most ${max} bytes`),
  };
}

/** A text of at most `max` bytes in UTF-8. */
export function text(max: number): Shape<string> {
  return {
    encode: (value) => value,
    decode: (value, path) =>
      typeof value === "string" && utf8Length(value) <= max
        ? value
        : wrong(path, `a text of at most ${max} bytes`),
  };
}

/** The shape's value or null. */
export function nullable<T>(inner: Shape<T>): Shape<T | null> {
  return {
    encode: (value) => value === null ? null : inner.encode(value),
    decode: (value, path) => value === null ? null : inner.decode(value, path),
  };
}

/** A list of at most `max` values. */
export function list<T>(inner: Shape<T>, max: number): Shape<readonly T[]> {
  return {
    encode: (values) => values.map((value) => inner.encode(value)),
    decode: (value, path) =>
      Array.isArray(value) && value.length <= max
        ? (value as readonly Cbor[]).map((item, i) => inner.decode(item, `${path}[${i}]`))
        : wrong(path, `a list of at most ${max}`),
  };
}

/** An array of fixed order whose elements have names here; `fields` in wire order. */
export function record<F extends Record<string, Shape<unknown>>>(
  fields: F,
): Shape<{ readonly [K in keyof F]: ShapeOf<F[K]> }> {
  const names = Object.keys(fields);
  return {
    encode: (value) => names.map((name) => (fields[name] as Shape<unknown>).encode(value[name])),
    decode: (value, path) => {
      if (!Array.isArray(value) || value.length !== names.length) wrong(path, `an array of ${names.length}`);
      const items = value as readonly Cbor[];
      return Object.fromEntries(
        names.map((
          name,
          i,
        ) => [name, (fields[name] as Shape<unknown>).decode(items[i] as Cbor, `${path}.${name}`)]),
      ) as { readonly [K in keyof F]: ShapeOf<F[K]> };
    },
  };
}

/** A shape through a pair of functions; `decode` gives `undefined` for what is not `wanted`. */
export function mapped<T, U>(
  inner: Shape<T>,
  via: { encode: (value: U) => T; decode: (value: T) => U | undefined; wanted: string },
): Shape<U> {
  return {
    encode: (value) => inner.encode(via.encode(value)),
    decode: (value, path) => via.decode(inner.decode(value, path)) ?? wrong(path, via.wanted),
  };
}

const same = <T>(value: T): T => value;

/** A SHA-256 digest. */
export const hashShape: Shape<Hash> = mapped(bytesOf(32), { encode: same, decode: asHash, wanted: "a hash" });
/** A transaction id. */
export const txIdShape: Shape<TxId> = mapped(bytesOf(32), { encode: same, decode: asTxId, wanted: "an id" });
/** A configuration identifier. */
export const cidShape: Shape<Cid> = mapped(bytesOf(32), { encode: same, decode: asCid, wanted: "a CID" });
/** A signature's 64 bytes; whether it holds is for the verifier to say. */
export const signatureShape: Shape<Signature> = mapped(bytesOf(64), {
  encode: same,
  decode: asSignature,
  wanted: "a signature",
});
/** A public key; refuses encodings that are not canonical and points of small order. */
export const publicKeyShape: Shape<PublicKey> = mapped(bytesOf(32), {
  encode: same,
  decode: parsePublicKey,
  wanted: "an Ed25519 public key in canonical form and of full order",
});
/** A height. */
export const heightShape: Shape<Height> = mapped(uint(), {
  encode: same<number>,
  decode: asHeight,
  wanted: "a height",
});
/** A round. */
export const roundShape: Shape<Round> = mapped(uint(), {
  encode: same<number>,
  decode: asRound,
  wanted: "a round",
});
