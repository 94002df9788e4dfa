import { deepEqual, equal, ok } from "node:assert/strict";
import { blockHash, type RawBlock } from "../../core/block.ts";
import { asHash, asSignature } from "../../core/brands.ts";
import { type Bytes, toHex } from "../../core/bytes.ts";
import type { BlockRefusal } from "../../core/chain_replay.ts";
import { platformCrypto, randomBytes } from "../../core/platform/crypto.ts";
import { generatePrivateKey } from "../../core/platform/private_key.ts";
import type { RefusalCode } from "../../core/refusals.ts";
import type { Transaction } from "../../core/transaction.ts";
import { replayOf } from "../support/replay.ts";
import { certify, makeFederation, type TestFederation } from "../support/federation.ts";
import { blockAt, type BlockOptions, TestChain } from "../support/test_chain.ts";
import { newCid, plainConfiguration as configuration, request } from "../support/test_transactions.ts";

// A tenure so short that the leader changes.
const parameters = { tenureBlocks: 8 };
const four = makeFederation({ size: 4, parameters });
const tenant = generatePrivateKey();
const vnf = generatePrivateKey();

/** Replays until a block is refused; `undefined` when all hold. */
function firstRefusal(federation: TestFederation, blocks: readonly RawBlock[]): BlockRefusal | undefined {
  const replay = replayOf(federation);
  for (const block of blocks) {
    const verdict = replay.push(block);
    if (!verdict.ok) return verdict;
  }
  return undefined;
}

function refused(chain: TestChain, blocks: readonly RawBlock[], code: RefusalCode): BlockRefusal {
  const refusal = firstRefusal(chain, blocks);
  ok(refusal, `all blocks hold, wanted ${code}`);
  equal(refusal.code, code, refusal.detail);
  return refusal;
}

/** A chain of three blocks with a transaction each. */
async function shortChain(): Promise<TestChain> {
  const chain = new TestChain(four);
  for (let i = 0; i < 3; i++) chain.append([await configuration(chain, tenant)]);
  return chain;
}

/** A request of the time of the last block. */
function ask({ federation, tip }: TestChain): Transaction {
  return request(federation, { from: tenant, to: vnf.publicKey, timestamp: tip().parent.time });
}

/** The blocks with one exchanged. */
function withBlock({ blocks }: TestChain, height: number, change: (block: RawBlock) => RawBlock): RawBlock[] {
  return blocks.map((block, i) => i === height - 1 ? change(block) : block);
}

/** A chain whose fourth block lies. */
async function lyingChain(
  options: BlockOptions,
  transactions: readonly Transaction[] = [],
): Promise<TestChain> {
  const chain = await shortChain();
  chain.append(transactions, options);
  return chain;
}

Deno.test("openReplay() accepts a chain and counts what it verified", async () => {
  const chain = new TestChain(four);
  const cid = newCid(tenant.publicKey);
  const replay = replayOf(four);
  for (let i = 0; i < 40; i++) {
    const version = await configuration(chain, tenant, { cid, vid: i + 1, to: vnf.publicKey });
    const transactions = i % 3 === 0 ? [version] : [version, ask(chain)];
    // Round changes, other quorums, and a parent certificate that is not the block's own.
    const rounds = { createdRound: i % 3, decidedRound: i % 3 + i % 2 };
    const block = chain.append(transactions, { ...rounds, signers: [0, 2, 3], nextSigners: [1, 2, 3] });
    const verdict = replay.push(block);
    ok(verdict.ok, verdict.ok ? "" : verdict.detail);
    equal(verdict.value.header, block.header);
    equal(verdict.value.transactions.length, transactions.length);
    equal(verdict.value.signatures, transactions.length + 3 + (i === 0 ? 0 : 3));
    equal(verdict.value.parent.height, i);
  }
  equal(replay.tip().parent.height, 40);
  deepEqual(replay.tip().parent.hash, chain.tip().parent.hash);
});

Deno.test("openReplay() accepts a federation of one", async () => {
  const one = new TestChain(makeFederation({ parameters }));
  for (let i = 0; i < 20; i++) one.append([await configuration(one, tenant)]);
  equal(firstRefusal(one, one.blocks), undefined);
});

Deno.test("push() refuses and stays as it was, so that the right block still follows", async () => {
  const chain = await shortChain();
  const replay = replayOf(chain);
  ok(replay.push(blockAt(chain, 1)).ok);
  const before = replay.tip();
  const block = blockAt(chain, 2);
  const last = block.transactions.length - 1;
  const damaged = block.transactions.map((bytes, i) =>
    i === last ? bytes.with(bytes.length - 1, bytes.at(-1) as number ^ 1) as Bytes : bytes
  );
  ok(!replay.push({ ...block, transactions: damaged }).ok);
  equal(replay.tip(), before);
  ok(replay.push(block).ok);
});

Deno.test("push() refuses a block that was left out, repeated or moved", async () => {
  const chain = await shortChain();
  const [first, second, third] = chain.blocks as [RawBlock, RawBlock, RawBlock];
  refused(chain, [first, third], "block-link");
  refused(chain, [first, second, second], "block-link");
  refused(chain, [second, first, third], "block-link");
});

Deno.test("push() refuses the blocks of another federation", () => {
  const other = new TestChain(makeFederation({ size: 4, parameters }));
  other.append([]);
  refused(new TestChain(four), other.blocks, "block-link");
});

Deno.test("push() refuses a time that is not after the parent's", async () => {
  const chain = await lyingChain({ lie: (header) => ({ ...header, time: header.time - 1000 }) });
  refused(chain, chain.blocks, "block-time");
});

Deno.test("push() refuses a certificate of another block, and another one of the parent", async () => {
  const chain = await shortChain();
  const { certificate } = blockAt(chain, 1);
  refused(chain, withBlock(chain, 2, (block) => ({ ...block, certificate })), "certificate-mismatch");
  const parentCertificate = certify(chain, { header: blockAt(chain, 1).header, signers: [1, 2, 3] });
  refused(chain, withBlock(chain, 2, (block) => ({ ...block, parentCertificate })), "certificate-mismatch");
  refused(
    chain,
    withBlock(chain, 2, (block) => ({ ...block, parentCertificate: null })),
    "certificate-mismatch",
  );
});

Deno.test("push() refuses fewer signatures than a quorum, in both certificates", async () => {
  const few = await lyingChain({ signers: [0, 1] });
  refused(few, few.blocks, "certificate-quorum");
  const chain = new TestChain(four);
  chain.append([], { nextSigners: [2, 3] });
  chain.append([]);
  refused(chain, chain.blocks, "certificate-quorum");
});

Deno.test("push() counts a member that signs twice once", async () => {
  const chain = await shortChain();
  const twice = withBlock(chain, 3, (block) => {
    const { certificate } = block;
    const [first, second] = certificate.signatures.map((signature) => signature);
    ok(first && second);
    return { ...block, certificate: { ...certificate, signatures: [first, first, second] } };
  });
  refused(chain, twice, "certificate-signature");
  const bitmapOnly = withBlock(chain, 3, (block) => {
    const { certificate } = block;
    return { ...block, certificate: { ...certificate, signatures: certificate.signatures.slice(0, 2) } };
  });
  refused(chain, bitmapOnly, "certificate-format");
});

Deno.test("push() refuses a signature by a stranger", async () => {
  const chain = await shortChain();
  const forged = withBlock(chain, 3, (block) => {
    const [, ...others] = block.certificate.signatures;
    const signatures = [asSignature(randomBytes(64)), ...others];
    return { ...block, certificate: { ...block.certificate, signatures } };
  });
  refused(chain, forged, "certificate-signature");
});

Deno.test("push() refuses a proposer that was not the leader of its round", async () => {
  const proposer = four.federation.document.members[3]?.key;
  ok(proposer);
  const chain = await lyingChain({ lie: (header) => ({ ...header, proposer }) });
  refused(chain, chain.blocks, "block-proposer");
  const stranger = await lyingChain({ lie: (header) => ({ ...header, proposer: tenant.publicKey }) });
  refused(stranger, stranger.blocks, "block-proposer");
});

Deno.test("push() refuses a block that was decided before it was proposed", async () => {
  const chain = await lyingChain({ createdRound: 2, decidedRound: 1 });
  refused(chain, chain.blocks, "certificate-mismatch");
});

Deno.test("push() refuses a transaction exchanged for another valid one, left out, or added", async () => {
  const chain = await shortChain();
  const other = await configuration(chain, tenant);
  refused(chain, withBlock(chain, 2, (block) => ({ ...block, transactions: [other.bytes] })), "block-root");
  refused(chain, withBlock(chain, 2, (block) => ({ ...block, transactions: [] })), "block-format");
  const more = withBlock(
    chain,
    2,
    (block) => ({ ...block, transactions: [...block.transactions, other.bytes] }),
  );
  refused(chain, more, "block-format");
});

Deno.test("push() names the transaction that is malformed, not signed, too large or foreign", async () => {
  const chain = await shortChain();
  const replace = (bytes: Bytes) => withBlock(chain, 2, (block) => ({ ...block, transactions: [bytes] }));
  const [bytes] = blockAt(chain, 2).transactions;
  ok(bytes);
  const fault = { index: 0, id: null };
  deepEqual(refused(chain, replace(bytes.slice(1)), "cbor").transaction, fault);
  const unsigned = bytes.with(bytes.length - 1, bytes.at(-1) as number ^ 1) as Bytes;
  deepEqual(refused(chain, replace(unsigned), "transaction-signature").transaction, fault);
  const { maxTransactionBytes } = four.federation.document.parameters;
  deepEqual(refused(chain, replace(new Uint8Array(maxTransactionBytes + 1)), "too-large").transaction, fault);
  const elsewhere = await configuration(new TestChain(makeFederation({ parameters })), tenant);
  deepEqual(refused(chain, replace(elsewhere.bytes), "transaction-signature").transaction, fault);
});

Deno.test("push() refuses a state root that is wrong though a quorum signed it", async () => {
  const chain = await shortChain();
  const transactions = [await configuration(chain, tenant)];
  chain.append(transactions, { lie: (header) => ({ ...header, stateRoot: header.transactionsRoot }) });
  chain.append([]);
  equal(refused(chain, chain.blocks, "block-root").transaction, undefined);
});

Deno.test("push() refuses what the state rules forbid though a quorum signed it", async () => {
  const cases: [RefusalCode, (chain: TestChain) => Promise<Transaction>][] = [
    ["vid-order", (chain) => configuration(chain, tenant, { vid: 2 })],
    ["reference-unknown", (chain) => {
      const before = [{ cid: newCid(tenant.publicKey), vid: null }];
      return configuration(chain, tenant, { before });
    }],
    ["future", (chain) => configuration(chain, tenant, { timestamp: chain.tip().parent.time + 3_600_000 })],
    ["expired", (chain) => configuration(chain, tenant, { timestamp: chain.tip().parent.time - 3_600_000 })],
  ];
  for (const [code, make] of cases) {
    const chain = await shortChain();
    const good = await configuration(chain, tenant);
    const bad = await make(chain);
    chain.append([good, bad]);
    deepEqual(refused(chain, chain.blocks, code).transaction, { index: 1, id: bad.id });
  }
});

Deno.test("push() refuses a foreign CID though a quorum signed it", async () => {
  const chain = await shortChain();
  chain.append([await configuration(chain, tenant, { cid: newCid(vnf.publicKey) })]);
  deepEqual(refused(chain, chain.blocks, "cid-owner").transaction, { index: 0, id: null });
});

Deno.test("push() refuses a transaction twice and a nonce twice within the window", async () => {
  const again = await shortChain();
  const transaction = await configuration(again, tenant);
  again.append([transaction]);
  again.append([transaction]);
  refused(again, again.blocks, "duplicate");
  const reused = await shortChain();
  const nonce = randomBytes(16);
  reused.append([await configuration(reused, tenant, { nonce })]);
  reused.append([]);
  reused.append([await configuration(reused, tenant, { nonce })]);
  refused(reused, reused.blocks, "duplicate");
});

Deno.test("push() lets a nonce come again once no transaction with it can", async () => {
  const windowMs = 3_600_000 + 300_000;
  for (const [afterMs, holds] of [[windowMs, false], [windowMs + 1, true]] as const) {
    const chain = await shortChain();
    const nonce = randomBytes(16);
    chain.append([await configuration(chain, tenant, { nonce })]);
    const { time } = chain.tip().parent;
    chain.append([await configuration(chain, tenant, { nonce, timestamp: time + afterMs })], { afterMs });
    equal(firstRefusal(chain, chain.blocks)?.code, holds ? undefined : "duplicate");
  }
});

Deno.test("push() lets another sender use the same nonce", async () => {
  const chain = await shortChain();
  const nonce = randomBytes(16);
  chain.append([await configuration(chain, tenant, { nonce }), await configuration(chain, vnf, { nonce })]);
  equal(firstRefusal(chain, chain.blocks), undefined);
});

Deno.test("push() gives the header's hash as the block's", async () => {
  const chain = await shortChain();
  const verdict = replayOf(chain).push(blockAt(chain, 1));
  ok(verdict.ok);
  equal(toHex(verdict.value.hash), toHex(asHash(blockHash(platformCrypto.hash, blockAt(chain, 1).header))));
});
