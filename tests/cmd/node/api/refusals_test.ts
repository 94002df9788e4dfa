/** Every refusal of a transaction, at a real node's client API, with its stable code. */
import assert, { deepEqual, equal, match } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { asSignature, type PublicKey } from "../../../../core/brands.ts";
import { type Bytes, concat, fromHex, toHex, utf8 } from "../../../../core/bytes.ts";
import { encodeCbor } from "../../../../core/cbor.ts";
import { federationOf } from "../../../../core/federation.ts";
import { platformCrypto, randomBytes } from "../../../../core/platform/crypto.ts";
import { verifyReceipt } from "../../../../core/receipt.ts";
import {
  coseSign1Shape,
  type Payload,
  signatureInput,
  signTransaction,
  type Transaction,
} from "../../../../core/transaction.ts";
import { encodeShape } from "../../../../core/shape.ts";
import { testKey } from "../../../support/keys.ts";
import {
  configuration,
  newCid,
  request,
  type TestConfiguration,
} from "../../../support/test_transactions.ts";
import { ask, commit, type Outcome, post, startNode, type TestNode } from "../node.ts";

const TENANT = testKey("tenant");
const OTHER = testKey("another tenant");
const VNF = testKey("vnf");
const HOUR_MS = 3_600_000;

/** A configuration of the tenant's. */
async function made(
  { federation }: TestNode,
  options: Partial<TestConfiguration> = {},
): Promise<Transaction> {
  return await configuration(federation, { from: TENANT, to: VNF.publicKey, content: "rules", ...options });
}

/** The same payload with changes, signed by the tenant; so everything but the change holds. */
function changed({ federation }: TestNode, { payload }: Transaction, change: Partial<Payload>): Transaction {
  const { genesisId } = federation;
  const { hash } = platformCrypto;
  return signTransaction({ ...payload, ...change } as Payload, { genesisId, hash, sign: TENANT.sign });
}

/** A COSE_Sign1 around any payload, with a signature of the tenant's that holds. */
function signed({ federation }: TestNode, payload: Bytes): Bytes {
  const signature = TENANT.sign(signatureInput(federation.genesisId, payload));
  return encodeShape(coseSign1Shape, {
    algorithm: fromHex("a10127") as Bytes,
    unprotected: "empty",
    payload,
    signature,
  });
}

function flipped(bytes: Bytes, at: number): Bytes {
  const copy = bytes.slice();
  const index = at < 0 ? bytes.length + at : at;
  copy[index] = (copy[index] as number) ^ 1;
  return copy;
}

function refused(outcome: Outcome, code: string, status = 400): void {
  deepEqual([outcome.status, outcome.code], [status, code]);
}

Deno.test("POST /v1/transactions refuses, each with its stable code", async (t) => {
  await using node = await startNode();
  const { url, federation } = node;
  const valid = await made(node);

  await t.step("bytes that are no transaction", async () => {
    const outcomes: readonly (readonly [Bytes, string])[] = [
      [new Uint8Array(), "cbor"],
      [utf8("hello"), "cbor"],
      [concat(valid.bytes, Uint8Array.of(0)), "cbor"],
      [valid.bytes.slice(0, -1), "cbor"],
      [encodeCbor([]), "transaction-format"],
      [encodeCbor("text"), "transaction-format"],
      [flipped(valid.bytes, 3), "transaction-format"],
      [signed(node, new Uint8Array()), "cbor"],
      [signed(node, encodeCbor([1, 3])), "transaction-format"],
      [signed(node, encodeCbor([2, 1])), "transaction-format"],
    ];
    for (const [bytes, code] of outcomes) refused(await post(url, bytes), code);
  });

  await t.step("CBOR made to break a decoder", async () => {
    const bombs: readonly Bytes[] = [
      hex("9b00000000ffffffff"),
      hex("5b0000001000000000"),
      hex("bb00000000ffffffff"),
      new Uint8Array(200_000).fill(0x81),
      // Each head declares as many elements as bytes are left.
      hex("9a001e8480".repeat(400_000)),
      hex("9fff"),
      hex("5f41004100ff"),
      hex("1800"),
      hex("fb7ff8000000000000"),
      hex("f97e00"),
      hex("c000"),
      hex("62c328"),
      encodeCbor([valid.bytes, "__proto__"]),
    ];
    for (const bytes of bombs) {
      const outcome = await post(url, bytes);
      equal(outcome.status, 400, toHex(bytes.subarray(0, 20)));
      assert(["cbor", "transaction-format"].includes(outcome.code ?? ""), outcome.code);
    }
    equal((await ask(`${url}/healthz`)).status, 200);
  });

  await t.step("fields of the wrong kind", async () => {
    const wrong: readonly Partial<Record<keyof Payload, unknown>>[] = [
      { cid: new Uint8Array(31) },
      { vid: 1.5 },
      { compression: 3 },
      { encryption: 2 },
      { description: "x".repeat(257) },
      { nonce: new Uint8Array(15) },
      { timestamp: -1 },
      { body: [] },
    ];
    for (const change of wrong) {
      let bytes: Bytes;
      try {
        bytes = changed(node, valid, change as Partial<Payload>).bytes;
      } catch {
        continue; // not even encoded
      }
      const { code, status } = await post(url, bytes);
      equal(status, 400);
      assert(["transaction-format", "cbor"].includes(code ?? ""), `${JSON.stringify(change)}: ${code}`);
    }
  });

  await t.step("a signature that does not hold, of another key or of another chain", async () => {
    refused(await post(url, flipped(valid.bytes, -1)), "transaction-signature");
    refused(await post(url, flipped(valid.bytes, -70)), "transaction-signature");
    const forged = signTransaction(valid.payload, {
      genesisId: federation.genesisId,
      hash: platformCrypto.hash,
      sign: OTHER.sign,
    });
    refused(await post(url, forged.bytes), "transaction-signature");
    const elsewhere = federationOf(platformCrypto.hash, { ...federation.document, name: "another chain" });
    const foreign = await configuration(elsewhere, { from: TENANT, to: VNF.publicKey, content: "rules" });
    refused(await post(url, foreign.bytes), "transaction-signature");
    // S ≥ L: the same signature with the group's order added.
    const order = Buffer.from(
      fromHex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010") as Bytes,
    );
    refused(await post(url, withSignature(valid, addOrder(valid.signature, order))), "transaction-signature");
  });

  await t.step("keys of small order and keys in another than their canonical form", async () => {
    const keys = [
      "0100000000000000000000000000000000000000000000000000000000000000", // the identity
      "0000000000000000000000000000000000000000000000000000000000000000",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // y = p + 1
      "0200000000000000000000000000000000000000000000000000000000000000", // on no point
    ];
    for (const key of keys) {
      const sender = changed(node, valid, { sender: hex(key) as PublicKey });
      refused(await post(url, sender.bytes), "transaction-format");
      const recipient = changed(node, valid, { recipient: hex(key) as PublicKey });
      refused(await post(url, recipient.bytes), "transaction-format");
    }
  });

  await t.step("contradictions between fields", async () => {
    refused(await post(url, changed(node, valid, { vid: 0 }).bytes), "transaction-fields");
    refused(await post(url, changed(node, valid, { recipient: null }).bytes), "transaction-fields");
  });

  await t.step("a CID of another owner", async () => {
    refused(await post(url, (await made(node, { cid: newCid(OTHER.publicKey) })).bytes), "cid-owner");
    const asked = request(federation, { from: TENANT, to: VNF.publicKey, cid: newCid(TENANT.publicKey) });
    refused(await post(url, asked.bytes), "cid-owner");
  });

  await t.step("a timestamp that has expired or lies ahead", async () => {
    const expired = await made(node, { timestamp: Date.now() - HOUR_MS - 60_000 });
    refused(await post(url, expired.bytes), "expired");
    const future = await made(node, { timestamp: Date.now() + 6 * 60_000 });
    refused(await post(url, future.bytes), "future");
  });

  await t.step("a reference to itself, twice, to nothing, or two levels deep", async () => {
    const cid = newCid(TENANT.publicKey);
    refused(
      await post(url, (await made(node, { cid, before: [{ cid, vid: null }] })).bytes),
      "reference-self",
    );
    const one = newCid(TENANT.publicKey);
    const twice = { before: [{ cid: one, vid: 1 }], after: [{ cid: one, vid: null }] };
    refused(await post(url, (await made(node, twice)).bytes), "reference-repeated");
    const unknown = await made(node, { before: [{ cid: one, vid: null }] });
    refused(await post(url, unknown.bytes), "reference-unknown");
    const zero = await made(node, { before: [{ cid: one, vid: 0 }] });
    refused(await post(url, zero.bytes), "transaction-fields");

    const template = await made(node, { to: null });
    await commit(url, template);
    const base = await made(node, { before: [{ cid: template.payload.cid, vid: 1 }] });
    await commit(url, base);
    const later = await made(node, { after: [{ cid: template.payload.cid, vid: 2 }] });
    refused(await post(url, later.bytes), "reference-unknown");
    const deep = await made(node, { after: [{ cid: base.payload.cid, vid: null }] });
    refused(await post(url, deep.bytes), "reference-depth");
  });

  await t.step("a transaction larger than the federation allows, whole, declared or in chunks", async () => {
    const { maxTransactionBytes } = federation.document.parameters;
    const large = await made(node, { to: null, content: randomBytes(maxTransactionBytes) });
    refused(await post(url, large.bytes), "too-large", 413);
    refused(await post(url, new Uint8Array(maxTransactionBytes * 3)), "too-large", 413);
    const body = ReadableStream.from(Array.from({ length: 64 }, () => new Uint8Array(65_536)));
    refused(await ask(`${url}/v1/transactions`, { method: "POST", body }), "too-large", 413);
    refused(await ask(`${url}/v1/poll`, { method: "POST", body: new Uint8Array(70_000) }), "too-large", 413);
  });

  await t.step("wait with another word than commit", async () => {
    refused(await ask(`${url}/v1/transactions?wait=1`, { method: "POST", body: valid.bytes }), "request");
  });

  await t.step("nothing that is valid", async () => {
    equal((await post(url, valid.bytes)).status, 202);
    const { text } = { text: new TextDecoder().decode((await ask(`${url}/metrics`)).bytes) };
    match(text, /vnfchain_refused_total\{code="transaction-signature"\} 5/);
  });
});

Deno.test("POST /v1/transactions takes each transaction once", async (t) => {
  await using node = await startNode();
  const { url, federation } = node;

  await t.step("the same again has the same answer, in the pool and on the chain", async () => {
    const transaction = await made(node);
    const answers = await Promise.all([1, 2, 3].map(() => post(url, transaction.bytes)));
    const position = await commit(url, transaction);
    answers.push(await post(url, transaction.bytes));
    for (const answer of answers) {
      equal(answer.status, 202);
      equal(answer.json()["id"], toHex(transaction.id));
    }
    deepEqual(await commit(url, transaction), position);
  });

  await t.step(
    "another with the same sender and nonce is a duplicate, in the pool and blocks later",
    async () => {
      const nonce = randomBytes(16);
      const first = await made(node, { nonce });
      // Parked, so that it stays in the pool: version 2 comes before version 1.
      const parked = await made(node, { vid: 2, nonce: randomBytes(16) });
      equal((await post(url, parked.bytes)).status, 202);
      const twin = await made(node, { nonce: parked.payload.nonce });
      refused(await post(url, twin.bytes), "duplicate");
      const { height } = await commit(url, first);
      await node.network.reached(0, height + 2);
      refused(await post(url, (await made(node, { nonce })).bytes), "duplicate");
      // A nonce is a sender's own.
      const other = await configuration(federation, { from: OTHER, to: null, content: "rules", nonce });
      await commit(url, other);
    },
  );

  await t.step("a VID at or below the latest, or one that the pool holds, is out of order", async () => {
    const cid = newCid(TENANT.publicKey);
    await commit(url, await made(node, { cid, vid: 1 }));
    await commit(url, await made(node, { cid, vid: 2 }));
    refused(await post(url, (await made(node, { cid, vid: 1 })).bytes), "vid-order");
    refused(await post(url, (await made(node, { cid, vid: 2 })).bytes), "vid-order");
    refused(await post(url, (await made(node, { cid, vid: 300 })).bytes), "vid-order");
    equal((await post(url, (await made(node, { cid, vid: 4 })).bytes)).status, 202);
    refused(await post(url, (await made(node, { cid, vid: 4 })).bytes), "vid-order");
  });

  await t.step("a VID gap waits, and is committed in order once it is filled", async () => {
    const cid = newCid(TENANT.publicKey);
    const versions = await Promise.all([1, 2, 3].map((vid) => made(node, { cid, vid })));
    const [first, second, third] = versions as [Transaction, Transaction, Transaction];
    equal((await post(url, third.bytes)).status, 202);
    equal((await post(url, second.bytes)).status, 202);
    const { height } = await node.network.status(0);
    await node.network.reached(0, height + 2);
    equal((await ask(`${url}/v1/transactions/${toHex(third.id)}`)).json()["status"], "pending");
    const places = await Promise.all([first, second, third].map((each) => commit(url, each)));
    const order = places.map(({ height, index }) => height * 10_000 + index);
    deepEqual(order, order.toSorted((a, b) => a - b));
  });

  await t.step("a reference may be to what waits in the pool", async () => {
    const template = await made(node, { to: null });
    const user = await made(node, { before: [{ cid: template.payload.cid, vid: null }] });
    equal((await post(url, template.bytes)).status, 202);
    equal((await post(url, user.bytes)).status, 202);
    await commit(url, user);
  });

  await t.step("a receipt proves where it stands, and is made again", async () => {
    const transaction = await made(node);
    const waited = await post(url, transaction.bytes, { wait: true });
    deepEqual([waited.status, waited.headers.get("content-type")], [200, "application/cbor"]);
    const receipt = verifyReceipt(waited.bytes, { pinned: federation, crypto: platformCrypto });
    assert(receipt.ok && toHex(receipt.value.transaction.id) === toHex(transaction.id));
    const again = await ask(`${url}/v1/transactions/${toHex(transaction.id)}/receipt`);
    deepEqual(again.bytes, waited.bytes);
    const stored = await ask(`${url}/v1/transactions/${toHex(transaction.id)}`, {
      headers: { accept: "application/cbor" },
    });
    deepEqual(stored.bytes, transaction.bytes);
  });

  await t.step("many that wait together each have a receipt of their own", async () => {
    const transactions = await Promise.all(Array.from({ length: 100 }, () => made(node, { to: null })));
    const outcomes = await Promise.all(transactions.map(({ bytes }) => post(url, bytes, { wait: true })));
    for (const [i, { status, bytes }] of outcomes.entries()) {
      equal(status, 200);
      const receipt = verifyReceipt(bytes, { pinned: federation, crypto: platformCrypto });
      assert(receipt.ok);
      equal(toHex(receipt.value.transaction.id), toHex((transactions[i] as Transaction).id));
    }
  });
});

function hex(text: string): Bytes {
  return fromHex(text) ?? assert.fail(`not hexadecimal: ${text}`);
}

function withSignature({ bytes }: Transaction, signature: Uint8Array): Bytes {
  return concat(bytes.slice(0, -64), asSignature(signature));
}

/** R and S + L, little-endian. */
function addOrder(signature: Uint8Array, order: Uint8Array): Uint8Array {
  const sum = signature.slice();
  let carry = 0;
  for (let i = 0; i < 32; i++) {
    const digit = (sum[32 + i] as number) + (order[i] as number) + carry;
    sum[32 + i] = digit & 0xff;
    carry = digit >> 8;
  }
  return sum;
}
