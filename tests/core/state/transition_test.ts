import assert from "node:assert/strict";
import { asHeight, type Hash } from "../../../core/brands.ts";
import { toHex } from "../../../core/bytes.ts";
import { DEFAULT_PARAMETERS } from "../../../core/federation.ts";
import { LIMITS } from "../../../core/limits.ts";
import { platformCrypto as crypto } from "../../../core/platform/crypto.ts";
import { decodeShape } from "../../../core/shape.ts";
import { configurationId, feedId } from "../../../core/state/keys.ts";
import { openTransition, stateKeysOf } from "../../../core/state/transition.ts";
import {
  type ConfigurationState,
  configurationStateShape,
  extendConfiguration,
  extendFeed,
  type FeedState,
  feedStateShape,
} from "../../../core/state/values.ts";
import { nonceKey, type Transaction } from "../../../core/transaction.ts";
import { testFederation } from "../../support/federation.ts";
import { testKey } from "../../support/keys.ts";
import { configuration, newCid, request } from "../../support/test_transactions.ts";

const federation = testFederation(4);
const tenant = testKey("tenant");
const vnf = testKey("vnf");
const cid = newCid(tenant.publicKey);
const TIME = 1_900_000_000_000;
const { hash } = crypto;

interface World {
  readonly feeds?: ReadonlyMap<string, FeedState>;
  readonly configurations?: ReadonlyMap<string, ConfigurationState>;
  readonly nonces?: ReadonlySet<string>;
}

function open({ feeds = new Map(), configurations = new Map(), nonces = new Set() }: World = {}) {
  return openTransition(crypto, {
    reader: {
      feed: (id) => feeds.get(toHex(id)) ?? null,
      configuration: (id) => configurations.get(toHex(id)) ?? null,
      nonceSeen: (key) => nonces.has(toHex(key)),
      pastBlock: () => undefined,
    },
    context: { height: asHeight(7), timeMs: TIME, federation, nextFederation: federation },
  });
}

function make(changes: Partial<Parameters<typeof configuration>[1]> = {}): Promise<Transaction> {
  const plain = { from: tenant, to: vnf.publicKey, content: "x", cid, timestamp: TIME, ...changes };
  return configuration(federation, plain);
}

/** The chain has the CID at this version. */
function at(latestVid: number, of = cid): World {
  let state: ConfigurationState | null = null;
  for (let vid = 1; vid <= latestVid; vid++) {
    state = extendConfiguration(hash, state, { vid, height: asHeight(1), index: vid, txId: cid as never });
  }
  return {
    configurations: state === null ? new Map() : new Map([[toHex(configurationId(hash, of)), state]]),
  };
}

function codeOf(verdict: { ok: true } | { ok: false; code: string }): string {
  return verdict.ok ? "accepted" : verdict.code;
}

const versions: readonly (readonly [number, number, string])[] = [
  [0, 1, "accepted"],
  [0, 2, "vid-order"],
  [3, 4, "accepted"],
  [3, 3, "vid-order"],
  [3, 2, "vid-order"],
  [3, 5, "vid-order"],
];

for (const [latest, vid, wanted] of versions) {
  Deno.test(`apply(): with version ${latest} on the chain, version ${vid} is ${wanted}`, async () => {
    assert.equal(codeOf(open(at(latest)).apply(await make({ vid }))), wanted);
  });
}

const lifetime = DEFAULT_PARAMETERS.transactionLifetimeMs;
const ahead = LIMITS.timestampAheadMs;
const times: readonly (readonly [string, number, string])[] = [
  ["as old as allowed", TIME - lifetime, "accepted"],
  ["older than allowed", TIME - lifetime - 1, "expired"],
  ["as far ahead as allowed", TIME + ahead, "accepted"],
  ["further ahead than allowed", TIME + ahead + 1, "future"],
];

for (const [name, timestamp, wanted] of times) {
  Deno.test(`apply(): a timestamp ${name} is ${wanted}`, async () => {
    assert.equal(codeOf(open().apply(await make({ timestamp }))), wanted);
  });
}

Deno.test("apply() refuses a nonce that its sender used within the window", async () => {
  const transaction = await make();
  const nonces = new Set([toHex(nonceKey(hash, transaction.payload))]);
  assert.equal(codeOf(open({ nonces }).apply(transaction)), "duplicate");
});

Deno.test("apply() refuses a nonce twice in one block, and takes it from another sender", async () => {
  const transition = open();
  const nonce = new Uint8Array(16).fill(9);
  assert.equal(codeOf(transition.apply(await make({ nonce }))), "accepted");
  assert.equal(codeOf(transition.apply(await make({ nonce, vid: 2 }))), "duplicate");
  const other = { from: vnf, to: tenant.publicKey, cid: newCid(vnf.publicKey), nonce };
  assert.equal(codeOf(transition.apply(await make(other))), "accepted");
});

const template = newCid(tenant.publicKey);
const references: readonly (readonly [string, number, number | null, string])[] = [
  ["the latest of a configuration that is there", 2, null, "accepted"],
  ["a version that is there", 2, 2, "accepted"],
  ["a version that is not there yet", 2, 3, "reference-unknown"],
  ["a configuration that is not there", 0, null, "reference-unknown"],
];

for (const [name, latest, vid, wanted] of references) {
  for (const side of ["before", "after"] as const) {
    Deno.test(`apply(): a reference, apply ${side}, to ${name} is ${wanted}`, async () => {
      const transaction = await make({ [side]: [{ cid: template, vid }] });
      assert.equal(codeOf(open(at(latest, template)).apply(transaction)), wanted);
    });
  }
}

Deno.test("apply() takes a reference to what came before it in the same block", async () => {
  const transition = open();
  const refers = await make({ before: [{ cid: template, vid: 1 }] });
  assert.equal(codeOf(transition.apply(refers)), "reference-unknown");
  assert.equal(codeOf(transition.apply(await make({ cid: template, to: null }))), "accepted");
  assert.equal(codeOf(transition.apply(refers)), "accepted");
});

Deno.test("apply() leaves no trace of what it refuses", async () => {
  const transition = open();
  transition.apply(await make({ vid: 5 }));
  assert.deepEqual(transition.changes(), []);
});

Deno.test("apply() makes versions one after the other in one block, and changes() has the last state of each", async () => {
  const transition = open();
  const first = await make();
  const second = await make({ vid: 2 });
  const one = transition.apply(first);
  const two = transition.apply(second);
  assert(one.ok && two.ok);
  assert.equal(one.value.configurationBefore, null);
  assert.equal(two.value.configurationBefore?.latestVid, 1);
  assert.deepEqual([one.value.feedBefore, two.value.feedBefore?.lastHeight], [null, 7]);
  const height = asHeight(7);
  const versionsWanted = extendConfiguration(
    hash,
    extendConfiguration(hash, null, { vid: 1, height, index: 0, txId: first.id }),
    { vid: 2, height, index: 1, txId: second.id },
  );
  const feedWanted = extendFeed(hash, extendFeed(hash, null, { height, index: 0, txId: first.id }), {
    height,
    index: 1,
    txId: second.id,
  });
  const changes = transition.changes();
  assert.equal(changes.length, 2);
  assert.deepEqual(read(changes, configurationId(hash, cid), configurationStateShape), versionsWanted);
  assert.deepEqual(read(changes, feedId(hash, first.payload), feedStateShape), feedWanted);
});

function read(
  changes: readonly { key: Hash; value: Uint8Array }[],
  key: Hash,
  shape: typeof configurationStateShape | typeof feedStateShape,
) {
  const change = changes.find((each) => toHex(each.key) === toHex(key));
  assert(change !== undefined);
  const decoded = decodeShape<unknown>(shape, change.value, { what: "state", code: "state-format" });
  assert(decoded.ok);
  return decoded.value;
}

Deno.test("apply(): a request makes no version, and its CID stays free for the answer", async () => {
  const transition = open();
  const transaction = request(federation, { from: tenant, to: vnf.publicKey, timestamp: TIME });
  assert.equal(codeOf(transition.apply(transaction)), "accepted");
  assert.equal(transition.changes().length, 1);
  const answer = await make({
    from: vnf,
    to: tenant.publicKey,
    cid: transaction.payload.cid,
    inReplyTo: transaction.id,
  });
  assert.equal(codeOf(transition.apply(answer)), "accepted");
  const second = await make({
    from: vnf,
    to: tenant.publicKey,
    cid: transaction.payload.cid,
    inReplyTo: transaction.id,
    nonce: new Uint8Array(16).fill(3),
  });
  assert.equal(codeOf(transition.apply(second)), "vid-order");
});

Deno.test("stateKeysOf() names the feed, the configuration and every reference", async () => {
  const other = newCid(vnf.publicKey);
  const { payload } = await make({ before: [{ cid: template, vid: 1 }], after: [{ cid: other, vid: null }] });
  const keys = stateKeysOf(hash, payload).map(toHex);
  const wanted = [
    feedId(hash, payload),
    ...[cid, template, other].map((each) => configurationId(hash, each)),
  ];
  assert.deepEqual(keys, wanted.map(toHex));
});
