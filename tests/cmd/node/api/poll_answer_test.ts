/** Answers whose size somebody else decides: more new rows, or more later versions, than an answer has room for. */
import assert from "node:assert/strict";
import { decodePollAnswer, encodePollRequest, type PollConfiguration } from "../../../../core/poll.ts";
import { verifyPoll } from "../../../../core/light_client.ts";
import { LIMITS } from "../../../../core/limits.ts";
import { platformCrypto as crypto } from "../../../../core/platform/crypto.ts";
import type { Transaction } from "../../../../core/transaction.ts";
import type { PollSource } from "../../../../cmd/node/api/poll_answer.ts";
import type { ReadLimits } from "../../../../cmd/node/api/history_routes.ts";
import { makePolls } from "../../../../cmd/node/api/poll_route.ts";
import { testKey } from "../../../support/keys.ts";
import { configuration, newCid } from "../../../support/test_transactions.ts";
import { startChain, type TestChain } from "../../tenant/chain.ts";

const tenant = testKey("tenant");
const [long, short] = [testKey("vnf"), testKey("another vnf")];
const vendor = testKey("vendor");
const template = newCid(vendor.publicKey);

/** A template with six versions; seven configurations to one VNF, one to another that pins the template's first. */
async function makeChain(): Promise<TestChain> {
  const chain = await startChain();
  const add = async (made: Promise<Transaction>) => assert((await chain.commit((await made).bytes)).ok);
  const { federation } = chain;
  const plain = { content: "x", encryption: 0 } as const;
  for (let vid = 1; vid <= 6; vid++) {
    await add(configuration(federation, { ...plain, from: vendor, to: null, cid: template, vid }));
  }
  for (let i = 0; i < 7; i++) {
    await add(configuration(federation, { ...plain, from: tenant, to: long.publicKey }));
  }
  const before = [{ cid: template, vid: 1 }];
  await add(configuration(federation, { ...plain, from: tenant, to: short.publicKey, before }));
  return chain;
}

const feedTo = (to: typeof long) => ({ sender: tenant.publicKey, recipient: to.publicKey, state: null });

interface Asked {
  readonly recipients: readonly (typeof long)[];
  readonly configurations?: readonly PollConfiguration[];
  readonly limits: Partial<ReadLimits>;
}

/** Asks, and judges the answer as a client does. */
async function poll(chain: TestChain, { recipients, configurations = [], limits }: Asked) {
  const source: PollSource = {
    chain: chain.reader,
    federation: chain.federation,
    crypto,
    limits: { ...LIMITS, ...limits },
  };
  const feeds = recipients.map(feedTo);
  const question = encodePollRequest({ feeds: feeds.map((feed) => ({ ...feed, count: 0 })), configurations });
  const answer = await makePolls(source)(question);
  assert(answer.ok, answer.ok ? "" : answer.detail);
  const { federation } = chain;
  const verified = verifyPoll(answer.value, { feeds, configurations, known: null, federation, crypto });
  assert(verified.ok, verified.ok ? "" : verified.detail);
  return verified.value;
}

Deno.test("a poll leaves what is too long to pages, and answers the rest as ever", async (t) => {
  await using chain = await makeChain();
  const summary = ({ feeds }: Awaited<ReturnType<typeof poll>>) =>
    feeds.map(({ transactions, paged }) => paged === null ? transactions.length : `paged ${paged.count}`);

  await t.step("a feed with more new rows than an answer has room for", async () => {
    const answered = await poll(chain, { recipients: [long, short], limits: { pollRows: 6 } });
    assert.deepEqual(summary(answered), ["paged 7", 1]);
    assert.deepEqual(summary(await poll(chain, { recipients: [long, short], limits: { pollRows: 8 } })), [
      7,
      1,
    ]);
  });

  await t.step("all feeds together have no more rows than that", async () => {
    const recipients = [short, long, short, short];
    const answered = await poll(chain, { recipients, limits: { pollRows: 8 } });
    assert.deepEqual(summary(answered), [1, 7, "paged 1", "paged 1"]);
  });

  await t.step("a feed that lies in more blocks than are read for an answer", async () => {
    const answered = await poll(chain, { recipients: [long, short], limits: { walkBytes: 3 * 16 * 1024 } });
    assert.deepEqual(summary(answered), ["paged 7", "paged 1"]);
    const few = await poll(chain, { recipients: [short, long], limits: { walkBytes: 3 * 16 * 1024 } });
    assert.deepEqual(summary(few), [1, "paged 7"]);
  });

  await t.step("a version far below the latest, referred to or asked for by name", async () => {
    const old = { cid: template, vid: 1 };
    for (const configurations of [[], [old]]) {
      const answered = await poll(chain, { recipients: [short], configurations, limits: { pollRows: 5 } });
      assert.deepEqual(summary(answered), [1]);
      assert.equal(answered.paged(old)?.latestVid, 6);
      assert(!answered.configuration(old).ok);
    }
    const answered = await poll(chain, { recipients: [short], limits: { pollRows: 6 } });
    assert.equal(answered.paged(old), null);
    assert(answered.configuration(old).ok);
  });

  await t.step("feeds do not take the room of configurations", async () => {
    const configurations = [{ cid: template, vid: null }];
    const answered = await poll(chain, { recipients: [long], configurations, limits: { pollRows: 7 } });
    assert(answered.configuration({ cid: template, vid: null }).ok);
  });
});

Deno.test("a question asked again is answered from memory until something is new, and never after", async () => {
  await using chain = await makeChain();
  let read = 0;
  const reader = new Proxy(chain.reader, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (name !== "view") return typeof value === "function" ? value.bind(target) : value;
      return () => {
        const view = target.view();
        return {
          ...view,
          feeds: (keys: Parameters<typeof view.feeds>[0]) => {
            read++;
            return view.feeds(keys);
          },
        };
      };
    },
  });
  const polls = makePolls({ chain: reader, federation: chain.federation, crypto, limits: LIMITS });
  const answerTo = async (count: number) => {
    const answer = await polls(
      encodePollRequest({ feeds: [{ ...feedTo(short), count }], configurations: [] }),
    );
    assert(answer.ok);
    const decoded = decodePollAnswer(answer.value);
    assert(decoded.ok);
    return decoded.value;
  };
  const first = await answerTo(0);
  assert.deepEqual(await answerTo(0), first);
  assert.equal(read, 1);
  assert.equal((await answerTo(1)).feeds[0]?.length, 0);
  assert.equal(read, 2);

  await chain.close();
  const later = await answerTo(0);
  assert.equal(read, 2);
  assert.equal(later.header.height, first.header.height + 1);
  assert.deepEqual([later.proof, later.feeds], [first.proof, first.feeds]);

  const more = await configuration(chain.federation, { from: tenant, to: short.publicKey, content: "y" });
  assert((await chain.commit(more.bytes)).ok);
  assert.equal((await answerTo(0)).feeds[0]?.length, 2);
  assert.equal(read, 3);
});
