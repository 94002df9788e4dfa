/**
 * Certified polls of ten feeds with nothing new: a real node process against a bare HTTP server that answers the same
 * bytes, in the same run, in turns; at a smaller and at a larger number of stored transactions. Then the answer for one
 * feed under four members: its size, and what it costs an agent to verify.
 *
 * The node is alone in its federation, so that nothing but polls is measured; its answers are kept until the next
 * block, so the questions are measured twice: each another one, and the same again and again.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFederationFile } from "../cmd/common/federation_file.ts";
import type { Signature } from "../core/brands.ts";
import type { Bytes } from "../core/bytes.ts";
import type { Federation } from "../core/federation.ts";
import { type FollowedFeed, verifyPoll } from "../core/light_client.ts";
import { platformCrypto, randomBytes } from "../core/platform/crypto.ts";
import { decodePollAnswer, encodePollRequest } from "../core/poll.ts";
import { signTransaction, type Transaction, TYPE } from "../core/transaction.ts";
import { makeFederation } from "../tests/support/federation.ts";
import { growChain, type GrowingChain } from "../tests/support/grown_chain.ts";
import { testKey } from "../tests/support/keys.ts";
import { type Network, startNetwork } from "../tests/support/network.ts";
import { startCommand } from "../tests/support/program.ts";
import { temporaryDirectory } from "../tests/support/temporary_directory.ts";
import { TestChain } from "../tests/support/test_chain.ts";
import { configuration, newCid } from "../tests/support/test_transactions.ts";
import { type BenchmarkOptions, median } from "./figure.ts";
import { runLoad } from "./http_load.ts";

const SIZES = [100_000, 1_000_000];
const FEEDS = 10;
const RECIPIENTS = 10_000;
const BLOCK_TRANSACTIONS = 4_000;
const CONNECTIONS = 16;
const ROUND_MS = 2_000;
const ROUNDS = 5;
const QUESTIONS = 20_000;

/** Runs it. */
export async function polls({ scale, report }: BenchmarkOptions): Promise<void> {
  const recipients = Array.from(
    { length: Math.ceil(RECIPIENTS * scale) },
    (_, i) => testKey(`vnf ${i}`).publicKey,
  );
  const rates: { readonly different: number; readonly same: number }[] = [];
  for (const size of SIZES) {
    const transactions = Math.ceil(size * scale);
    const { different, same, bare, bytes } = await measureNode({ transactions, recipients });
    const parameters = {
      transactions,
      feeds: FEEDS,
      connections: CONNECTIONS,
      members: 1,
      answerBytes: bytes,
    };
    const unit = "polls/s";
    report({
      name: "polls, each different",
      unit,
      value: different,
      ceiling: bare,
      ratio: different / bare,
      parameters,
    });
    report({
      name: "polls, the same again",
      unit,
      value: same,
      ceiling: bare,
      ratio: same / bare,
      parameters,
    });
    rates.push({ different: different / bare, same: same / bare });
  }
  const [small, large] = rates;
  assert(small !== undefined && large !== undefined);
  for (const [name, kind] of [["each different", "different"], ["the same again", "same"]] as const) {
    report({
      name: `polls, ${name}, large store against small`,
      unit: "of the bare server's rate",
      value: large[kind],
      ratio: large[kind] / small[kind],
      parameters: { small: SIZES[0] as number * scale, large: SIZES[1] as number * scale },
    });
  }
  await measureAnswer(report);
}

type Recipients = readonly FollowedFeed["recipient"][];

async function measureNode(
  { transactions, recipients }: { transactions: number; recipients: Recipients },
): Promise<{ different: number; same: number; bare: number; bytes: number }> {
  await using directory = await temporaryDirectory();
  await using network = await startNetwork({
    nodes: 1,
    directory: directory.path,
    isStopped: true,
    // No block in between: what changes is then our doing alone.
    parameters: { heartbeatMs: 3_600_000 },
  });
  await growStore(network, { transactions, recipients });
  await network.start(0);
  const federation = await readFederationFile(network.federation);
  const url = `${network.urls[0]}/v1/poll`;
  const questions = (count: number) => Array.from({ length: count }, () => question(recipients));
  const load = { connections: CONNECTIONS, durationMs: ROUND_MS };
  const ask = async (bodies: readonly Bytes[]) => await runLoad({ ...load, url, bodies });
  const [first] = questions(1);
  assert(first !== undefined);
  const { sample } = await ask([first]);
  assert(decodePollAnswer(sample).ok && federation.document.members.length === 1);
  const path = directory.file("answer.cbor");
  await Deno.writeFile(path, sample);
  const script = new URL("bare_server.ts", import.meta.url).pathname;
  await using server = startCommand([Deno.execPath(), "run", "-A", "--quiet", script, path]);
  await server.until(() => /^\d+\n/.test(server.stdout()));
  const bareUrl = `http://127.0.0.1:${server.stdout().trim()}/v1/poll`;
  // The first questions find nothing in the node's memory.
  await ask(questions(QUESTIONS));
  const rounds: { different: number; same: number; bare: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const bare = await runLoad({ ...load, url: bareUrl, bodies: [first] });
    const different = await ask(questions(QUESTIONS));
    const same = await ask([first]);
    rounds.push({ bare: bare.perSecond, different: different.perSecond, same: same.perSecond });
  }
  return {
    different: median(rounds.map(({ different }) => different)),
    same: median(rounds.map(({ same }) => same)),
    bare: median(rounds.map(({ bare }) => bare)),
    bytes: sample.length,
  };
}

const sender = testKey("tenant").publicKey;

/** A poll of some feeds in which nothing is new. */
function question(recipients: Recipients): Bytes {
  const feeds = Array.from({ length: FEEDS }, () => ({
    sender,
    recipient: recipients[Math.floor(Math.random() * recipients.length)] ?? null,
    count: Number.MAX_SAFE_INTEGER,
  }));
  return encodePollRequest({ feeds, configurations: [] });
}

async function growStore(
  network: Network,
  { transactions, recipients }: { transactions: number; recipients: Recipients },
): Promise<void> {
  let made = 0;
  await growChain(network, {
    nodes: [0],
    blocks: Math.ceil(transactions / BLOCK_TRANSACTIONS),
    transactionsOf: (_block, chain) => {
      const count = Math.min(BLOCK_TRANSACTIONS, transactions - made);
      return Promise.resolve(
        Array.from({ length: count }, () => filler(chain, recipients[made++ % recipients.length] ?? null)),
      );
    },
  });
}

/** A transaction of a CID of its own. Nobody verifies its signature: a store holds what a quorum has decided. */
function filler({ federation, tip }: GrowingChain, recipient: FollowedFeed["recipient"]): Transaction {
  return signTransaction({
    version: 1,
    type: TYPE.configuration,
    cid: newCid(sender),
    vid: 1,
    compression: 0,
    encryption: 0,
    description: "",
    sender,
    recipient,
    timestamp: tip().parent.time,
    nonce: randomBytes(16),
    body: { applyBefore: [], applyAfter: [], inReplyTo: null, configuration: new Uint8Array(64) },
  }, {
    genesisId: federation.genesisId,
    hash: platformCrypto.hash,
    sign: () => new Uint8Array(64) as Signature,
  });
}

const VERIFICATIONS = 500;

/** One feed among a hundred thousand leaves, under four members. */
async function measureAnswer(report: BenchmarkOptions["report"]): Promise<void> {
  const chain = new TestChain(makeFederation({ size: 4, timeMs: Date.now() - 60_000 }));
  const { federation } = chain;
  const recipient = testKey("vnf 0").publicKey;
  chain.commit([await configuration(federation, { from: testKey("tenant"), to: recipient, content: "x" })]);
  for (let block = 0; block < 25; block++) {
    chain.commit(Array.from({ length: 2_000 }, () => filler(chain, newKeyLike())));
  }
  const asked: FollowedFeed = { sender, recipient, state: null };
  const request = { version: 1, configurations: [] } as const;
  const first = verified(chain.answer({ ...request, feeds: [{ ...asked, count: 0 }] }), {
    federation,
    asked,
  });
  const feed = { ...asked, state: first.feeds[0]?.state ?? null };
  const answer = chain.answer({ ...request, feeds: [{ ...asked, count: 1 }] });
  const parameters = { feeds: 1, members: 4, leaves: 100_000 };
  report({
    name: "poll answer, nothing new",
    unit: "bytes",
    value: answer.length,
    ceiling: 2048,
    ratio: answer.length / 2048,
    parameters,
  });
  const times = Array.from({ length: VERIFICATIONS }, () => {
    const start = performance.now();
    verified(answer, { federation, asked: feed });
    return performance.now() - start;
  });
  const value = median(times);
  report({ name: "verification of it", unit: "ms", value, ceiling: 2, ratio: value / 2, parameters });
}

/** Thirty-two bytes that stand for a recipient; nobody decodes them. */
function newKeyLike(): FollowedFeed["recipient"] {
  return randomBytes(32) as unknown as FollowedFeed["recipient"];
}

function verified(answer: Bytes, { federation, asked }: { federation: Federation; asked: FollowedFeed }) {
  const context = { feeds: [asked], configurations: [], known: null, federation, crypto: platformCrypto };
  const verdict = verifyPoll(answer, context);
  assert(verdict.ok, verdict.ok ? "" : verdict.detail);
  return verdict.value;
}
