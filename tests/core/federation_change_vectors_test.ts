/** Federation changes that another implementation made: tests/vectors/make_federation_change.py. */
import { equal, ok } from "node:assert/strict";
import { asHash } from "../../core/brands.ts";
import { type Bytes, equal as same, fromHex, toHex } from "../../core/bytes.ts";
import { decodeFederation, federationOf, memberAt } from "../../core/federation.ts";
import { approvalMessage, checkChange, joiningMessage } from "../../core/federation_change.ts";
import { platformCrypto as crypto } from "../../core/platform/crypto.ts";
import { privateKeyFromSeed } from "../../core/platform/private_key.ts";
import { isFederationChange, signTransaction } from "../../core/transaction.ts";
import { verifyTransaction } from "../../core/transaction_rules.ts";

interface Case {
  readonly name: string;
  readonly cose: string;
  readonly id: string;
  readonly hash: string;
}

interface Vectors {
  readonly federation: string;
  readonly genesisId: string;
  readonly blockTime: number;
  readonly blocks: readonly { readonly height: number; readonly hash: string; readonly time: number }[];
  readonly seeds: Readonly<Record<string, string>>;
  readonly accepted: readonly Case[];
  readonly rejected: readonly (Case & { readonly code: string })[];
}

const vectors = JSON.parse(
  await Deno.readTextFile(new URL("../vectors/federation_change.json", import.meta.url)),
) as Vectors;

function hex(text: string): Bytes {
  const bytes = fromHex(text);
  ok(bytes);
  return bytes;
}

const decoded = decodeFederation(crypto.hash, hex(vectors.federation));
ok(decoded.ok);
const federation = decoded.value;
const { genesisId } = federation;
const keys = Object.values(vectors.seeds).map((seed) => privateKeyFromSeed(hex(seed)));

function keyOf(publicKey: Uint8Array) {
  const key = keys.find((one) => same(one.publicKey, publicKey));
  ok(key);
  return key;
}

/** The transaction, which verifies, and its change. */
function read({ cose }: Case) {
  const verdict = verifyTransaction(hex(cose), { genesisId, crypto });
  ok(verdict.ok, verdict.ok ? "" : verdict.detail);
  ok(isFederationChange(verdict.value));
  return { transaction: verdict.value, change: verdict.value.payload.body };
}

function judge(one: Case) {
  return checkChange(read(one).change, {
    federation,
    timeMs: vectors.blockTime,
    pastBlock: (height) => {
      const block = vectors.blocks.find((each) => each.height === height);
      return block && { hash: asHash(hex(block.hash)), time: block.time };
    },
    crypto,
  });
}

Deno.test("decodeFederation() gives the genesis id that another implementation computes", () => {
  equal(toHex(genesisId), vectors.genesisId);
});

for (const one of vectors.accepted) {
  Deno.test(`checkChange() accepts a change that another implementation made: ${one.name}`, () => {
    const refusal = judge(one);
    equal(refusal, undefined, refusal?.detail);
  });

  Deno.test(`the change has the hashes and signatures that another implementation makes: ${one.name}`, () => {
    const { transaction: { id, payload }, change } = read(one);
    const { hash } = federationOf(crypto.hash, change.document);
    equal(toHex(id), one.id);
    equal(toHex(hash), one.hash);
    for (const { member, signature } of change.approvals) {
      const again = keyOf(memberAt(federation, member).key).sign(approvalMessage(federation, hash));
      equal(toHex(signature), toHex(again));
    }
    for (const { member, height, blockHash, signature } of change.joinings) {
      const key = keyOf(change.document.members[member]?.key ?? new Uint8Array());
      equal(
        toHex(signature),
        toHex(key.sign(joiningMessage(federation, { document: hash, height, blockHash }))),
      );
    }
    const { sign } = keyOf(payload.sender);
    equal(toHex(signTransaction(payload, { genesisId, hash: crypto.hash, sign }).bytes), one.cose);
  });
}

for (const one of vectors.rejected) {
  Deno.test(`checkChange() refuses ${one.name} with ${one.code}`, () => {
    equal(judge(one)?.code ?? "accepted", one.code);
  });
}
