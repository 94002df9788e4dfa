/** Transactions that bring a federation document: the rules between their fields, their format, their limits. */
import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { asCid, asSignature, type Cid } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import { type Cbor, decodeCbor, encodeCbor } from "../../core/cbor.ts";
import type { FederationDocument } from "../../core/federation.ts";
import type { FederationChange } from "../../core/federation_change.ts";
import { LIMITS } from "../../core/limits.ts";
import { platformCrypto as crypto } from "../../core/platform/crypto.ts";
import type { PrivateKey } from "../../core/platform/private_key.ts";
import { encodeShape } from "../../core/shape.ts";
import {
  coseSign1Shape,
  encodePayload,
  type FederationPayload,
  isFederationChange,
  signatureInput,
  TYPE,
} from "../../core/transaction.ts";
import { checkFields, verifyTransaction } from "../../core/transaction_rules.ts";
import { changePayload, changeTransaction, makeChange, memberOf } from "../support/federation_changes.ts";
import { GENESIS_MS, makeFederation, memberKey, testFederation } from "../support/federation.ts";
import { testKey } from "../support/keys.ts";
import { newCid } from "../support/test_transactions.ts";

const federation = testFederation(4);
const { genesisId } = federation;
const keys = [0, 1, 2, 3].map(memberKey).concat(testKey("fifth"));
const from = testKey("anybody");
const fifth = memberOf(testKey("fifth"), { name: "fifth", index: 4 });
const next = { members: [...federation.document.members, fifth] };
const names = { height: 7 as never, blockHash: genesisId };
const change = makeChange({ federation, keys, next, names });

type Alter = (payload: FederationPayload) => FederationPayload;

function made(alter: Alter = (payload) => payload) {
  return changeTransaction(change, { federation, from, timestamp: GENESIS_MS, alter });
}

function codeOf(bytes: Uint8Array, chain = genesisId): string {
  const verdict = verifyTransaction(bytes, { genesisId: chain, crypto });
  return verdict.ok ? "accepted" : verdict.code;
}

/** The transaction with a document that says something else; nobody has looked at approvals yet. */
function withDocument(document: Partial<FederationDocument>): Alter {
  return (payload) => ({
    ...payload,
    body: { ...payload.body, document: { ...payload.body.document, ...document } },
  });
}

Deno.test("verifyTransaction() gives back a federation change as it was signed, by whoever sends it", () => {
  const transaction = made();
  const verdict = verifyTransaction(transaction.bytes, { genesisId, crypto });
  ok(verdict.ok, verdict.ok ? "" : verdict.detail);
  deepEqual(verdict.value, transaction);
  ok(isFederationChange(verdict.value));
  deepEqual(verdict.value.payload.body, change);
});

Deno.test("verifyTransaction() takes no approvals and no joinings: a quorum is the chain's matter", () => {
  const bare = made((payload) => ({ ...payload, body: { ...payload.body, approvals: [], joinings: [] } }));
  equal(codeOf(bare.bytes), "accepted");
});

const wrong: readonly (readonly [string, Alter, string])[] = [
  ["the sender's CID", (payload) => ({ ...payload, cid: newCid(from.publicKey) }), "cid-owner"],
  ["a CID that is the genesis id but for a bit", (payload) => {
    const cid = payload.cid.slice();
    cid[31] = (cid[31] as number) ^ 1;
    return { ...payload, cid: asCid(cid) };
  }, "cid-owner"],
  [
    "another chain's CID",
    (payload) => ({ ...payload, cid: testFederation(3).genesisId as Uint8Array as Cid }),
    "cid-owner",
  ],
  ["a recipient", (payload) => ({ ...payload, recipient: from.publicKey }), "transaction-fields"],
  ["compression", (payload) => ({ ...payload, compression: 1 }), "transaction-fields"],
  ["encryption", (payload) => ({ ...payload, encryption: 1 }), "transaction-fields"],
  ["VID 0", (payload) => ({ ...payload, vid: 0 }), "transaction-fields"],
  ["a VID that is not the sequence", (payload) => ({ ...payload, vid: 2 }), "transaction-fields"],
  ["a sequence that is not the VID", withDocument({ sequence: 2 }), "transaction-fields"],
  [
    "a first document",
    (payload) => withDocument({ sequence: 0 })({ ...payload, vid: 0 }),
    "transaction-fields",
  ],
  ["a document without members", withDocument({ members: [] }), "federation-format"],
  [
    "a document with a key twice",
    withDocument({ members: [fifth, { ...fifth, name: "again" }] }),
    "federation-format",
  ],
  [
    "a document without a previous one",
    withDocument({ previous: new Uint8Array(32) as never }),
    "federation-format",
  ],
  [
    "a document without a genesis id",
    withDocument({ genesisId: new Uint8Array(32) as never }),
    "federation-format",
  ],
];
for (const [name, alter, code] of wrong) {
  Deno.test(`verifyTransaction() refuses a federation change with ${name}: ${code}`, () => {
    equal(codeOf(made(alter).bytes), code);
  });
}

Deno.test("verifyTransaction() refuses a federation change under another chain's genesis id", () => {
  equal(codeOf(made().bytes, testFederation(3).genesisId), "cid-owner");
});

Deno.test("verifyTransaction() refuses a federation change whose sender did not sign", () => {
  const { bytes } = made();
  equal(codeOf(bytes.with(bytes.length - 1, bytes.at(-1) as number ^ 1)), "transaction-signature");
});

Deno.test("verifyTransaction() refuses whatever byte of a federation change is altered", () => {
  const { bytes } = made();
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      ok(codeOf(bytes.with(at, bytes[at] as number ^ mask)) !== "accepted", `byte ${at}`);
    }),
    { numRuns: 500 },
  );
});

/** A transaction around any payload, signed as it should be. */
function signed(payload: Uint8Array<ArrayBuffer>): Uint8Array {
  return encodeShape(coseSign1Shape, {
    algorithm: Uint8Array.of(0xa1, 0x01, 0x27),
    unprotected: "empty",
    payload,
    signature: asSignature(from.sign(signatureInput(genesisId, payload))),
  });
}

/** The payload's items, with the body's exchanged. */
function withBody(edit: (body: readonly Cbor[]) => readonly Cbor[]): Uint8Array {
  const decoded = decodeCbor(encodePayload(changePayload(change, { federation, from })));
  ok(decoded.ok);
  const items = decoded.value as readonly Cbor[];
  return signed(encodeCbor([...items.slice(0, 11), edit(items[11] as readonly Cbor[])]));
}

const malformed: readonly (readonly [string, (body: readonly Cbor[]) => readonly Cbor[]])[] = [
  ["without joinings", (body) => body.slice(0, 2)],
  ["with an element more", (body) => [...body, []]],
  [
    "with a document of another version",
    ([document, ...rest]) => [[2, ...(document as Cbor[]).slice(1)], ...rest],
  ],
  [
    "with a document that lacks its parameters",
    ([document, ...rest]) => [(document as Cbor[]).slice(0, -1), ...rest],
  ],
  [
    "with an approval of three",
    ([document, , joinings]) => [document as Cbor, [[0, new Uint8Array(64), 0]], joinings as Cbor],
  ],
  [
    "with a signature of 63 bytes",
    ([document, , joinings]) => [document as Cbor, [[0, new Uint8Array(63)]], joinings as Cbor],
  ],
  [
    "with a negative member",
    ([document, , joinings]) => [document as Cbor, [["0", new Uint8Array(64)]], joinings as Cbor],
  ],
  [
    "with member 400",
    ([document, , joinings]) => [document as Cbor, [[LIMITS.members, new Uint8Array(64)]], joinings as Cbor],
  ],
  [
    "with a joining that names no block",
    ([document, approvals]) => [document as Cbor, approvals as Cbor, [[4, new Uint8Array(64)]]],
  ],
  ["with a block hash of 31 bytes", ([document, approvals]) => {
    return [document as Cbor, approvals as Cbor, [[4, 7, new Uint8Array(31), new Uint8Array(64)]]];
  }],
];
for (const [name, edit] of malformed) {
  Deno.test(`verifyTransaction() refuses a federation change ${name}`, () => {
    equal(codeOf(withBody(edit)), "transaction-format");
  });
}

Deno.test("verifyTransaction() accepts the federation change that the malformed ones are made from", () => {
  equal(codeOf(withBody((body) => body)), "accepted");
});

Deno.test("verifyTransaction() refuses a federation change under the body of another type, and the other way round", () => {
  const decoded = decodeCbor(encodePayload(changePayload(change, { federation, from })));
  ok(decoded.ok);
  const items = decoded.value as readonly Cbor[];
  for (const type of [1, 2, 4]) equal(codeOf(signed(encodeCbor(items.with(1, type)))), "transaction-format");
  equal(codeOf(withBody(() => [from.publicKey])), "transaction-format");
});

Deno.test("verifyTransaction() accepts a change of 400 members by 400 approvals and 400 joinings", () => {
  const keysOf = (name: string): PrivateKey[] => {
    return Array.from({ length: LIMITS.members }, (_, i) => testKey(`${name} ${i}`));
  };
  const [old, young] = [keysOf("old"), keysOf("young")];
  const large = makeFederation({ keys: old, timeMs: GENESIS_MS }).federation;
  const members = young.map((key, index) => memberOf(key, { name: `young-${index}`, index }));
  const full: FederationChange = makeChange({
    federation: large,
    keys: [...old, ...young],
    next: { members },
    approvers: old.map((_, i) => i),
    names,
  });
  const { bytes } = changeTransaction(full, { federation: large, from, timestamp: GENESIS_MS });
  equal(codeOf(bytes, large.genesisId), "accepted");
  const again = verifyTransaction(bytes, { genesisId: large.genesisId, crypto });
  ok(again.ok && isFederationChange(again.value));
  equal(
    toHex(encodePayload(again.value.payload)),
    toHex(encodePayload(changePayload(full, {
      federation: large,
      from,
      timestamp: GENESIS_MS,
      nonce: again.value.payload.nonce,
    }))),
  );
});

Deno.test("checkFields() keeps the chain's own CID for its documents, even if a key were found that owns it", () => {
  const { cid: own } = made().payload;
  const header = { ...made().payload, vid: 1, recipient: testKey("vnf").publicKey };
  const configuration = {
    ...header,
    type: TYPE.configuration,
    body: { applyBefore: [], applyAfter: [], inReplyTo: null, configuration: new Uint8Array() },
  } as const;
  // A hash under which everybody owns every CID that begins with zeros.
  const hash = () => new Uint8Array(32) as ReturnType<typeof crypto.hash>;
  const owned = asCid(new Uint8Array(32));
  equal(checkFields({ ...configuration, cid: owned }, { genesisId, hash }), undefined);
  const zeroChain = owned as Uint8Array as typeof genesisId;
  equal(checkFields({ ...configuration, cid: owned }, { genesisId: zeroChain, hash })?.code, "cid-owner");
  const request = { ...header, type: TYPE.request, body: { replyTo: from.publicKey } } as const;
  equal(checkFields({ ...request, cid: own }, { genesisId, hash: crypto.hash })?.code, "cid-owner");
});
