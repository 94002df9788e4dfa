/** A node that is no member follows the chain over HTTP: real servers, some of which lie, and its real store judges. */
import assert from "node:assert/strict";
import { type FollowingOptions, openFollowing } from "../../../cmd/node/following.ts";
import { openNodeJournal } from "../../../cmd/node/journal.ts";
import type { Log } from "../../../cmd/common/log.ts";
import { type Member, openMember } from "../../../consensus/driver/member.ts";
import { toHex } from "../../../core/bytes.ts";
import { platformCrypto, randomBytes } from "../../../core/platform/crypto.ts";
import { openRoster } from "../../../core/roster.ts";
import { type ChainStore, openStore } from "../../../store/chain_store.ts";
import { dataDirectory } from "../../../store/directory.ts";
import { makeFederation } from "../../support/federation.ts";
import { testKey } from "../../support/keys.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { TestChain } from "../../support/test_chain.ts";
import { type TestNode, testNode } from "../../support/test_node.ts";
import { plainConfiguration } from "../../support/test_transactions.ts";

/** A chain of twelve blocks, one of which has a transaction. */
async function grown(): Promise<TestChain> {
  const chain = new TestChain(makeFederation({ size: 4 }));
  for (let i = 0; i < 6; i++) chain.append();
  chain.append([await plainConfiguration(chain, testKey("tenant"))]);
  for (let i = 0; i < 5; i++) chain.append();
  return chain;
}

const ignore = () => {};
const QUIET: Pick<FollowingOptions, "height" | "log" | "fatal" | "pauseMs"> = {
  height: () => 0,
  log: { debug: ignore, info: ignore, warning: ignore, error: ignore },
  fatal: (error) => assert.fail(String(error)),
  pauseMs: 1,
};

interface Observer extends AsyncDisposable {
  readonly member: Member;
  readonly store: ChainStore;
}

/** A running node whose key is no member's. */
async function openObserver({ federation }: TestChain): Promise<Observer> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const paths = dataDirectory(directory.path);
  const store = stack.use(await openStore({ location: paths.chain, federation, crypto: platformCrypto }));
  const journal = stack.use(await openNodeJournal(paths.votes));
  const member = stack.use(
    await openMember({
      chain: store,
      pool: store.pool,
      journal,
      crypto: platformCrypto,
      key: testKey("observer"),
      network: { send: () => false, broadcast: () => {}, follow: () => {} },
      roster: openRoster(federation),
      nowMs: Date.now,
      readBlocks: () => Promise.resolve([]),
      onAppended: () => {},
      onEvidence: () => {},
      log: () => {},
      fatal: (error) => assert.fail(String(error)),
    }),
  );
  const opened = stack.move();
  return { member, store, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Follows these addresses until the observer has the height; gives the codes that were logged, by address. */
async function followTo(
  height: number,
  { observer, sources }: { observer: Observer; sources: readonly string[] },
): Promise<ReadonlyMap<string, string>> {
  const codes = new Map<string, string>();
  const warning: Log["warning"] = (_, properties) =>
    void codes.set(String(properties?.["source"]), String(properties?.["code"]));
  await using _ = openFollowing({
    sources: () => sources,
    isNeeded: () => true,
    append: observer.member.append,
    ...QUIET,
    height: () => observer.store.tip().parent.height,
    log: { ...QUIET.log, warning },
  });
  for (let i = 0; i < 2000 && observer.store.tip().parent.height < height; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(observer.store.tip().parent.height, height);
  return codes;
}

/** A node that answers every question for blocks with this. */
function answering(chain: TestChain, body: () => Response): TestNode {
  return testNode(chain, { instead: ({ pathname }) => pathname === "/v1/blocks" ? body() : undefined });
}

Deno.test("openFollowing() brings a node that is no member to the chain's end, page by page", async () => {
  const chain = await grown();
  await using node = testNode(chain);
  await using observer = await openObserver(chain);
  const codes = await followTo(12, { observer, sources: [node.url] });
  assert.deepEqual([...codes], []);
  assert.equal(toHex(observer.store.tip().parent.hash), toHex(chain.tip().parent.hash));
  assert.equal(observer.member.status().standing, "observing");
});

Deno.test("openFollowing() gets by with one honest source among liars, silent ones and dead ones", async () => {
  const chain = await grown();
  const { sign } = testKey("forger");
  const other = new TestChain({ ...chain, keys: chain.keys.map((key) => ({ ...key, sign })) });
  await using honest = testNode(chain);
  await using garbage = answering(chain, () => new Response(randomBytes(100)));
  await using nothing = answering(chain, () => new Response(new Uint8Array()));
  await using refusing = answering(chain, () => new Response("no", { status: 500 }));
  for (let i = 0; i < 3; i++) other.append();
  await using forger = testNode(other);
  const dead = "http://127.0.0.1:1";
  const sources = [garbage.url, forger.url, nothing.url, dead, refusing.url, honest.url];
  await using observer = await openObserver(chain);
  const codes = await followTo(12, { observer, sources });
  assert.deepEqual(
    codes,
    new Map([
      [garbage.url, codes.get(garbage.url) ?? ""],
      [forger.url, "certificate-signature"],
      [dead, "timeout"],
      [refusing.url, "request"],
    ]),
  );
});

Deno.test("openFollowing() asks nobody while it is not needed", async () => {
  const chain = await grown();
  await using node = testNode(chain);
  await using observer = await openObserver(chain);
  {
    await using _ = openFollowing({
      ...QUIET,
      sources: () => [node.url],
      isNeeded: () => false,
      append: observer.member.append,
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.deepEqual(node.asked, []);
});

Deno.test("openFollowing() ends in the middle of a question", async () => {
  const chain = await grown();
  await using observer = await openObserver(chain);
  using silent = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const following = openFollowing({
    ...QUIET,
    sources: () => [`http://127.0.0.1:${silent.addr.port}`],
    isNeeded: () => true,
    append: observer.member.append,
  });
  using asked = await silent.accept();
  await asked.read(new Uint8Array(1));
  await following[Symbol.asyncDispose]();
  assert.equal(observer.store.tip().parent.height, 0);
});
