/** Versions of a configuration as a lying node shows them: the cases that take a chain of their own. */
import assert from "node:assert/strict";
import { asHeight } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import { verifyPoll } from "../../core/light_client.ts";
import { platformCrypto as crypto } from "../../core/platform/crypto.ts";
import type { PollConfiguration } from "../../core/poll.ts";
import { testKey } from "../support/keys.ts";
import type { AnswerParts } from "../support/test_answers.ts";
import { TestChain } from "../support/test_chain.ts";
import { configuration, newCid } from "../support/test_transactions.ts";

const owner = testKey("owner");
const cid = newCid(owner.publicKey);
const chain = new TestChain();
const make = (vid: number, content: string) =>
  configuration(chain.federation, { from: owner, to: null, cid, vid, content });
for (const vid of [1, 2, 3]) chain.commit([await make(vid, `${vid}`)]);

/** What the light client makes of a look-up. */
function lookUp(wanted: PollConfiguration, alter?: (parts: AnswerParts) => AnswerParts) {
  const configurations = [wanted];
  const bytes = chain.answer(
    { version: 1, feeds: [], configurations },
    alter === undefined ? {} : { alter },
  );
  const { federation } = chain;
  const verdict = verifyPoll(bytes, { feeds: [], configurations, known: null, federation, crypto });
  return verdict.ok ? verdict.value.configuration(wanted) : verdict;
}

const codeOf = (found: ReturnType<typeof lookUp>) => found.ok ? "accepted" : found.code;

Deno.test("verifyPoll().configuration() refuses versions whose heights fall, and does not throw", () => {
  for (const height of [0, 1, 2 ** 40]) {
    const found = lookUp({ cid, vid: 1 }, (parts) => ({
      ...parts,
      configurations: parts.configurations.map((each) => ({
        ...each,
        versions: each.versions?.map((version, i) =>
          i === 1 ? { ...version, height: asHeight(height) } : version
        ) ?? null,
      })),
    }));
    assert.equal(codeOf(found), "proof-incomplete");
  }
});

Deno.test("verifyPoll().configuration() refuses a version that its owner signed and the chain did not take", async () => {
  const rival = await make(2, "another 2");
  const found = lookUp({ cid, vid: 2 }, (parts) => ({
    ...parts,
    configurations: parts.configurations.map((each) => ({ ...each, transaction: rival.bytes })),
  }));
  assert.equal(codeOf(found), "proof-incomplete");
});

Deno.test("verifyPoll() takes the answer meant among several to one configuration, or none", async () => {
  const rival = await make(3, "another 3");
  const twice = (order: (each: AnswerParts["configurations"][number]) => AnswerParts["configurations"]) =>
    lookUp(
      { cid, vid: null },
      (parts) => ({ ...parts, configurations: parts.configurations.flatMap(order) }),
    );
  const first = twice((each) => [each, { ...each, transaction: rival.bytes }]);
  assert.ok(first.ok && first.value !== null);
  assert.notEqual(toHex(first.value.transaction.id), toHex(rival.id));
  const second = twice((each) => [{ ...each, transaction: rival.bytes }, each]);
  assert.equal(codeOf(second), "proof-incomplete");
});
