/**
 * What the adversary has seen of the last heights: votes, blocks, transactions. It takes signatures out of whatever
 * carries them, justifications and locks included, to put them together anew.
 */
import type { PrePrepare, RoundChange, VoteMessage } from "../../../consensus/message.ts";
import type { Message } from "../../../consensus/message.ts";
import type { BlockVoteKind } from "../../../consensus/vote.ts";
import type { Hash, Height, Round, Signature } from "../../../core/brands.ts";
import { toHex } from "../../../core/bytes.ts";
import type { RawBlock } from "../../../core/block.ts";
import type { Proposal } from "../../../core/ports.ts";
import type { SimTransaction } from "../types.ts";
import type { Place } from "./types.ts";

/** Votes of one kind for one block in one round, by member index. */
export interface Tally extends Place {
  readonly kind: BlockVoteKind;
  readonly blockHash: Hash;
  readonly signatures: Map<number, Signature>;
}

/** What is known of one height. */
export interface HeightKnowledge {
  readonly tallies: Map<string, Tally>;
  readonly roundChanges: RoundChange[];
  readonly prePrepares: PrePrepare[];
  readonly proposals: Map<string, Proposal>;
}

/** Everything seen. */
export interface Knowledge {
  readonly note: (message: Message) => void;
  readonly noteTransactions: (transactions: readonly SimTransaction[]) => void;
  readonly at: (height: Height) => HeightKnowledge;
  /** Votes of any height, the oldest first. */
  readonly votes: readonly VoteMessage[];
  readonly decided: readonly RawBlock[];
  readonly transaction: (id: Uint8Array) => SimTransaction | undefined;
}

/** Heights that are kept, and votes, blocks and transactions altogether. */
const KEPT = { heights: 4, votes: 256, decided: 32, transactions: 256 };

/** Nothing seen yet. */
export function makeKnowledge(): Knowledge {
  const heights = new Map<number, HeightKnowledge>();
  const votes: VoteMessage[] = [];
  const decided: RawBlock[] = [];
  const transactions = new Map<string, SimTransaction>();
  const seen = new Set<string>();

  function at(height: Height): HeightKnowledge {
    const found = heights.get(height);
    if (found !== undefined) return found;
    const made: HeightKnowledge = {
      tallies: new Map(),
      roundChanges: [],
      prePrepares: [],
      proposals: new Map(),
    };
    heights.set(height, made);
    for (const old of heights.keys()) if (heights.size > KEPT.heights && old !== height) heights.delete(old);
    return made;
  }

  function tally(
    kind: BlockVoteKind,
    { height, round, blockHash }: Place & { blockHash: Hash },
    signed: { sender: number; signature: Signature },
  ): void {
    const { tallies } = at(height);
    const key = tallyName({ kind, round, blockHash });
    const found = tallies.get(key) ?? { kind, height, round, blockHash, signatures: new Map() };
    tallies.set(key, found);
    if (!found.signatures.has(signed.sender)) found.signatures.set(signed.sender, signed.signature);
  }

  function noteVote(message: VoteMessage): void {
    const { height } = message;
    if (message.kind === "round-change") {
      at(height).roundChanges.push(message);
      const { prepared } = message;
      if (prepared === null) return;
      at(height).proposals.set(toHex(prepared.blockHash), prepared.proposal);
      for (const each of prepared.prepares) tally("prepare", { height, ...prepared }, each);
      return;
    }
    tally(message.kind, message, message);
    if (message.kind !== "pre-prepare") return;
    at(height).prePrepares.push(message);
    at(height).proposals.set(toHex(message.blockHash), message.proposal);
  }

  return {
    votes,
    decided,
    at,
    transaction: (id) => transactions.get(toHex(id)),
    note: (message) => {
      if (message.kind === "decided") return push(decided, message.block, KEPT.decided);
      const key = toHex(message.signature);
      if (seen.has(key)) return;
      seen.add(key);
      if (seen.size > 16 * KEPT.votes) seen.clear();
      push(votes, message, KEPT.votes);
      noteVote(message);
    },
    noteTransactions: (all) => {
      for (const each of all) transactions.set(toHex(each.id), each);
      for (const old of transactions.keys()) {
        if (transactions.size <= KEPT.transactions) break;
        transactions.delete(old);
      }
    },
  };
}

function push<T>(items: T[], item: T, kept: number): void {
  items.push(item);
  if (items.length > kept) items.shift();
}

/** The name of a height's tally. */
export function tallyName({ kind, round, blockHash }: Pick<Tally, "kind" | "round" | "blockHash">): string {
  return `${kind} ${round} ${toHex(blockHash)}`;
}

/** The round changes to exactly this round, one a member, the last of each. */
export function roundChangesTo(known: HeightKnowledge, round: Round): readonly RoundChange[] {
  const bySender = new Map<number, RoundChange>();
  for (const each of known.roundChanges) if (each.round === round) bySender.set(each.sender, each);
  return [...bySender.values()].sort((a, b) => a.sender - b.sender);
}
