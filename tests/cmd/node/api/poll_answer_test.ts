/** Answers whose size somebody else decides: a pinned template with more later versions than an answer may have rows. */
import assert from "node:assert/strict";
import { asHash, asHeight } from "../../../../core/brands.ts";
import { equal } from "../../../../core/bytes.ts";
import { LIMITS } from "../../../../core/limits.ts";
import { platformCrypto as crypto } from "../../../../core/platform/crypto.ts";
import { decodePollAnswer, type PollRequest } from "../../../../core/poll.ts";
import type { StateView } from "../../../../core/ports.ts";
import { proveState } from "../../../../core/state/state_prover.ts";
import { emptyUpperTree } from "../../../../core/state/state_upper.ts";
import { answerPoll } from "../../../../cmd/node/api/poll_answer.ts";
import type { NodeServices } from "../../../../cmd/node/services.ts";
import { testKey } from "../../../support/keys.ts";
import { TestChain } from "../../../support/test_chain.ts";
import { configuration, newCid } from "../../../support/test_transactions.ts";

const tenant = testKey("tenant");
const vnf = testKey("vnf");
const vendor = newCid(testKey("vendor").publicKey);
const chain = new TestChain();
const base = await configuration(chain.federation, {
  from: tenant,
  to: vnf.publicKey,
  content: "rules",
  before: [{ cid: vendor, vid: 1 }],
});
const { header, certificate } = chain.commit();

/** A node whose chain has one transaction for the VNF, and a template with very many versions: too many to make here. */
function services(): NodeServices {
  const view: StateView & Disposable = {
    tip: () => ({ header, certificate }) as ReturnType<StateView["tip"]>,
    feedSince: () => Promise.resolve([{ height: asHeight(1), index: 0, id: base.id }]),
    versionsSince: () => Promise.reject(new Error("versions were read that no answer has room for")),
    configuration: (cid) =>
      Promise.resolve(
        equal(cid, vendor)
          ? { version: 1, latestVid: LIMITS.pollRows + 2, versionsHash: asHash(cid), lastHeight: asHeight(1) }
          : null,
      ),
    proveState: (keys) =>
      Promise.resolve(proveState(crypto.hash, { upper: emptyUpperTree(), pages: () => [], keys })),
    [Symbol.dispose]: () => {},
  };
  const reader = { ...view, view: () => view, transactionAt: () => Promise.resolve(base.bytes) };
  return { chain: reader, federation: chain.federation, crypto } as unknown as NodeServices;
}

const feeds: PollRequest["feeds"] = [{ sender: tenant.publicKey, recipient: vnf.publicKey, count: 0 }];

Deno.test("answerPoll() leaves a reference out that nobody asked for and that no answer has room for", async () => {
  const answer = await answerPoll(services(), { version: 1, feeds, configurations: [] });
  assert(answer.ok, answer.ok ? "" : answer.detail);
  const decoded = decodePollAnswer(answer.value);
  assert(decoded.ok);
  assert.equal(decoded.value.feeds[0]?.length, 1);
  assert.deepEqual(decoded.value.configurations, []);
});

Deno.test("answerPoll() refuses it as too large when it is asked for by name", async () => {
  const configurations = [{ cid: vendor, vid: 1 }];
  const answer = await answerPoll(services(), { version: 1, feeds: [], configurations });
  assert.equal(answer.ok ? "accepted" : answer.code, "too-large");
});
