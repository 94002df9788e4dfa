/** Following the federation without the chain: what leads from a trusted document to the one in force. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex } from "../../core/bytes.ts";
import type { Federation, FederationDocument } from "../../core/federation.ts";
import {
  decodeTransitions,
  encodeTransitions,
  type FederationTransition,
  followFederation,
} from "../../core/federation_following.ts";
import { platformCrypto as crypto } from "../../core/platform/crypto.ts";
import { generatePrivateKey } from "../../core/platform/private_key.ts";
import { changesAfter } from "../../cmd/node/api/federation_changes.ts";
import { certify, makeFederation } from "../support/federation.ts";
import { changeTransaction, makeChange, memberOf, naming } from "../support/federation_changes.ts";
import { TestChain } from "../support/test_chain.ts";

const keys = Array.from({ length: 6 }, generatePrivateKey);

/** A chain of four members, on which a fifth joins and the first leaves. */
function grownChain(): TestChain {
  const { federation } = makeFederation({ keys: keys.slice(0, 4) });
  const chain = new TestChain({ federation, keys });
  chain.commit();
  const members = (of: readonly number[]) =>
    of.map((index) => memberOf(keys[index] as typeof keys[0], { name: `member-${index}`, index }));
  for (const next of [[0, 1, 2, 3, 4], [1, 2, 3, 4]]) {
    const { federation: before, header } = chain.tip();
    assert.ok(header !== null);
    const change = makeChange({
      federation: before,
      keys,
      next: { members: members(next) },
      names: naming(header),
    });
    chain.commit([changeTransaction(change, { federation: before, from: keys[5] as typeof keys[0] })]);
    chain.commit();
    chain.commit();
  }
  return chain;
}

const chain = grownChain();
const all = await changesAfter(chain, { sequence: 0, height: chain.height });
const documentAt = (index: number): Federation =>
  (chain.federationTerms()[index] as { federation: Federation }).federation;

function follow(transitions: readonly FederationTransition[], from = documentAt(0)) {
  return followFederation(from, { transitions, crypto });
}

function codeOf(verdict: ReturnType<typeof follow>): string {
  return verdict.ok ? "followed" : verdict.code;
}

const [first, second] = all as [FederationTransition, FederationTransition];

Deno.test("followFederation() leads from any document of the chain to the one in force", () => {
  for (const sequence of [0, 1, 2]) {
    const verdict = follow(all, documentAt(sequence));
    assert.ok(verdict.ok);
    assert.equal(toHex(verdict.value.federation.hash), toHex(documentAt(2).hash));
    assert.equal(verdict.value.head?.height, sequence === 2 ? undefined : second.header.height);
  }
});

Deno.test("followFederation() refuses a change that is left out", () => {
  assert.equal(codeOf(follow([second])), "federation-order");
});

Deno.test("followFederation() refuses a document that the chain does not name", () => {
  const document: FederationDocument = { ...first.document, name: "another" };
  assert.equal(codeOf(follow([{ ...first, document }])), "federation-order");
});

Deno.test("followFederation() refuses a header that names no change", () => {
  const { header, certificate } = chain.blocks[0] as typeof chain.blocks[0];
  assert.equal(codeOf(follow([{ ...first, header, certificate }])), "federation-order");
});

Deno.test("followFederation() refuses fewer than a quorum of the members before", () => {
  const { federation } = makeFederation({ keys: keys.slice(0, 4) });
  const few = certify({ federation: documentAt(0), keys }, { header: first.header, signers: 2 });
  assert.equal(codeOf(follow([{ ...first, certificate: few }])), "certificate-quorum");
  const others = certify({ federation, keys: keys.slice(2) }, { header: first.header });
  assert.equal(codeOf(follow([{ ...first, certificate: others }])), "certificate-signature");
});

Deno.test("followFederation() refuses another chain's change", () => {
  assert.equal(
    codeOf(follow(all, makeFederation({ keys: keys.slice(0, 4) }).federation)),
    "federation-order",
  );
});

Deno.test("no changed byte of an answer leads anywhere else", () => {
  const bytes = encodeTransitions(all);
  const wanted = toHex(documentAt(2).hash);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = bytes.slice();
      changed[at] = (changed[at] as number) ^ change;
      const decoded = decodeTransitions(changed);
      if (!decoded.ok) return;
      const verdict = follow(decoded.value);
      if (verdict.ok) assert.equal(toHex(verdict.value.federation.hash), wanted, `byte ${at}`);
    }),
    { numRuns: 500 },
  );
});
