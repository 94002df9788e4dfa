/**
 * What was measured, beside what the formulas say, as a table or as JSON.
 *
 * @module
 */
import { crossing, frameSizes, LINK_BYTES, type Load, networkBytes, type Phases } from "./formulas.ts";
import type { Measured } from "./measure.ts";

/** One federation's block. */
export interface Row {
  readonly n: number;
  /** Bytes that all members sent, by phase, and what the formulas say. */
  readonly measured: Phases;
  readonly formula: Phases;
  /** Bytes of consensus (all but dissemination) that members sent. */
  readonly consensus: {
    readonly all: number;
    readonly leader: number;
    readonly replicaMean: number;
    readonly replicaMax: number;
  };
  /** Configuration data delivered: each transaction once to each other member. */
  readonly data: number;
  /** Of what a member sends to one other, in parts of the data. */
  readonly perPeer: { readonly leader: number; readonly replica: number };
  /** All bytes of consensus in the network in parts of the data. */
  readonly ratio: number;
  /** The same with what the links add to each frame. */
  readonly ratioSealed: number;
  /** From the leader's having the transactions until the block is stored. */
  readonly storedMs: { readonly leader: number; readonly quorum: number; readonly last: number };
  /** Bytes that the vote journal was given. */
  readonly journal: { readonly leader: number; readonly replicaMean: number };
  readonly asked: number;
}

function consensusOf({ prePrepare, prepare, commit, other }: Phases): number {
  return prePrepare + prepare + commit + other;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** Sums up one measurement. */
export function rowOf(
  { n, sent, leader, frames, asked, storedMs, persisted, height }: Measured,
  load: Omit<Load, "n" | "height">,
): Row {
  const total = (phase: keyof Phases) => sum(sent.map((each) => each[phase]));
  const measured: Phases = {
    dissemination: total("dissemination"),
    prePrepare: total("prePrepare"),
    prepare: total("prepare"),
    commit: total("commit"),
    other: total("other"),
  };
  const isReplica = (_: unknown, member: number) => member !== leader;
  const replicas = sent.filter(isReplica).map(consensusOf);
  const leading = consensusOf(sent[leader] as Phases);
  const all = consensusOf(measured);
  const batch = load.transactions * load.transactionBytes;
  const data = (n - 1) * batch;
  const sorted = [...storedMs].sort((a, b) => a - b);
  const quorum = Math.ceil((n + Math.floor((n - 1) / 3) + 1) / 2);
  const replicaMean = sum(replicas) / replicas.length;
  const consensusFrames = frames - (n - 1);
  return {
    n,
    measured,
    formula: networkBytes({ n, height, ...load }),
    consensus: { all, leader: leading, replicaMean, replicaMax: Math.max(...replicas) },
    data,
    perPeer: { leader: leading / (n - 1) / batch, replica: replicaMean / (n - 1) / batch },
    ratio: all / data,
    ratioSealed: (all + consensusFrames * LINK_BYTES) / data,
    storedMs: {
      leader: storedMs[leader] as number,
      quorum: sorted[quorum - 1] as number,
      last: sorted.at(-1) as number,
    },
    journal: {
      leader: persisted[leader] as number,
      replicaMean: sum(persisted.filter(isReplica)) / replicas.length,
    },
    asked,
  };
}

/** Where consensus takes as many bytes as the data: the largest n that stays below, by what is counted. */
export function crossings(load: Omit<Load, "n">): Readonly<Record<string, number>> {
  return {
    votes: crossing(load, { withHeights: false, frameOverhead: 0 }),
    votesAndHeights: crossing(load, { withHeights: true, frameOverhead: 0 }),
    votesSealed: crossing(load, { withHeights: false, frameOverhead: LINK_BYTES }),
    votesAndHeightsSealed: crossing(load, { withHeights: true, frameOverhead: LINK_BYTES }),
  };
}

const COLUMNS: readonly (readonly [string, (row: Row) => string])[] = [
  ["n", ({ n }) => `${n}`],
  ["dissemination", ({ measured }) => count(measured.dissemination)],
  ["PRE-PREPARE", ({ measured }) => count(measured.prePrepare)],
  ["PREPARE", ({ measured }) => count(measured.prepare)],
  ["COMMIT", ({ measured }) => count(measured.commit)],
  ["other", ({ measured }) => count(measured.other)],
  ["consensus / data", ({ ratio }) => percent(ratio)],
  ["sealed", ({ ratioSealed }) => percent(ratioSealed)],
  ["replica, a peer", ({ perPeer }) => percent(perPeer.replica)],
  ["leader, a peer", ({ perPeer }) => percent(perPeer.leader)],
  ["stored ms", ({ storedMs: { leader, last } }) => `${leader.toFixed(0)}–${last.toFixed(0)}`],
  ["journal", ({ journal }) => count(journal.replicaMean)],
];

function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function percent(part: number): string {
  return `${(100 * part).toFixed(2)} %`;
}

/** The table, in Markdown. */
export function tableOf(rows: readonly Row[]): string {
  const cells = [COLUMNS.map(([name]) => name), ...rows.map((row) => COLUMNS.map(([, cell]) => cell(row)))];
  const widths = COLUMNS.map((_, i) => Math.max(...cells.map((line) => (line[i] as string).length)));
  const line = (texts: readonly string[]) =>
    `| ${texts.map((text, i) => text.padStart(widths[i] as number)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => `${"-".repeat(width - 1)}:`).join(" | ")} |`;
  return [line(cells[0] as string[]), rule, ...cells.slice(1).map(line)].join("\n");
}

/** What the table is about, and where the lines meet. */
export function notesOf(load: Omit<Load, "n">): string {
  const { transactions, transactionBytes, height } = load;
  const { vote, height: told } = frameSizes({ ...load, n: 4 });
  const { votes, votesAndHeights, votesSealed, votesAndHeightsSealed } = crossings(load);
  return [
    `${transactions} transactions of ${transactionBytes} bytes at height ${
      count(height)
    }, bytes that all members send.`,
    `A vote takes ${vote} bytes, a height ${told}; the links add ${LINK_BYTES} to each frame ("sealed").`,
    `All consensus bytes equal the data at n = ${votes} (proposal + 2n · vote = data),`,
    `with the heights at n = ${votesAndHeights}; sealed at n = ${votesSealed} and ${votesAndHeightsSealed}.`,
    "The paper's do at 188 (figure 7b).",
  ].join("\n");
}
