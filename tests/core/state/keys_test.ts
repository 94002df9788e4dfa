import assert from "node:assert/strict";
import { asCid } from "../../../core/brands.ts";
import { toHex } from "../../../core/bytes.ts";
import { parsePublicKey } from "../../../core/keys.ts";
import { configurationId, feedId } from "../../../core/state/keys.ts";
import vectors from "../../vectors/state_values.json" with { type: "json" };
import { sha256 } from "../../support/sha256.ts";
import { bytes } from "./vectors.ts";

function publicKey(hex: string) {
  const key = parsePublicKey(bytes(hex));
  assert(key !== undefined);
  return key;
}

Deno.test("feedId() gives the golden keys, with and without recipient", () => {
  const sender = publicKey(vectors.sender);
  const recipient = publicKey(vectors.recipient);
  assert.equal(toHex(feedId(sha256, { sender, recipient })), vectors.feedId);
  assert.equal(toHex(feedId(sha256, { sender, recipient: null })), vectors.templateFeedId);
});

Deno.test("feedId() tells the directions between two parties apart", () => {
  const sender = publicKey(vectors.sender);
  const recipient = publicKey(vectors.recipient);
  assert.notEqual(toHex(feedId(sha256, { sender: recipient, recipient: sender })), vectors.feedId);
});

Deno.test("parsePublicKey() refuses the zero bytes that stand for no recipient", () => {
  assert.equal(parsePublicKey(new Uint8Array(32)), undefined);
});

Deno.test("configurationId() gives the golden key", () => {
  assert.equal(toHex(configurationId(sha256, asCid(bytes(vectors.cid)))), vectors.configurationId);
});
