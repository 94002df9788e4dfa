import assert from "node:assert/strict";
import { asHeight, asTxId } from "../../../core/brands.ts";
import { toHex } from "../../../core/bytes.ts";
import { encodeCbor } from "../../../core/cbor.ts";
import { decodeShape, encodeShape } from "../../../core/shape.ts";
import {
  type ConfigurationState,
  configurationStateShape,
  extendConfiguration,
  extendFeed,
  type FeedState,
  feedStateShape,
} from "../../../core/state/values.ts";
import vectors from "../../vectors/state_values.json" with { type: "json" };
import { sha256 } from "../../support/sha256.ts";
import { bytes } from "./vectors.ts";

const FORMAT = { what: "state value", code: "state-format" } as const;
const TX = asTxId(new Uint8Array(32).fill(7));

Deno.test("extendFeed() gives the golden feed", () => {
  let state: FeedState | null = null;
  for (const { height, index, txId, encoded } of vectors.feed) {
    state = extendFeed(sha256, state, { height: asHeight(height), index, txId: asTxId(bytes(txId)) });
    assert.equal(toHex(encodeShape(feedStateShape, state)), encoded);
    assert.deepEqual(decodeShape(feedStateShape, bytes(encoded), FORMAT), { ok: true, value: state });
  }
});

Deno.test("extendFeed() asserts that heights do not fall and indexes fit", () => {
  const state = extendFeed(sha256, null, { height: asHeight(5), index: 0, txId: TX });
  assert.throws(
    () => extendFeed(sha256, state, { height: asHeight(4), index: 0, txId: TX }),
    /back to height 4/,
  );
  assert.throws(() => extendFeed(sha256, state, { height: asHeight(5), index: -1, txId: TX }), /32 bits/);
});

Deno.test("extendConfiguration() gives the golden versions", () => {
  let state: ConfigurationState | null = null;
  for (const { vid, height, index, txId, encoded } of vectors.versions) {
    const entry = { vid, height: asHeight(height), index, txId: asTxId(bytes(txId)) };
    state = extendConfiguration(sha256, state, entry);
    assert.equal(toHex(encodeShape(configurationStateShape, state)), encoded);
    assert.deepEqual(decodeShape(configurationStateShape, bytes(encoded), FORMAT), {
      ok: true,
      value: state,
    });
  }
});

Deno.test("extendConfiguration() asserts that the VID is the next", () => {
  const place = { height: asHeight(5), index: 0, txId: TX };
  const state = extendConfiguration(sha256, null, { ...place, vid: 1 });
  assert.throws(() => extendConfiguration(sha256, null, { ...place, vid: 2 }), /VID 2 follows 0/);
  for (const vid of [0, 1, 3]) {
    assert.throws(() => extendConfiguration(sha256, state, { ...place, vid }), /follows 1/);
  }
});

Deno.test("extendConfiguration() asserts that heights do not fall", () => {
  const state = extendConfiguration(sha256, null, { vid: 1, height: asHeight(5), index: 0, txId: TX });
  const earlier = { vid: 2, height: asHeight(4), index: 0, txId: TX };
  assert.throws(() => extendConfiguration(sha256, state, earlier), /back to height 4/);
});

for (
  const [name, shape] of [["feedStateShape", feedStateShape], [
    "configurationStateShape",
    configurationStateShape,
  ]] as const
) {
  Deno.test(`${name} refuses an unknown version, a number too many and one too few`, () => {
    for (const value of [[2, 1, TX, 1], [1, 1, TX, 1, 1], [1, 1, TX]]) {
      const verdict = decodeShape<FeedState | ConfigurationState>(shape as never, encodeCbor(value), FORMAT);
      assert(!verdict.ok);
      assert.equal(verdict.code, "state-format");
    }
  });
}
