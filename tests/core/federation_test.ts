import assert from "node:assert/strict";
import type { ZERO_HASH } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import {
  checkDocument,
  decodeFederation,
  DEFAULT_PARAMETERS,
  encodeFederation,
  faultsOf,
  type FederationDocument,
  federationOf,
  memberIndex,
  quorumOf,
} from "../../core/federation.ts";
import { LIMITS } from "../../core/limits.ts";
import { platformCrypto as crypto } from "../../core/platform/crypto.ts";
import { testFederation } from "../support/federation.ts";
import { testKey } from "../support/keys.ts";

Deno.test("quorumOf() is ⌈(n+f+1)/2⌉, which is not 2f+1", () => {
  const quorums = Array.from({ length: 10 }, (_, i) => quorumOf(i + 1));
  assert.deepEqual(quorums, [1, 2, 2, 3, 4, 4, 5, 6, 6, 7]);
});

Deno.test("quorumOf(): two quorums share a correct member, and the correct alone make one, for all n to 400", () => {
  for (let n = 1; n <= 400; n++) {
    assert(2 * quorumOf(n) - n > faultsOf(n), `n = ${n}`);
    assert(n - faultsOf(n) >= quorumOf(n), `n = ${n}`);
  }
});

Deno.test("decodeFederation() gives back what was encoded, with the first document's hash as genesis id", () => {
  const { document, hash } = testFederation(4);
  const decoded = decodeFederation(crypto.hash, encodeFederation(document));
  assert(decoded.ok);
  assert.deepEqual(decoded.value.document, document);
  assert.equal(toHex(decoded.value.genesisId), toHex(hash));
  assert.equal(decoded.value.quorum, 3);
});

Deno.test("federationOf() takes a later document's genesis id from the document", () => {
  const first = testFederation(4);
  const next = { ...first.document, sequence: 1, genesisId: first.genesisId, previous: first.hash };
  const federation = federationOf(crypto.hash, next);
  assert.equal(toHex(federation.genesisId), toHex(first.genesisId));
  assert.notEqual(toHex(federation.hash), toHex(first.hash));
});

const good = testFederation(4).document;
const [one, two] = good.members;
assert(one !== undefined && two !== undefined);

const wrong: readonly (readonly [string, Partial<FederationDocument>])[] = [
  ["no members", { members: [] }],
  ["a key that stands twice", { members: [one, { ...two, key: one.key }] }],
  ["a name that stands twice", { members: [one, { ...two, name: one.name }] }],
  ["a first document with a genesis id", { genesisId: one.key as unknown as typeof ZERO_HASH }],
  ["a first document with a previous one", { previous: one.key as unknown as typeof ZERO_HASH }],
  ["a later document without a genesis id", { sequence: 1 }],
  ["a parameter of 0", { parameters: { ...DEFAULT_PARAMETERS, heartbeatMs: 0 } }],
  ["transactions larger than blocks", { parameters: { ...DEFAULT_PARAMETERS, maxBlockBytes: 1000 } }],
  ["a heartbeat of more than a day", {
    parameters: { ...DEFAULT_PARAMETERS, heartbeatMs: LIMITS.federationTimerMs + 1 },
  }],
  ["a timer above its cap", { parameters: { ...DEFAULT_PARAMETERS, roundTimeoutMs: 20_000 } }],
];

for (const [name, change] of wrong) {
  Deno.test(`checkDocument() refuses ${name}`, () => {
    assert.equal(checkDocument({ ...good, ...change })?.code, "federation-format");
  });
}

Deno.test("checkDocument() accepts the document that the wrong ones are made from", () => {
  assert.equal(checkDocument(good), undefined);
});

Deno.test("memberIndex() finds members and no strangers", () => {
  const federation = testFederation(4);
  assert.equal(memberIndex(federation, one.key), 0);
  assert.equal(memberIndex(federation, testKey("stranger").publicKey), -1);
});
