/**
 * How an audit is told: as text at its end, or as one JSON document that is written while the chain is read, since a
 * history with its contents can be larger than memory.
 *
 * @module
 */
import { toHex } from "../../core/bytes.ts";
import { VnfchainError } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import { print } from "../common/output.ts";
import type { HistoryEntry } from "./history.ts";
import type { AuditResult } from "./run.ts";
import { entryText, summaryText } from "./text_report.ts";
import { timeText } from "../common/time_text.ts";

/** Tells one audit. */
export interface Reporter {
  /** Takes the next entry of the history. */
  readonly entry: (entry: HistoryEntry) => void;
  /** Tells the result. */
  readonly finish: (result: AuditResult) => void;
  /** Ends what was begun when there will be no result. */
  readonly abandon: (error: unknown) => void;
}

/** Prints summary, findings and history at the end; keeps the history as text with its contents cut. */
export function textReporter(about: { readonly chain: string; readonly federation: Federation }): Reporter {
  const entries: string[] = [];
  return {
    entry: (entry) => entries.push(entryText(entry)),
    finish: (result) => {
      print(summaryText(result, about));
      if (entries.length > 0) print(`\nhistory: ${entries.length} transactions`);
      for (const entry of entries) print(`\n${entry}`);
    },
    abandon: () => {},
  };
}

/** Prints one JSON document. `history` comes first, because it is written as it is found. */
export function jsonReporter({ federation }: { readonly federation: Federation }): Reporter {
  let entries = 0;

  function end(rest: Readonly<Record<string, unknown>>): void {
    print(`${entries === 0 ? '{"history": [' : ""}],`);
    print(JSON.stringify(rest, null, 2).slice(2));
  }

  return {
    entry: (entry) => {
      print(`${entries === 0 ? '{"history": [\n' : ","}${JSON.stringify(entry)}`);
      entries++;
    },
    finish: ({ span, head, ...result }) =>
      end({
        ...result,
        head: toHex(head),
        from: span === null ? null : timeText(span.fromMs),
        to: span === null ? null : timeText(span.toMs),
        federation: describeFederation(federation),
      }),
    abandon: (error) => {
      if (entries === 0) return;
      const code = error instanceof VnfchainError ? error.code : "unexpected";
      end({ ok: false, error: { code, detail: error instanceof Error ? error.message : String(error) } });
    },
  };
}

function describeFederation({ document, genesisId, hash, quorum }: Federation) {
  return {
    name: document.name,
    genesisId: toHex(genesisId),
    hash: toHex(hash),
    members: document.members.map(({ name }) => name),
    quorum,
  };
}
