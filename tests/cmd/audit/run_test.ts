import { deepEqual, equal, match, ok } from "node:assert/strict";
import fc from "fast-check";
import { archiveSource } from "../../../cmd/audit/archive_source.ts";
import type { Finding } from "../../../cmd/audit/finding.ts";
import { auditChain, type AuditOptions, type AuditResult } from "../../../cmd/audit/run.ts";
import { archiveItem, encodeArchiveHeader } from "../../../core/archive.ts";
import type { RawBlock } from "../../../core/block.ts";
import { type Bytes, concat, equal as equalBytes, fromHex, utf8 } from "../../../core/bytes.ts";
import { type Federation, federationOf } from "../../../core/federation.ts";
import { encodeCbor } from "../../../core/cbor.ts";
import { replayOf } from "../../support/replay.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import { archiveOf } from "../../support/archive.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { certify } from "../../support/federation.ts";
import { blockAt, TestChain } from "../../support/test_chain.ts";
import { newCid, plainConfiguration as configuration } from "../../support/test_transactions.ts";
import { auditedFederation, receiptOf, tellStory } from "./story.ts";

const story = await tellStory();
const { chain } = story;
const { federation, blocks } = chain;

type Options = Partial<Pick<AuditOptions, "receipts" | "onBlock">> & { federation?: Federation };

/** Audits bytes as an archive's. */
async function audit(bytes: Uint8Array, options: Options = {}): Promise<AuditResult> {
  await using directory = await temporaryDirectory();
  const path = directory.file("chain.archive");
  await Deno.writeFile(path, bytes);
  return await auditFile(path, { sizeBytes: bytes.length, ...options });
}

function auditFile(path: string, { sizeBytes, ...options }: Options & { sizeBytes: number }) {
  const pinned = options.federation ?? federation;
  const source = archiveSource(path, { federation: pinned, sizeBytes });
  return auditChain({
    source,
    receipts: [],
    onBlock: () => Promise.resolve(),
    ...options,
    federation: pinned,
  });
}

function auditBlocks(changed: readonly RawBlock[], options: Options = {}): Promise<AuditResult> {
  return audit(archiveOf(options.federation ?? federation, changed), options);
}

/** The one finding of an audit that failed at a height by a rule. */
function failed(result: AuditResult, height: number, rule: Finding["rule"]): Finding {
  equal(result.ok, false);
  const [finding, ...others] = result.findings.filter(({ severity }) => severity === "failure");
  ok(finding);
  deepEqual(others, []);
  deepEqual({ height: finding.height, rule: finding.rule }, { height, rule }, finding.detail);
  return finding;
}

/** The blocks with the one at `height` changed. */
function changed(height: number, change: (block: RawBlock) => RawBlock): readonly RawBlock[] {
  return blocks.map((block) => block.header.height === height ? change(block) : block);
}

Deno.test("auditChain() passes a chain with something of everything, and counts", async () => {
  const heights: number[] = [];
  const result = await auditBlocks(blocks, {
    onBlock: ({ header }) => Promise.resolve(void heights.push(header.height)),
  });
  equal(result.ok, true);
  deepEqual(result.findings, []);
  equal(result.height, 36);
  deepEqual(heights, Array.from({ length: 36 }, (_, i) => i + 1));
  equal(result.transactions, blocks.reduce((sum, { transactions }) => sum + transactions.length, 0));
  equal(result.signatures, result.transactions + 36 * 3 + 35 * 3);
  deepEqual(result.span, { fromMs: blockAt(chain, 1).header.time, toMs: blockAt(chain, 36).header.time });
});

Deno.test("auditChain() passes an empty chain", async () => {
  const result = await auditBlocks([]);
  deepEqual([result.ok, result.height, result.span], [true, 0, null]);
  ok(equalBytes(result.head, federation.genesisId));
});

Deno.test("auditChain() finds a block left out, inserted, or moved", async () => {
  failed(await auditBlocks(blocks.toSpliced(9, 1)), 10, "block-link");
  failed(await auditBlocks(blocks.toSpliced(9, 0, blockAt(chain, 9))), 10, "block-link");
  failed(await auditBlocks(blocks.toSpliced(9, 2, blockAt(chain, 11), blockAt(chain, 10))), 10, "block-link");
  failed(await auditBlocks(blocks.slice(1)), 1, "block-link");
});

Deno.test("auditChain() finds a block that members made for another place", async () => {
  const fork = new TestChain(chain);
  fork.append([await configuration(fork, story.stranger)]);
  failed(await auditBlocks([blockAt(chain, 1), blockAt(chain, 2), ...fork.blocks]), 3, "block-link");
  failed(await auditBlocks([blockAt(fork, 1), blockAt(chain, 2)]), 2, "block-link");
});

Deno.test("auditChain() finds certificates that were exchanged, cut, or signed twice", async () => {
  const { certificate } = blockAt(chain, 11);
  failed(await auditBlocks(changed(12, (block) => ({ ...block, certificate }))), 12, "certificate-mismatch");
  const few = (block: RawBlock) => certify(chain, { header: block.header, signers: [0, 1] });
  failed(
    await auditBlocks(changed(12, (block) => ({ ...block, certificate: few(block) }))),
    12,
    "certificate-quorum",
  );
  const twice = changed(12, (block) => {
    const [first, second] = block.certificate.signatures;
    ok(first && second);
    return { ...block, certificate: { ...block.certificate, signatures: [first, first, second] } };
  });
  failed(await auditBlocks(twice), 12, "certificate-signature");
  const parent = changed(12, (block) => {
    const parentCertificate = certify(chain, { header: blockAt(chain, 11).header, signers: [1, 2, 3] });
    return { ...block, parentCertificate };
  });
  failed(await auditBlocks(parent), 12, "certificate-mismatch");
});

Deno.test("auditChain() finds a transaction exchanged for another valid one", async () => {
  const other = await configuration(chain, story.stranger);
  failed(
    await auditBlocks(changed(20, (block) => {
      return { ...block, transactions: block.transactions.with(1, other.bytes) };
    })),
    20,
    "block-root",
  );
});

Deno.test("auditChain() names the transaction by which a lying quorum broke a state rule", async () => {
  const lying = new TestChain(chain);
  const cid = newCid(story.tenant.publicKey);
  lying.append([await configuration(lying, story.tenant, { cid })]);
  const gap = await configuration(lying, story.tenant, { cid, vid: 3 });
  lying.append([await configuration(lying, story.tenant), gap]);
  const finding = failed(await auditBlocks(lying.blocks), 2, "vid-order");
  equal(finding.transaction?.index, 1);
  match(finding.transaction?.id ?? "", /^[0-9a-f]{64}$/);
});

Deno.test("auditChain() ends at the first failure", async () => {
  const result = await auditBlocks(changed(4, (block) => ({ ...block, transactions: [] })).toSpliced(20, 1));
  failed(result, 4, "block-format");
  equal(result.height, 3);
});

Deno.test("auditChain() refuses another federation's archive, and its blocks under this header", async () => {
  const other = await auditedFederation(4);
  const result = await audit(archiveOf(federation, blocks), { federation: other.federation });
  failed(result, 1, "block-link");
  equal(result.height, 0);
  const exchanged = archiveOf(other.federation, blocks);
  failed(await audit(exchanged, { federation: other.federation }), 1, "block-link");
});

Deno.test("auditChain() finds a member's certificate that is expired, or for another key", async () => {
  const { document } = federation;
  const late = federationOf(platformCrypto.hash, { ...document, time: document.time + 2 * 86_400_000 });
  const expired = await auditBlocks([], { federation: late });
  equal(expired.findings.length, 4);
  ok(
    expired.findings.every(({ rule, severity }) =>
      rule === "federation-certificate" && severity === "failure"
    ),
  );
  const [first, second, ...others] = document.members;
  ok(first && second);
  const members = [{ ...first, certificate: second.certificate }, second, ...others];
  const swapped = federationOf(platformCrypto.hash, { ...document, members });
  failed(await auditBlocks([], { federation: swapped }), 0, "federation-certificate");
});

Deno.test("auditChain() tells a gap of more than three heartbeats, and does not fail for it", async () => {
  const slow = new TestChain(chain);
  slow.append([], { afterMs: 900_000 });
  slow.append([], { afterMs: 90_000 });
  slow.append([], { afterMs: 90_001 });
  const result = await auditBlocks(slow.blocks);
  equal(result.ok, true);
  deepEqual(result.findings.map(({ severity, height, rule }) => ({ severity, height, rule })), [
    { severity: "notice", height: 3, rule: "outage" },
  ]);
});

Deno.test("auditChain() passes a cut tail, whose height it tells, and fails it against a receipt", async () => {
  const receipts = [{ name: "r", bytes: receiptOf(chain, { height: 20, index: 1 }) }];
  const cut = blocks.slice(0, 19);
  const alone = await auditBlocks(cut);
  deepEqual([alone.ok, alone.height], [true, 19]);
  failed(await auditBlocks(cut, { receipts }), 20, "proof-incomplete");
  const whole = await auditBlocks(blocks, { receipts });
  deepEqual([whole.ok, whole.receipts], [true, 1]);
});

Deno.test("auditChain() finds a chain that those who signed it wrote anew, by a receipt of the first", async () => {
  const anew = new TestChain(chain);
  while (anew.blocks.length < 20) anew.append([], { afterMs: 2000 });
  const receipts = [{ name: "r", bytes: receiptOf(chain, { height: 20 }) }];
  equal((await auditBlocks(anew.blocks)).ok, true);
  failed(await auditBlocks(anew.blocks, { receipts }), 20, "fork");
});

Deno.test("auditChain() finds a receipt's transaction in another block than the receipt's", async () => {
  const [one, other] = [new TestChain(chain), new TestChain(chain)];
  const transaction = await configuration(one, story.tenant);
  one.append([transaction]);
  other.append([transaction], { afterMs: 1001 });
  const receipts = [{ name: "r", bytes: receiptOf(one, { height: 1 }) }];
  failed(await auditBlocks(other.blocks, { receipts }), 1, "fork");
});

Deno.test("auditChain() refuses a receipt that does not hold, or is of another chain", async () => {
  const bytes = receiptOf(chain, { height: 20 });
  const bad = [{ name: "bad", bytes: bytes.with(bytes.length - 40, bytes.at(-40) as number ^ 1) as Bytes }];
  equal((await auditBlocks(blocks, { receipts: bad })).ok, false);
  const other = new TestChain(await auditedFederation(4));
  other.append([await configuration(other, story.tenant)]);
  const foreign = [{ name: "foreign", bytes: receiptOf(other, { height: 1 }) }];
  failed(await auditBlocks(blocks, { receipts: foreign }), 0, "proof-root");
});

Deno.test("auditChain() does not judge receipts behind the failure", async () => {
  const receipts = [{ name: "r", bytes: receiptOf(chain, { height: 20 }) }];
  const result = await auditBlocks(blocks.toSpliced(9, 1), { receipts });
  deepEqual(result.findings.map(({ rule, severity }) => `${severity} ${rule}`), [
    "failure block-link",
    "notice receipt",
  ]);
});

Deno.test("auditChain() refuses files that are no archive, or a cut or damaged one", async () => {
  const archive = archiveOf(federation, blocks);
  const cases: [string, Uint8Array, Finding["rule"]][] = [
    ["empty", new Uint8Array(), "block-format"],
    ["text", utf8("#!/bin/sh\necho hello\n"), "block-format"],
    ["huge length", fromHex("5b0000001000000000") as Bytes, "too-large"],
    ["no header", archiveItem(utf8("hello")), "cbor"],
    ["other format", archiveItem(encodeCbor(["another/archive", 1, new Uint8Array()])), "block-format"],
    ["cut", archive.subarray(0, archive.length - 1), "block-format"],
  ];
  for (const [name, bytes, rule] of cases) {
    const result = await audit(bytes);
    equal(result.findings[0]?.rule, rule, name);
    equal(result.ok, false, name);
  }
  const header = archiveItem(encodeArchiveHeader(federation));
  failed(await audit(concat(header, archiveItem(utf8("x")))), 1, "cbor");
  failed(await audit(concat(header, header)), 1, "block-format");
});

/** Whether all blocks of an archive hold, by the same parts without the X.509 certificates, which take the time. */
async function replays(path: string, sizeBytes: number): Promise<boolean> {
  const replay = replayOf({ federation });
  for await (const raw of archiveSource(path, { federation, sizeBytes }).blocks()) {
    if (!raw.ok || !replay.push(raw.value).ok) return false;
  }
  return true;
}

Deno.test("a flipped byte anywhere in an archive is found", async () => {
  const small = new TestChain(chain);
  for (let i = 0; i < 6; i++) {
    small.append(i % 2 ? [await configuration(small, story.tenant)] : [], { createdRound: i % 2 });
  }
  const archive = archiveOf(federation, small.blocks);
  await using directory = await temporaryDirectory();
  const path = directory.file("chain.archive");
  await Deno.writeFile(path, archive);
  ok(await replays(path, archive.length));
  // Half of the bytes are the federation document's: a bias towards the blocks, which are less simple.
  const blocksStart = archiveOf(federation, []).length;
  const at = fc.oneof(fc.nat(archive.length - 1), fc.integer({ min: blocksStart, max: archive.length - 1 }));
  await fc.assert(
    fc.asyncProperty(at, fc.integer({ min: 1, max: 255 }), async (at, mask) => {
      await Deno.writeFile(path, archive.with(at, archive[at] as number ^ mask));
      equal(await replays(path, archive.length), false);
    }),
    { numRuns: 2500 },
  );
});
