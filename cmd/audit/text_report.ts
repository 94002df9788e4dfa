/**
 * The audit for people: a table of what was proved, what was found, and the history of the keys given. Whatever comes
 * from the chain is escaped.
 *
 * @module
 */
import { toHex } from "../../core/bytes.ts";
import type { Federation } from "../../core/federation.ts";
import { escaped, table } from "../common/output.ts";
import type { Finding } from "./finding.ts";
import type { HistoryContent, HistoryEntry } from "./history.ts";
import type { AuditResult } from "./run.ts";
import { durationText, timeText } from "../common/time_text.ts";

/** Findings that are shown one by one; JSON has all. */
const FINDINGS_SHOWN = 100;
/** Of a content: lines, and characters a line. JSON has all. */
const LINES_SHOWN = 40;
const COLUMNS_SHOWN = 160;

/** Summary and findings. */
export function summaryText(
  result: AuditResult,
  { chain, federation }: { chain: string; federation: Federation },
): string {
  const { members, name } = federation.document;
  const count = (value: number) => value.toLocaleString("en");
  const rows = [
    ["chain", escaped(chain)],
    ["federation", `${escaped(name)}, ${members.length} members, ${federation.quorum} decide`],
    ["genesis id", toHex(federation.genesisId)],
    ["height", count(result.height)],
    ["last block", toHex(result.head)],
    ["time", spanText(result)],
    ["transactions", count(result.transactions)],
    ["signatures", `${count(result.signatures)} verified`],
    ["certificates", `${count(result.blocks)} blocks, each decided by a quorum`],
    ["roots", `${count(2 * result.blocks)} computed anew`],
    ["receipts", count(result.receipts)],
    ["evidence", `${count(result.evidence)} proofs against members`],
  ];
  return [table(rows), "", ...findingLines(result.findings), resultLine(result)].join("\n");
}

function spanText({ span }: AuditResult): string {
  if (span === null) return "no block yet";
  return `${timeText(span.fromMs)} to ${timeText(span.toMs)}, ${durationText(span.toMs - span.fromMs)}`;
}

function resultLine({ ok, height, findings }: AuditResult): string {
  if (ok) {
    return `audit: ok: everything holds up to height ${height}; whether more followed, only receipts tell`;
  }
  const isCut = findings.some((finding) => finding.severity === "failure" && finding.height > height);
  return isCut || height === 0
    ? `audit: failed: the chain holds up to height ${height} and no further`
    : `audit: failed: the blocks hold up to height ${height}; what failed stands above`;
}

/** Failures come first, and are never left out for notices. */
function findingLines(findings: readonly Finding[]): readonly string[] {
  if (findings.length === 0) return [];
  const sorted = findings.toSorted((a, b) =>
    Number(a.severity === "notice") - Number(b.severity === "notice")
  );
  const left = findings.length - FINDINGS_SHOWN;
  const rows = sorted.slice(0, FINDINGS_SHOWN).map((finding) => [
    finding.severity,
    finding.height === 0 ? "no block" : `block ${finding.height}`,
    finding.transaction === undefined ? "" : `transaction ${finding.transaction.index}`,
    finding.rule,
    escaped(finding.detail),
  ]);
  return [table(rows), ...(left > 0 ? [`and ${left} more; --json has all`] : []), ""];
}

/** One entry of the history. */
export function entryText(entry: HistoryEntry): string {
  const { applyBefore = [], applyAfter = [], inReplyTo, replyTo, content, unopened } = entry;
  const rows = [
    ["transaction", entry.transaction],
    ["from", entry.sender],
    ["to", entry.recipient ?? "everybody (template)"],
    ...(entry.description === "" ? [] : [["description", escaped(entry.description)]]),
    ...applyBefore.map((reference) => ["before", reference]),
    ...applyAfter.map((reference) => ["after", reference]),
    ...(inReplyTo === undefined ? [] : [["answers", inReplyTo]]),
    ...(replyTo === undefined ? [] : [["reply to", replyTo]]),
    ...(unopened === undefined ? [] : [["not opened", `${unopened.code}: ${escaped(unopened.detail)}`]]),
    ...(content === undefined ? [] : [["content", contentText(content)]]),
  ];
  const title = `block ${entry.height}, ${entry.time}: ${entry.type} ${entry.cid}@${entry.vid}`;
  return [title, indented(table(rows), "  "), ...previewLines(content?.text)].join("\n");
}

function contentText({ type, name, length, sha256 }: HistoryContent): string {
  return `${escaped(type)}${name === null ? "" : ` ${escaped(name)}`}, ${length} bytes, sha256 ${sha256}`;
}

function previewLines(text: string | undefined): readonly string[] {
  if (text === undefined || text === "") return [];
  const lines = text.replace(/\n$/, "").split("\n", LINES_SHOWN + 1);
  const shown = lines.slice(0, LINES_SHOWN).map((line) => `    | ${escaped(cut(line))}`);
  return lines.length > LINES_SHOWN ? [...shown, "    … --json has all"] : shown;
}

function cut(line: string): string {
  return line.length > COLUMNS_SHOWN ? `${line.slice(0, COLUMNS_SHOWN)}…` : line;
}

function indented(text: string, by: string): string {
  return text.split("\n").map((line) => by + line).join("\n");
}
