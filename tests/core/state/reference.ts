/**
 * What the tests of the state tree share: a naive tree, recursive over all leaves and without pages, to compare with;
 * the real one built from leaves; and key sets that are hard for either.
 *
 * @module
 */
import fc from "fast-check";
import { asHash, type Hash } from "../../../core/brands.ts";
import { type Bytes, compare, concat, toHex, utf8 } from "../../../core/bytes.ts";
import type { StateLeaf } from "../../../core/state/state_node.ts";
import { sha256 } from "../../support/sha256.ts";

function digits(key: Uint8Array): string {
  return [...key].map((byte) => byte.toString(2).padStart(8, "0")).join("");
}

function fromDigits(text: string): Hash {
  return asHash(Uint8Array.from({ length: 32 }, (_, i) => parseInt(text.slice(8 * i, 8 * i + 8), 2)));
}

/** Root by definition. */
export function naiveRoot(leaves: readonly StateLeaf[], prefix = ""): Hash {
  const below = leaves.filter(({ key }) => digits(key).startsWith(prefix));
  const [first] = below;
  if (first === undefined) return asHash(new Uint8Array(32));
  if (below.length === 1) {
    return sha256(concat(utf8("vnfchain/state-leaf/1\0"), first.key, first.value));
  }
  return sha256(concat(
    utf8("vnfchain/state-node/1\0"),
    naiveRoot(below, `${prefix}0`),
    naiveRoot(below, `${prefix}1`),
  ));
}

/** What a proof about these keys must say. */
export function naiveValues(leaves: readonly StateLeaf[], keys: readonly Hash[]): Map<string, Bytes | null> {
  const sorted = keys.toSorted(compare);
  return new Map(
    sorted.map((key) => [toHex(key), leaves.find((leaf) => compare(leaf.key, key) === 0)?.value ?? null]),
  );
}

/** A key that shares exactly this many bits with `base`; the bits after the one that differs come from `tail`. */
export function twin(base: Hash, shared: number, tail: Uint8Array = base): Hash {
  const text = digits(base);
  return fromDigits(
    text.slice(0, shared) + (text[shared] === "0" ? "1" : "0") + digits(tail).slice(shared + 1),
  );
}

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(asHash);

/** Keys that crowd together: few bases, and twins of them around the border of the pages and at the far end. */
export const keys: fc.Arbitrary<readonly Hash[]> = fc
  .tuple(
    fc.array(bytes32, { minLength: 1, maxLength: 3 }),
    fc.array(
      fc.record({
        base: fc.nat(2),
        shared: fc.constantFrom(0, 1, 7, 8, 14, 15, 16, 17, 200, 254, 255),
        tail: fc.option(bytes32, { nil: undefined }),
      }),
      { maxLength: 24 },
    ),
    fc.array(bytes32, { maxLength: 8 }),
  )
  .map(([bases, twins, others]) => {
    const made = twins.map(({ base, shared, tail }) =>
      twin(bases[base % bases.length] as Hash, shared, tail)
    );
    return distinct([...bases, ...made, ...others]);
  });

/** Leaves with crowded keys, and as many crowded keys that may be absent. */
export const leavesAndOthers: fc.Arbitrary<{ leaves: readonly StateLeaf[]; others: readonly Hash[] }> = keys
  .chain(
    (all) =>
      fc.tuple(
        fc.array(fc.boolean(), { minLength: all.length, maxLength: all.length }),
        fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: all.length, maxLength: all.length }),
      ).map(([present, values]) => ({
        leaves: all.map((key, i) => ({ key, value: Uint8Array.from(values[i] as Uint8Array) }))
          .filter((_, i) => present[i]),
        others: all.filter((_, i) => !present[i]),
      })),
  );

function distinct(all: readonly Hash[]): readonly Hash[] {
  return [...new Map(all.map((key) => [toHex(key), key])).values()];
}
