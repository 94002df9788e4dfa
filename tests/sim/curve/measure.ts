/**
 * Decides some blocks and counts what it takes: bytes by phase and by member, the time until they are stored, and
 * what the vote journals were given.
 *
 * @module
 */
import type { Round, TxId } from "../../../core/brands.ts";
import type { Bytes } from "../../../core/bytes.ts";
import { assert } from "../../../core/errors.ts";
import { decodeFrame, encodeFrame, type Frame } from "../../../consensus/driver/frames.ts";
import { leaderAt } from "../../../consensus/leader.ts";
import type { Phases } from "./formulas.ts";
import { makeFederation, makeTransactions, tipAt } from "./load.ts";
import { makeMember, type Member } from "./member.ts";
import { type LinkSpeed, makeUplinks } from "./uplinks.ts";

/** What is measured. */
export interface MeasureOptions {
  readonly n: number;
  readonly transactions: number;
  readonly transactionBytes: number;
  /** Height of the chain before the first block. */
  readonly height: number;
  /** Blocks decided before the one that counts. */
  readonly warmUp: number;
  readonly speed: LinkSpeed;
}

/** Bytes that one member sent, by phase. */
export type MemberBytes = { -readonly [P in keyof Phases]: number };

/** What one block took. */
export interface Measured {
  readonly n: number;
  readonly height: number;
  /** By member; the leader also spreads the transactions. */
  readonly sent: readonly MemberBytes[];
  readonly leader: number;
  /** Frames that all members sent. */
  readonly frames: number;
  /** Full forms asked for. */
  readonly asked: number;
  /** From the moment when the leader has the transactions until the block is stored, by member. */
  readonly storedMs: readonly number[];
  /** Bytes that the vote journals were given, by member. */
  readonly persisted: readonly number[];
}

const PHASE: { readonly [K in Frame["kind"]]?: keyof Phases } = {
  transactions: "dissemination",
  proposal: "prePrepare",
  prepare: "prepare",
  commit: "commit",
};

/** Decides the blocks one after the other; the last one counts. */
export function measure(options: MeasureOptions): Measured {
  const { n, transactions, transactionBytes } = options;
  const federation = makeFederation(n);
  const tip = tipAt(federation, options.height);
  const ids = new Map<Bytes, TxId>();
  const frames = new Map<Bytes, Frame>();
  const members: Member[] = [];
  let tally = emptyTally(n);
  const links = makeUplinks({
    n,
    speed: options.speed,
    deliver: ({ from, to, bytes }) => members[to]?.onFrame(from, frameOf(bytes)),
    onSent: ({ from, bytes }) => {
      const { kind } = frameOf(bytes);
      (tally.sent[from] as MemberBytes)[PHASE[kind] ?? "other"] += bytes.length;
      tally.frames++;
      if (kind === "wantVotes") tally.asked++;
    },
  });

  /** A frame to all is decoded once: it is the same for everybody. */
  function frameOf(bytes: Bytes): Frame {
    const known = frames.get(bytes);
    if (known !== undefined) return known;
    const decoded = decodeFrame(bytes);
    assert(decoded.ok, "a member sends what cannot be decoded");
    frames.set(bytes, decoded.value);
    return decoded.value;
  }

  function idOf(transaction: Bytes): TxId {
    const id = ids.get(transaction);
    assert(id !== undefined, "a transaction that nobody made");
    return id;
  }

  function sendFrom(from: number, to: number | "all", bytes: Bytes): void {
    if (to !== "all") return links.send({ from, to, bytes });
    for (let each = 0; each < n; each++) if (each !== from) links.send({ from, to: each, bytes });
  }

  for (let self = 0; self < n; self++) {
    members.push(makeMember({
      self,
      tip,
      idOf,
      nowMs: links.nowMs,
      after: links.after,
      send: (to, frame) => sendFrom(self, to, frame),
      onPersist: (bytes) => void (tally.persisted[self] = (tally.persisted[self] ?? 0) + bytes),
      onStored: () => void tally.storedMs.set(self, links.nowMs()),
    }));
  }
  for (const member of members) member.meet();

  const leader = leaderAt(tip, 0 as Round);
  let beginMs = 0;
  for (let block = 0; block <= options.warmUp; block++) {
    tally = emptyTally(n);
    frames.clear();
    beginMs = links.nowMs();
    const what = `block ${block}`;
    const made = makeTransactions(federation, { count: transactions, bytes: transactionBytes, what });
    const bytes = encodeFrame({ kind: "transactions", transactions: made.map((one) => one.bytes) });
    const frame = frameOf(bytes);
    assert(frame.kind === "transactions", "transactions travel as such");
    for (const [i, one] of frame.transactions.entries()) ids.set(one, (made[i] as typeof made[number]).id);
    sendFrom(leader, "all", bytes);
    members[leader]?.take(made.map(({ id }) => id));
    links.run(() => tally.storedMs.size === n);
    const quietMs = links.nowMs() + 10 * options.speed.latencyMs;
    let isQuiet = false;
    links.after(quietMs - links.nowMs(), () => void (isQuiet = true));
    links.run(() => isQuiet);
  }
  const { sent, persisted, storedMs, asked } = tally;
  assert((sent[leader]?.prePrepare ?? 0) > 0, "another member has led");
  return {
    n,
    height: options.height + options.warmUp + 1,
    sent,
    leader,
    frames: tally.frames,
    asked,
    storedMs: Array.from({ length: n }, (_, member) => (storedMs.get(member) ?? Infinity) - beginMs),
    persisted,
  };
}

interface Tally {
  readonly sent: readonly MemberBytes[];
  readonly persisted: number[];
  readonly storedMs: Map<number, number>;
  frames: number;
  asked: number;
}

function emptyTally(n: number): Tally {
  return {
    sent: Array.from(
      { length: n },
      () => ({ dissemination: 0, prePrepare: 0, prepare: 0, commit: 0, other: 0 }),
    ),
    persisted: [],
    storedMs: new Map(),
    frames: 0,
    asked: 0,
  };
}
