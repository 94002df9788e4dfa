/**
 * Compact forms from the other members: expanded and verified, or kept until what they refer to is here.
 *
 * A form that names a block, a transaction or a signature that is not here waits; so does one whose expansion does
 * not verify, since another meaning of the same few bytes may be right. Of such its sender is asked once for the full
 * form, and nobody is blamed. Of each member one form a kind waits for each of the next few heights, of proposals, which
 * are large, one; it is forgotten with its height.
 * Source: docs/PROTOCOL.md, "Compact forms".
 *
 * @module
 */
import type { Hash, Round, TxId } from "../../core/brands.ts";
import { equal } from "../../core/bytes.ts";
import type { Certificate } from "../../core/certificate.ts";
import type { Verdict } from "../../core/errors.ts";
import type { HashFunction } from "../../core/hashing.ts";
import { LIMITS } from "../../core/limits.ts";
import { leaderAt } from "../leader.ts";
import type { Message, Verified } from "../message.ts";
import type { State } from "../state.ts";
import type { SeenCommits } from "./compact_commits.ts";
import { expandCertificate, expandProposal, expandVote, type IdSearch, searchIds } from "./compact_expand.ts";
import { type CompactForm, type CompactProposal, prefixOf } from "./compact_form.ts";
import { blockNamed, hashesAt, isKnown } from "./compact_known.ts";

/** How long a form waits for what is surely on its way before its sender is asked. */
const FULL_AFTER_MS = 100;

/** What forms are expanded with. */
export interface InboxOptions {
  readonly state: () => State;
  /** A member's index in the federation in force, −1 for none; its number, where that never changes. */
  readonly indexOf?: (member: number) => number;
  /** Ids of the pool, the oldest first. */
  readonly poolIds: () => readonly TxId[];
  readonly commits: SeenCommits;
  readonly hash: HashFunction;
  readonly verify: (message: Message) => Verdict<Verified>;
  /** Milliseconds of a monotonic clock. */
  readonly monotonicMs: () => number;
}

/** A message of a member, verified. */
export interface Received {
  /** Its number. */
  readonly from: number;
  readonly message: Verified;
}

/** The forms. Whatever is given back is to be handed to the protocol in order, and then to `learn`. */
export interface CompactInbox {
  /** A form came over the link of a member. */
  readonly receive: (member: number, form: CompactForm) => readonly Received[];
  /** The protocol was given this message: whatever waited for its block. */
  readonly learn: (received: Received) => readonly Received[];
  /** These transactions came. */
  readonly onTransactions: (ids: readonly TxId[]) => readonly Received[];
  /** The protocol is at a new height. */
  readonly onAdvanced: () => readonly Received[];
  /** Members to be asked now for their votes at the current height in full; each form gives one question. */
  readonly ask: () => readonly number[];
  /** Milliseconds until somebody is to be asked; undefined when nobody is. */
  readonly askInMs: () => number | undefined;
}

interface Waiting {
  readonly form: CompactForm;
  sinceMs: number;
  /** Nothing that is on its way will help. */
  isHopeless: boolean;
  isAsked: boolean;
  search: IdSearch | null;
}

/** Starts with nothing waiting. */
export function makeCompactInbox(options: InboxOptions): CompactInbox {
  const { state, commits, hash, verify, monotonicMs, indexOf = (member: number) => member } = options;
  const waiting = new Map<number, Map<string, Waiting>>();
  /** Proposals that were searched for at this height: a leader that sends many costs no more than a few. */
  let searched = { height: 0, times: 0 };

  function keep(member: number, one: Waiting): void {
    const slots = waiting.get(member) ?? new Map<string, Waiting>();
    const before = slots.get(slotOf(one.form));
    // A correct member sends one: who sends more is not asked more often.
    if (before?.form.form.height === one.form.form.height) one.isAsked = before.isAsked;
    waiting.set(member, slots.set(slotOf(one.form), one));
  }

  function drop(member: number, slot: string): void {
    const slots = waiting.get(member);
    slots?.delete(slot);
    if (slots?.size === 0) waiting.delete(member);
  }

  /** What waits at the current height. */
  function* waitingNow(): Iterable<readonly [number, Waiting]> {
    const { height } = state();
    for (const [member, slots] of waiting) {
      if (indexOf(member) < 0) continue;
      for (const one of slots.values()) if (one.form.form.height === height) yield [member, one];
    }
  }

  function accepted(
    member: number,
    { message, one }: { message: Message; one: Waiting },
  ): Received | undefined {
    const verdict = verify(message);
    if (verdict.ok) return { from: member, message: verdict.value };
    one.isHopeless = true;
    return undefined;
  }

  function expand(member: number, one: Waiting): Received | undefined {
    if (indexOf(member) < 0) return undefined;
    const { kind, form } = one.form;
    if (kind === "proposal") return expandWhole(member, { one, form });
    const tried: Hash[] = [];
    for (const blockHash of hashesAt(state(), form.prefix)) {
      if (tried.some((before) => equal(before, blockHash))) continue;
      if (tried.push(blockHash) > LIMITS.compactCandidates) return undefined;
      const message = expandVote(form, { kind, sender: indexOf(member), blockHash });
      const received = accepted(member, { message, one });
      if (received !== undefined) return received;
    }
    return undefined;
  }

  function expandWhole(
    member: number,
    { one, form }: { one: Waiting; form: CompactProposal },
  ): Received | undefined {
    const { tip } = state();
    const parentCertificate = certificateOf(form);
    const ids = searchOf(one, form)?.found();
    if (ids === undefined) one.isHopeless = true;
    if (ids === undefined || parentCertificate === undefined) return undefined;
    const message = expandProposal(form, { tip, sender: indexOf(member), ids, parentCertificate, hash });
    return accepted(member, { message, one });
  }

  function searchOf(one: Waiting, form: CompactProposal): IdSearch | null {
    if (one.search !== null) return one.search;
    if (searched.height !== form.height) searched = { height: form.height, times: 0 };
    if (++searched.times > LIMITS.compactCandidates) return null;
    one.search = searchIds(hash, form);
    one.search.offer(options.poolIds().slice(0, LIMITS.compactSearch));
    return one.search;
  }

  function certificateOf({ parentCertificate }: CompactProposal): Certificate | null | undefined {
    const { tip } = state();
    if (parentCertificate === null) return null;
    const { round } = parentCertificate;
    const signatureOf = (member: number) => commits.signatureOf(member, { tip, round });
    return expandCertificate(parentCertificate, { tip, signatureOf });
  }

  /** Tries what waits again; what is received waits no more. */
  function retry(some: Iterable<readonly [number, Waiting]>): readonly Received[] {
    return [...some].flatMap(([member, one]) => {
      const received = expand(member, one);
      if (received === undefined) return [];
      drop(member, slotOf(one.form));
      return [received];
    });
  }

  function isProposal({ form }: Waiting): boolean {
    return form.kind === "proposal";
  }

  function receive(member: number, form: CompactForm): readonly Received[] {
    const { height, tip, outcome } = state();
    const { form: { height: at, signature } } = form;
    let helped: readonly Received[] = [];
    if (form.kind === "commit") {
      commits.note({ height: at, round: 0, sender: member, prefix: form.form.prefix, signature }, tip);
      if (at < height) {
        helped = retry([...waitingNow()].filter(([, one]) => isProposal(one) && !one.isHopeless));
      }
    }
    if (at < height || at > height + LIMITS.futureHeights) return helped;
    const one: Waiting = { form, sinceMs: monotonicMs(), isHopeless: false, isAsked: false, search: null };
    if (at > height) keep(member, one);
    else if (
      outcome?.handed !== true && !isKnown(state(), { member: indexOf(member), form }) && isDue(member, form)
    ) {
      const received = expand(member, one);
      if (received !== undefined) return [received];
      keep(member, one);
    }
    return helped;
  }

  /** Who is no member has no vote, and whose turn it is not needs no search of the pool. */
  function isDue(member: number, { kind }: CompactForm): boolean {
    const index = indexOf(member);
    return index >= 0 && (kind !== "proposal" || leaderAt(state().tip, 0 as Round) === index);
  }

  return {
    receive,
    learn: ({ from, message: { message } }) => {
      if (message.kind === "decided" || waiting.size === 0) return [];
      const { kind, height, sender, round } = message;
      if (sender === indexOf(from) && kind !== "round-change" && round === 0) {
        drop(from, kind === "pre-prepare" ? "proposal" : `${kind}/${height}`);
      }
      const named = blockNamed(message);
      if (named === null || height !== state().height) return [];
      const prefix = prefixOf(named);
      return [...waitingNow()].flatMap(([member, one]) => {
        if (one.form.kind === "proposal" || !equal(one.form.form.prefix, prefix)) return [];
        const { kind, form } = one.form;
        const vote = expandVote(form, { kind, sender: indexOf(member), blockHash: named });
        const received = accepted(member, { message: vote, one });
        if (received === undefined) return [];
        drop(member, slotOf(one.form));
        return [received];
      });
    },
    onTransactions: (ids) => {
      const searching = [...waitingNow()].filter(([, one]) =>
        one.search?.found() === undefined && isProposal(one)
      );
      for (const [, one] of searching) one.search?.offer(ids);
      return retry(searching);
    },
    onAdvanced: () => {
      const { height } = state();
      for (const [member, slots] of waiting) {
        for (const [slot, one] of slots) {
          const { form: { height: at } } = one.form;
          if (at < height || (at === height && !isDue(member, one.form))) drop(member, slot);
        }
      }
      const now = [...waitingNow()];
      for (const [, one] of now) one.sinceMs = monotonicMs();
      // Votes wait for the proposal: it comes first.
      return [
        ...retry(now.filter(([, one]) => isProposal(one))),
        ...retry(now.filter(([, one]) => !isProposal(one))),
      ];
    },
    ask: () => {
      const due = [...waitingNow()].filter(([, one]) => untilAsked(one) <= 0);
      for (const [, one] of due) one.isAsked = true;
      return [...new Set(due.map(([member]) => member))];
    },
    askInMs: () => {
      const left = [...waitingNow()].map(([, one]) => untilAsked(one)).filter((ms) => ms < Infinity);
      return left.length === 0 ? undefined : Math.max(0, Math.min(...left));
    },
  };

  function untilAsked({ isAsked, isHopeless, sinceMs }: Waiting): number {
    if (isAsked || state().outcome?.handed === true) return Infinity;
    return isHopeless ? 0 : sinceMs + FULL_AFTER_MS - monotonicMs();
  }
}

/** Where a form waits; a later one takes the place. */
function slotOf({ kind, form: { height } }: CompactForm): string {
  return kind === "proposal" ? kind : `${kind}/${height}`;
}
