/**
 * The audit itself: replays what a source gives, and gathers what is to be said about it. Nothing after the first block
 * that fails can be judged, so it ends there.
 *
 * @module
 */
import type { RawBlock } from "../../core/block.ts";
import type { Hash, Height } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import { type BlockRefusal, openReplay, type Replay, type ReplayedBlock } from "../../core/chain_replay.ts";
import { type Refusal, refuse, type Verdict } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import { CHANGE_DELAY } from "../../core/federation_terms.ts";
import { platformCrypto, randomBytes } from "../../core/platform/crypto.ts";
import { checkCertificates } from "../../core/platform/federation_certificates.ts";
import { WINDOW_SALT_BYTES } from "../../core/uniqueness_window.ts";
import { leaderKeyAt } from "../../consensus/leader.ts";
import { openEvidenceCheck } from "./evidence.ts";
import { failure, type Finding, holds } from "./finding.ts";
import { openReceiptCheck, type ReceiptFile } from "./receipts.ts";
import type { ChainSource } from "./source.ts";
import { durationText } from "../common/time_text.ts";

/** A block that comes later after its parent than this many heartbeats is an outage. */
const OUTAGE_HEARTBEATS = 3;

/** What to audit. */
export interface AuditOptions {
  readonly source: ChainSource;
  /** The first document, in which the auditor trusts. */
  readonly federation: Federation;
  readonly receipts: readonly ReceiptFile[];
  /** Told every block that holds, in order; the next waits for it. */
  readonly onBlock: (block: ReplayedBlock) => Promise<void>;
}

/** What came of an audit. */
export interface AuditResult {
  /** True when nothing failed. */
  readonly ok: boolean;
  /** Height of the last block that holds; 0 when there is none. */
  readonly height: Height;
  /** Its hash; the genesis id when there is none. */
  readonly head: Hash;
  readonly blocks: number;
  readonly transactions: number;
  /** Ed25519 signatures verified, of transactions and of members. */
  readonly signatures: number;
  /** Receipts found on the chain. */
  readonly receipts: number;
  /** Pieces of evidence against members that hold. */
  readonly evidence: number;
  /** Times of the first and the last block, milliseconds since 1970; null when there is none. */
  readonly span: { readonly fromMs: number; readonly toMs: number } | null;
  /** In the order of the chain, after those that concern no block; what evidence gave comes last. */
  readonly findings: readonly Finding[];
}

/** Audits a chain from genesis to its end. Throws only for what is no fault of the chain, such as a dead network. */
export async function auditChain(options: AuditOptions): Promise<AuditResult> {
  const { source, federation } = options;
  const receipts = openReceiptCheck(options.receipts, federation);
  const { document } = federation;
  const certificates = await checkCertificates(document, { atMs: document.time });
  const findings = [...certificates.map((refusal) => failure(0, refusal)), ...receipts.findings];
  const salt = randomBytes(WINDOW_SALT_BYTES);
  const replay = openReplay({ federation, crypto: platformCrypto, leaderOf: leaderKeyAt, salt });
  const total = { transactions: 0, signatures: 0 };
  const evidence = openEvidenceCheck(federation);
  let fromMs: number | undefined;
  let complete = true;

  for await (const raw of source.blocks()) {
    const replayed = push(replay, raw);
    if (!replayed.ok) {
      findings.push(findingOf(replayed, replay));
      complete = false;
      break;
    }
    const block = replayed.value;
    findings.push(...outage(block), ...await federationChange(block), ...receipts.onBlock(block));
    evidence.onFederation(replay.tip().federation);
    total.transactions += block.transactions.length;
    total.signatures += block.signatures;
    fromMs ??= block.header.time;
    await options.onBlock(block);
  }

  const { height, hash: head, time: toMs } = replay.tip().parent;
  findings.push(...receipts.finish({ height, complete }));
  if (complete) findings.push(...brokenPromise(source, height));
  findings.push(...evidence.finish(source.evidence(), { complete }));
  return {
    ok: holds(findings),
    height,
    head,
    blocks: height,
    ...total,
    receipts: receipts.found(),
    evidence: evidence.proven(),
    span: fromMs === undefined ? null : { fromMs, toMs },
    findings,
  };
}

function push(replay: Replay, raw: Verdict<RawBlock>) {
  return raw.ok ? replay.push(raw.value) : raw;
}

/** A refusal is about the block that the tip waits for. */
function findingOf(refusal: Refusal | BlockRefusal, replay: Replay): Finding {
  const finding = failure((replay.tip().parent.height + 1) as Height, refusal);
  if (!("transaction" in refusal) || refusal.transaction === undefined) return finding;
  const { index, id } = refusal.transaction;
  return { ...finding, transaction: { index, id: id === null ? null : toHex(id) } };
}

/** A change of the federation; and the new members' certificates, at the time of the block that decides it. */
async function federationChange({ header, change }: ReplayedBlock): Promise<readonly Finding[]> {
  if (change === null) return [];
  const { document: { sequence, members }, quorum, faults } = change;
  const detail = `federation document ${sequence} is in force from height ${header.height + CHANGE_DELAY}: ` +
    `${members.length} members, ${quorum} decide, ${faults} may fail`;
  const notice: Finding = { severity: "notice", height: header.height, rule: "federation", detail };
  const refusals = await checkCertificates(change.document, { atMs: header.time });
  return [notice, ...refusals.map((refusal) => failure(header.height, refusal))];
}

/** Before the first block a federation may take its time. */
function outage({ header, parent, federation }: ReplayedBlock): readonly Finding[] {
  const gapMs = header.time - parent.time;
  const { heartbeatMs } = federation.document.parameters;
  if (parent.height === 0 || gapMs <= OUTAGE_HEARTBEATS * heartbeatMs) return [];
  const detail = `no block for ${durationText(gapMs)}; one is due every ${durationText(heartbeatMs)}`;
  return [{ severity: "notice", height: header.height, rule: "outage", detail }];
}

function brokenPromise(source: ChainSource, height: Height): readonly Finding[] {
  const promised = source.promisedHeight();
  if (promised === null || promised <= height) return [];
  const detail = `the node says that its chain has height ${promised}, but gave no block after ${height}`;
  return [failure(height, refuse("proof-incomplete", detail))];
}
