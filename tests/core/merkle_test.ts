import assert from "node:assert/strict";
import { asHash, type Hash } from "../../core/brands.ts";
import { concat, fromHex, toHex } from "../../core/bytes.ts";
import { inclusionPath, merkleRoot, verifyInclusion } from "../../core/merkle.ts";
import { sha256 } from "../support/sha256.ts";

// Reference data of Certificate Transparency (RFC 6962, RFC 9162): eight leaves, the roots over the first 0 to 8 of
// them, and some inclusion proofs.
const LEAVES = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
]
  .map(bytes);
const ROOTS = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
const PATHS = [
  { index: 0, size: 1, path: [] },
  {
    index: 0,
    size: 8,
    path: [
      "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
  },
  {
    index: 5,
    size: 8,
    path: [
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
  },
  { index: 2, size: 3, path: ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"] },
  {
    index: 1,
    size: 5,
    path: [
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
  },
];

/** Leaves as blocks have them: ids of 32 bytes. */
const IDS = Array.from({ length: 64 }, (_, i) => sha256(Uint8Array.of(i)));

function bytes(hex: string): Uint8Array {
  const read = fromHex(hex);
  assert(read !== undefined);
  return read;
}

function flipped(hash: Hash): Hash {
  const copy = hash.slice();
  copy[31] = (copy[31] as number) ^ 1;
  return asHash(copy);
}

/** Every leaf of every tree of 1 to 64 leaves, with its path. */
const INCLUSIONS = IDS.flatMap((_, last) => {
  const leaves = IDS.slice(0, last + 1);
  const root = merkleRoot(sha256, leaves);
  return leaves.map((leaf, index) => ({
    leaf,
    index,
    size: leaves.length,
    path: inclusionPath(sha256, leaves, index),
    root,
  }));
});

Deno.test("merkleRoot() gives the roots of the Certificate Transparency reference data", () => {
  ROOTS.forEach((root, size) => assert.equal(toHex(merkleRoot(sha256, LEAVES.slice(0, size))), root));
});

Deno.test("inclusionPath() gives the paths of the Certificate Transparency reference data", () => {
  for (const { index, size, path } of PATHS) {
    assert.deepEqual(inclusionPath(sha256, LEAVES.slice(0, size), index).map(toHex), path);
  }
});

Deno.test("inclusionPath() asserts that the leaf is in the tree", () => {
  for (const index of [-1, 8, 0.5, NaN]) assert.throws(() => inclusionPath(sha256, LEAVES, index), /no leaf/);
  assert.throws(() => inclusionPath(sha256, [], 0), /no leaf/);
});

Deno.test("verifyInclusion() accepts every leaf of every tree up to 64 leaves", () => {
  for (const inclusion of INCLUSIONS) {
    assert(verifyInclusion(sha256, inclusion), `leaf ${inclusion.index} of ${inclusion.size}`);
  }
});

Deno.test("verifyInclusion() refuses every path that was altered, cut, extended or reordered", () => {
  for (const inclusion of INCLUSIONS) {
    const { path, root, size, index } = inclusion;
    const altered = [
      ...path.map((_, at) => path.map((hash, i) => i === at ? flipped(hash) : hash)),
      ...path.map((_, at) => path.filter((__, i) => i !== at)),
      ...path.slice(1).map((hash, at) => path.with(at, hash).with(at + 1, path[at] as Hash)),
      [...path, root],
      [root, ...path],
    ];
    for (const other of altered) {
      assert(!verifyInclusion(sha256, { ...inclusion, path: other }), `leaf ${index} of ${size}`);
    }
  }
});

Deno.test("verifyInclusion() refuses another leaf, root or index", () => {
  for (const inclusion of INCLUSIONS) {
    const { leaf, root, index, size } = inclusion;
    assert(!verifyInclusion(sha256, { ...inclusion, leaf: flipped(leaf) }));
    assert(!verifyInclusion(sha256, { ...inclusion, root: flipped(root) }));
    for (let other = 0; other < size; other++) {
      if (other !== index) assert(!verifyInclusion(sha256, { ...inclusion, index: other }));
    }
  }
});

Deno.test("verifyInclusion() refuses an index outside the tree and sizes that are none", () => {
  const only = {
    leaf: IDS[0] as Hash,
    index: 0,
    size: 1,
    path: [],
    root: merkleRoot(sha256, IDS.slice(0, 1)),
  };
  assert(verifyInclusion(sha256, only));
  for (const index of [-1, 1, 0.5, NaN, 2 ** 32]) assert(!verifyInclusion(sha256, { ...only, index }));
  for (const size of [0, -1, 0.5, NaN, Infinity, 2 ** 53]) {
    assert(!verifyInclusion(sha256, { ...only, size }));
  }
});

Deno.test("verifyInclusion() does not cut sizes to 32 bits", () => {
  const inclusion = { leaf: IDS[0] as Hash, index: 0, size: 2, path: [sha256(new Uint8Array(1))] };
  const root = sha256(concat(
    Uint8Array.of(1),
    sha256(concat(Uint8Array.of(0), inclusion.leaf)),
    inclusion.path[0] as Hash,
  ));
  assert(verifyInclusion(sha256, { ...inclusion, root }));
  assert(!verifyInclusion(sha256, { ...inclusion, root, size: 2 ** 32 + 2 }));
});

Deno.test("verifyInclusion() refuses an inner node as a leaf", () => {
  const [left, right] = IDS.slice(0, 2).map((id) => sha256(concat(Uint8Array.of(0), id))) as [Hash, Hash];
  const root = merkleRoot(sha256, IDS.slice(0, 2));
  assert(!verifyInclusion(sha256, { leaf: concat(left, right), index: 0, size: 1, path: [], root }));
});

Deno.test("verifyInclusion() refuses a path that leads to the root but is longer than the size allows", () => {
  const [left, right] = IDS as [Hash, Hash, ...Hash[]];
  const root = merkleRoot(sha256, [left, right]);
  const path = inclusionPath(sha256, [left, right], 1);
  assert(verifyInclusion(sha256, { leaf: right, index: 1, size: 2, path, root }));
  assert(!verifyInclusion(sha256, { leaf: right, index: 0, size: 1, path, root }));
});
