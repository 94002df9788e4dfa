import assert from "node:assert/strict";
import fc from "fast-check";
import { asHash } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import { inclusionPath } from "../../core/merkle.ts";
import { platformCrypto as crypto } from "../../core/platform/crypto.ts";
import { encodeReceipt, type Receipt, verifyReceipt } from "../../core/receipt.ts";
import { testKey } from "../support/keys.ts";
import { certify, makeFederation } from "../support/federation.ts";
import { TestChain } from "../support/test_chain.ts";
import { configuration } from "../support/test_transactions.ts";

const chain = new TestChain(makeFederation({ size: 4 }));
const { federation } = chain;
const transactions = await Promise.all(
  ["a", "b", "c", "d", "e"].map((content) =>
    configuration(federation, { from: testKey("tenant"), to: testKey("vnf").publicKey, content })
  ),
);
const { header, certificate } = chain.commit(transactions);
const ids = transactions.map(({ id }) => id);
const INDEX = 3;

const parts: Omit<Receipt, "version" | "federation"> = {
  changes: [],
  header,
  certificate,
  transaction: transactions[INDEX]?.bytes ?? new Uint8Array(),
  index: INDEX,
  path: inclusionPath(crypto.hash, ids, INDEX),
};

function verify(changes: Partial<typeof parts> = {}, pinned = federation) {
  return verifyReceipt(encodeReceipt({ ...parts, ...changes }, federation), { pinned, crypto });
}

Deno.test("verifyReceipt() says which transaction stands where", () => {
  const verdict = verify();
  assert(verdict.ok, verdict.ok ? "" : verdict.detail);
  assert.deepEqual([verdict.value.header.height, verdict.value.index], [1, INDEX]);
  assert.equal(toHex(verdict.value.transaction.id), toHex(ids[INDEX] ?? new Uint8Array()));
});

const rejects: readonly (readonly [string, Partial<typeof parts>, string])[] = [
  ["another index", { index: 2 }, "proof-root"],
  ["a path cut short", { path: parts.path.slice(1) }, "proof-root"],
  [
    "another transaction of the block",
    { transaction: transactions[0]?.bytes ?? new Uint8Array() },
    "proof-root",
  ],
  [
    "another root",
    { header: { ...header, transactionsRoot: asHash(new Uint8Array(32)) } },
    "certificate-mismatch",
  ],
  [
    "a certificate of fewer than a quorum",
    { certificate: certify(chain, { header, signers: 2 }) },
    "certificate-quorum",
  ],
  ["no transaction", { transaction: new Uint8Array() }, "cbor"],
];

for (const [name, changes, code] of rejects) {
  Deno.test(`verifyReceipt() refuses ${name} with ${code}`, () => {
    const verdict = verify(changes);
    assert.equal(verdict.ok ? "accepted" : verdict.code, code);
  });
}

Deno.test("verifyReceipt() refuses a receipt of another federation", () => {
  const verdict = verify({}, makeFederation({ size: 4 }).federation);
  assert.equal(verdict.ok ? "accepted" : verdict.code, "proof-root");
});

Deno.test("verifyReceipt() refuses every change of one byte", () => {
  const bytes = encodeReceipt(parts, federation);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const altered = bytes.slice();
      altered[at] = (altered[at] as number) ^ change;
      assert(!verifyReceipt(altered, { pinned: federation, crypto }).ok, `byte ${at}`);
    }),
    { numRuns: 500 },
  );
});
