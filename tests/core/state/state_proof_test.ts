import assert from "node:assert/strict";
import fc from "fast-check";
import { asHash, type Hash, ZERO_HASH } from "../../../core/brands.ts";
import { type Bytes, equal, toHex } from "../../../core/bytes.ts";
import { type Cbor, encodeCbor } from "../../../core/cbor.ts";
import type { Verdict } from "../../../core/errors.ts";
import { decodeShape, encodeShape } from "../../../core/shape.ts";
import { innerHash, leafHash, type StateLeaf } from "../../../core/state/state_node.ts";
import {
  type StateProof,
  type StateProofItem,
  stateProofShape,
  verifyState,
} from "../../../core/state/state_proof.ts";
import { proveState } from "../../../core/state/state_prover.ts";
import { pagesToProve, stateRoot } from "../../../core/state/state_upper.ts";
import { sha256 } from "../../support/sha256.ts";
import { stateOf, type TestState } from "../../support/test_state.ts";
import { leavesAndOthers, naiveValues, twin } from "./reference.ts";
import { TREE_CASES } from "./vectors.ts";

type Values = ReadonlyMap<string, Bytes | null>;

const KEY = asHash(new Uint8Array(32).fill(0x55));
const leaf = (key: Hash, value = "v"): StateLeaf => ({ key, value: new TextEncoder().encode(value) });
const FORMAT = { what: "state proof", code: "proof-format" } as const;

/** A proof as a node makes it: only the pages that were loaded are there. */
function prove(state: TestState, keys: readonly Hash[]): StateProof {
  const loaded = pagesToProve(state.upper, keys);
  const pages = (index: number) => {
    assert(loaded.has(index), `page ${index} was not loaded`);
    return state.pages(index);
  };
  const decoded = decodeShape(
    stateProofShape,
    proveState(sha256, { upper: state.upper, pages, keys }),
    FORMAT,
  );
  assert(decoded.ok, decoded.ok ? "" : decoded.detail);
  return decoded.value;
}

function verifyBytes(
  encoded: Uint8Array,
  { root, keys }: { root: Hash; keys: readonly Hash[] },
): Verdict<Values> {
  const proof = decodeShape(stateProofShape, encoded, FORMAT);
  return proof.ok ? verifyState(sha256, { root, proof: proof.value, keys }) : proof;
}

function accepted(verdict: Verdict<Values>): Values {
  assert(verdict.ok, verdict.ok ? "" : `${verdict.code}: ${verdict.detail}`);
  return verdict.value;
}

function code(verdict: Verdict<Values>): string {
  return verdict.ok ? "accepted" : verdict.code;
}

const mixed = leavesAndOthers.chain(({ leaves, others }) =>
  fc.shuffledSubarray([...leaves.map(({ key }) => key), ...others]).map((keys) => ({ leaves, keys }))
);

Deno.test("proveState() gives the golden proofs to the byte", () => {
  for (const { name, leaves, proofs } of TREE_CASES) {
    const state = stateOf(leaves);
    for (const { keys, encoded } of proofs) {
      assert.equal(toHex(encodeShape(stateProofShape, prove(state, keys))), toHex(encoded), name);
    }
  }
});

Deno.test("verifyState() accepts the golden proofs", () => {
  for (const { leaves, root, proofs } of TREE_CASES) {
    for (const { keys, encoded } of proofs) {
      assert.deepEqual(accepted(verifyBytes(encoded, { root, keys })), naiveValues(leaves, keys));
    }
  }
});

Deno.test("verifyState() accepts proofs of present and absent keys, mixed, in any order", () => {
  fc.assert(fc.property(mixed, ({ leaves, keys }) => {
    const state = stateOf(leaves);
    const proof = prove(state, keys);
    const values = accepted(
      verifyState(sha256, { root: stateRoot(state.upper), proof, keys: keys.toReversed() }),
    );
    assert.deepEqual(values, naiveValues(leaves, keys));
  }));
});

Deno.test("verifyState() takes a key asked for twice as one", () => {
  const state = stateOf([leaf(KEY), leaf(twin(KEY, 20))]);
  const keys = [KEY, twin(KEY, 3), KEY];
  const verdict = verifyState(sha256, { root: stateRoot(state.upper), proof: prove(state, keys), keys });
  assert.equal(accepted(verdict).size, 2);
});

Deno.test("verifyState() refuses, or reads the same values from, a proof with any byte altered", () => {
  fc.assert(
    fc.property(mixed, fc.nat(), fc.integer({ min: 1, max: 255 }), ({ leaves, keys }, position, mask) => {
      const state = stateOf(leaves);
      const root = stateRoot(state.upper);
      const encoded = encodeShape(stateProofShape, prove(state, keys));
      const at = position % encoded.length;
      encoded[at] = (encoded[at] as number) ^ mask;
      const verdict = verifyBytes(encoded, { root, keys });
      if (verdict.ok) assert.deepEqual(verdict.value, naiveValues(leaves, keys));
    }),
    { numRuns: 300 },
  );
});

Deno.test("verifyState() refuses every flipped bit of one proof", () => {
  const leaves = [leaf(KEY), leaf(twin(KEY, 4)), leaf(twin(KEY, 17)), leaf(twin(KEY, 19))];
  const state = stateOf(leaves);
  const question = { root: stateRoot(state.upper), keys: [KEY, twin(KEY, 2), twin(KEY, 18)] };
  const encoded = encodeShape(stateProofShape, prove(state, question.keys));
  accepted(verifyBytes(encoded, question));
  for (let bit = 0; bit < 8 * encoded.length; bit++) {
    const altered = encoded.slice();
    altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << bit % 8);
    assert(!verifyBytes(altered, question).ok, `bit ${bit}`);
  }
});

/** Every way to change one item of a proof: left out, doubled, swapped with the next, or replaced. */
function* mutations(items: readonly StateProofItem[]): Generator<readonly StateProofItem[]> {
  const others: readonly StateProofItem[] = [
    { kind: "empty" },
    { kind: "inner" },
    { kind: "hash", hash: ZERO_HASH },
    { kind: "leaf", leaf: leaf(KEY, "forged") },
    ...items,
  ];
  for (const [at, item] of items.entries()) {
    yield items.toSpliced(at, 1);
    yield items.toSpliced(at, 0, item);
    const next = items[at + 1];
    if (next !== undefined) yield items.with(at, next).with(at + 1, item);
    for (const other of others) yield items.with(at, other);
  }
}

Deno.test("verifyState() refuses every single-item mutation of a proof", () => {
  const leaves = [leaf(KEY), leaf(twin(KEY, 2)), leaf(twin(KEY, 15)), leaf(twin(KEY, 18))];
  const state = stateOf(leaves);
  const root = stateRoot(state.upper);
  const keys = [KEY, twin(KEY, 2), twin(KEY, 17), twin(KEY, 1)];
  const proof = prove(state, keys);
  const original = encodeShape(stateProofShape, proof);
  let tried = 0;
  for (const items of mutations(proof.items)) {
    const mutated: StateProof = { version: 1, items };
    if (equal(encodeShape(stateProofShape, mutated), original)) continue;
    assert.notEqual(
      code(verifyState(sha256, { root, proof: mutated, keys })),
      "accepted",
      JSON.stringify(items),
    );
    tried++;
  }
  assert(tried > 500, `only ${tried} mutations`);
});

Deno.test("verifyState() refuses the absence of a present key", () => {
  fc.assert(fc.property(mixed, fc.nat(), ({ leaves }, chosen) => {
    const hidden = leaves[chosen % leaves.length];
    fc.pre(hidden !== undefined);
    const root = stateRoot(stateOf(leaves).upper);
    const without = stateOf(leaves.filter((one) => one !== hidden));
    const proof = prove(without, [hidden.key]);
    assert.equal(code(verifyState(sha256, { root, proof, keys: [hidden.key] })), "proof-root");
  }));
});

Deno.test("verifyState() refuses a proof of another state", () => {
  const old = stateOf([leaf(KEY, "old")]);
  const root = stateRoot(stateOf([leaf(KEY, "new")]).upper);
  assert.equal(code(verifyState(sha256, { root, proof: prove(old, [KEY]), keys: [KEY] })), "proof-root");
});

Deno.test("verifyState() refuses a proof about fewer or more keys", () => {
  const state = stateOf([leaf(KEY), leaf(twin(KEY, 0)), leaf(twin(KEY, 18))]);
  const root = stateRoot(state.upper);
  const one = prove(state, [KEY]);
  const two = prove(state, [KEY, twin(KEY, 0)]);
  assert.equal(code(verifyState(sha256, { root, proof: one, keys: [KEY, twin(KEY, 0)] })), "proof-format");
  assert.equal(code(verifyState(sha256, { root, proof: two, keys: [KEY] })), "proof-format");
});

Deno.test("verifyState() refuses a foreign leaf at a key's place, whatever the root", () => {
  // The root is made to fit: left holds a leaf whose key belongs to the right.
  const moved = leaf(twin(KEY, 0));
  const other = leaf(twin(KEY, 1));
  const root = innerHash(sha256, { left: leafHash(sha256, moved), right: leafHash(sha256, other) });
  const items: readonly StateProofItem[] = [
    { kind: "inner" },
    { kind: "leaf", leaf: moved },
    { kind: "hash", hash: leafHash(sha256, other) },
  ];
  assert.equal(
    code(verifyState(sha256, { root, proof: { version: 1, items }, keys: [KEY] })),
    "proof-format",
  );
});

Deno.test("verifyState() refuses inner nodes below the last bit of the keys", () => {
  const zero = asHash(new Uint8Array(32));
  const inner = Array<StateProofItem>(256).fill({ kind: "inner" });
  const siblings = Array<StateProofItem>(256).fill({ kind: "hash", hash: ZERO_HASH });
  const question = { root: ZERO_HASH, keys: [zero] };
  const deepest: readonly StateProofItem[] = [...inner, { kind: "empty" }, ...siblings];
  const deeper: readonly StateProofItem[] = [...inner, { kind: "inner" }, ...siblings];
  assert.equal(
    code(verifyState(sha256, { ...question, proof: { version: 1, items: deepest } })),
    "proof-root",
  );
  const verdict = verifyState(sha256, { ...question, proof: { version: 1, items: deeper } });
  assert(!verdict.ok);
  assert.match(verdict.detail, /below the keys' last bit/);
});

Deno.test("verifyState() refuses too many items before it hashes any", () => {
  const items = Array<StateProofItem>(2 * 256 + 2).fill({ kind: "inner" });
  const hash = () => assert.fail("hashed");
  const verdict = verifyState(hash, { root: ZERO_HASH, proof: { version: 1, items }, keys: [KEY] });
  assert(!verdict.ok);
  assert.match(verdict.detail, /wanted at most 513/);
});

Deno.test("verifyState() of no keys wants the root alone", () => {
  const state = stateOf([leaf(KEY)]);
  const root = stateRoot(state.upper);
  assert.equal(accepted(verifyState(sha256, { root, proof: prove(state, []), keys: [] })).size, 0);
  assert.equal(
    code(verifyState(sha256, { root, proof: { version: 1, items: [] }, keys: [] })),
    "proof-format",
  );
});

const REFUSED: readonly { what: string; proof: Cbor }[] = [
  { what: "an unknown version", proof: [2, [null]] },
  { what: "false as an item", proof: [1, [false]] },
  { what: "a number as an item", proof: [1, [0]] },
  { what: "a text as an item", proof: [1, ["null"]] },
  { what: "a short hash", proof: [1, [new Uint8Array(31)]] },
  { what: "a leaf with a short key", proof: [1, [[new Uint8Array(31), new Uint8Array(1)]]] },
  { what: "a leaf without a value", proof: [1, [[KEY]]] },
  { what: "a leaf with a null value", proof: [1, [[KEY, null]]] },
  { what: "a leaf with a value above the limit", proof: [1, [[KEY, new Uint8Array(1025)]]] },
];
for (const { what, proof } of REFUSED) {
  Deno.test(`stateProofShape refuses ${what}`, () => {
    assert.equal(code(verifyBytes(encodeCbor(proof), { root: ZERO_HASH, keys: [KEY] })), "proof-format");
  });
}

Deno.test("proveState() asserts that pages and upper tree are of one state", () => {
  const { upper } = stateOf([leaf(KEY)]);
  assert.throws(() => proveState(sha256, { upper, pages: () => [], keys: [KEY] }), /0 leaves, wanted 1/);
});
