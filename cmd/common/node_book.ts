/**
 * How each node has behaved: in which order to ask them, and what to tell the operator. Who gave an answer that did
 * not hold is left out for a while, unless nobody else is left; who failed otherwise comes last the next time, so that
 * a dead node costs its time-out once and not in every round.
 *
 * @module
 */
import { LIMITS } from "../../core/limits.ts";
import { type NodeFailure, type Outcome, startingAt } from "./nodes.ts";

/** One node's record. Times in milliseconds since 1970. */
export interface NodeRecord {
  readonly node: string;
  /** Questions that it answered well. */
  readonly answered: number;
  /** Questions that it did not answer, or refused. */
  readonly failed: number;
  /** Answers that did not hold. */
  readonly lied: number;
  /** The last failure of either kind; null before the first. */
  readonly last: { readonly code: string; readonly detail: string; readonly time: number } | null;
  /** Left out until then; 0 when it is not. */
  readonly leftOutUntil: number;
}

/** The records of the nodes that are known by address. */
export interface NodeBook {
  /** The nodes in the order in which to ask them. */
  readonly order: () => readonly string[];
  readonly note: (outcome: Outcome<unknown>) => void;
  readonly records: () => readonly NodeRecord[];
}

/** Opens a book, with what is known of the nodes from before. */
export function openNodeBook(
  nodes: readonly string[],
  { nowMs, first = 0, records = [] }: {
    readonly nowMs: () => number;
    /** Place of the node to begin with. */
    readonly first?: number;
    readonly records?: readonly NodeRecord[];
  },
): NodeBook {
  const book = new Map(
    nodes.map((node) => [node, records.find((known) => known.node === node) ?? blank(node)]),
  );
  const failing = new Set<string>();
  let next = first;

  function isLeftOut({ leftOutUntil }: NodeRecord): boolean {
    // A clock that was set back must not leave a node out for longer than the limit.
    const leftMs = leftOutUntil - nowMs();
    return leftMs > 0 && leftMs <= LIMITS.liarPauseMs;
  }

  function fail({ node, code, detail, lied }: NodeFailure): void {
    const record = book.get(node);
    if (record === undefined) return;
    failing.add(node);
    book.set(node, {
      ...record,
      failed: record.failed + (lied ? 0 : 1),
      lied: record.lied + (lied ? 1 : 0),
      last: { code, detail, time: nowMs() },
      leftOutUntil: lied ? nowMs() + LIMITS.liarPauseMs : record.leftOutUntil,
    });
  }

  return {
    order: () => {
      const sorted = startingAt(nodes, next).toSorted((a, b) =>
        Number(failing.has(a)) - Number(failing.has(b))
      );
      const honest = sorted.filter((node) => !isLeftOut(book.get(node) as NodeRecord));
      return honest.length > 0 ? honest : sorted;
    },
    note: (outcome) => {
      failing.clear();
      for (const failure of outcome.failures) fail(failure);
      if (!outcome.ok) return;
      const record = book.get(outcome.node);
      if (record !== undefined) book.set(outcome.node, { ...record, answered: record.answered + 1 });
      next = nodes.indexOf(outcome.node) + 1;
    },
    records: () => [...book.values()],
  };
}

function blank(node: string): NodeRecord {
  return { node, answered: 0, failed: 0, lied: 0, last: null, leftOutUntil: 0 };
}
