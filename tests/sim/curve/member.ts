/**
 * One member of a measurement: the protocol and the compact forms as they ship, on a chain and a pool that find
 * everything valid at once. Time is virtual, and computing takes none of it.
 *
 * @module
 */
import type { TxId } from "../../../core/brands.ts";
import { type Bytes, toHex } from "../../../core/bytes.ts";
import { assert } from "../../../core/errors.ts";
import type { Tip } from "../../../core/ports.ts";
import { tipAfter } from "../../../core/tip.ts";
import type { Action, Event, TimerName } from "../../../consensus/events.ts";
import { makeSeenCommits } from "../../../consensus/driver/compact_commits.ts";
import { prefixOf } from "../../../consensus/driver/compact_form.ts";
import { makeCompactInbox, type Received } from "../../../consensus/driver/compact_inbox.ts";
import { makeCompactOutbox } from "../../../consensus/driver/compact_outbox.ts";
import { encodeFrame, type Frame } from "../../../consensus/driver/frames.ts";
import { start } from "../../../consensus/start.ts";
import { step } from "../../../consensus/step.ts";
import { verifyMessage } from "../../../consensus/verify.ts";
import { decodeMessage } from "../../../consensus/wire.ts";
import { nodeKey, QUICK_SIGNERS } from "../quick_crypto.ts";
import { makeBlock } from "./load.ts";

const { crypto, sign } = QUICK_SIGNERS;

/** What a member works with. */
export interface MemberOptions {
  readonly self: number;
  readonly tip: Tip;
  readonly idOf: (transaction: Bytes) => TxId;
  readonly nowMs: () => number;
  readonly after: (ms: number, run: () => void) => void;
  readonly send: (to: number | "all", frame: Bytes) => void;
  /** Bytes that the vote journal was given. */
  readonly onPersist: (bytes: number) => void;
  /** The member has stored a block. */
  readonly onStored: (height: number, decided: Decided) => void;
  /** A block that others have decided; where it is left out nobody may lag. */
  readonly fetch?: (height: number) => Decided | undefined;
}

/** A decided block. */
export type Decided = Pick<Extract<Action, { kind: "commit" }>, "proposal" | "certificate">;

/** A running member. */
export interface Member {
  readonly onFrame: (from: number, frame: Frame) => void;
  /** Takes transactions from a client. */
  readonly take: (ids: readonly TxId[]) => void;
  /** All others are there. */
  readonly meet: () => void;
}

/** Starts a member. */
export function makeMember(options: MemberOptions): Member {
  const { self, nowMs, after, send } = options;
  const { publicKey } = nodeKey(self);
  const tools = { crypto, publicKey, sign: (message: Bytes) => sign(nodeKey(self), message) };
  const pool = new Map<string, TxId>();
  const timers = new Map<TimerName, object>();
  const events: Event[] = [];
  let { tip } = options;
  let isRunning = false;
  let isAsking = false;
  /** Waits for transactions. */
  let judging: Extract<Action, { kind: "validate" }> | null = null;
  const stored = new Set<string>();
  const begun = start({ tools, tip, self, work: false, records: [] });
  let { state } = begun;
  const commits = makeSeenCommits();
  const outbox = makeCompactOutbox({
    send,
    broadcast: (frame) => send("all", frame),
    hash: crypto.hash,
    monotonicMs: nowMs,
  });
  const inbox = makeCompactInbox({
    state: () => state,
    poolIds: () => [...pool.values()],
    commits,
    hash: crypto.hash,
    verify: (message) => verifyMessage(message, { federation: tip.federation, crypto }),
    monotonicMs: nowMs,
  });

  function post(event: Event): void {
    events.push(event);
    if (isRunning) return;
    isRunning = true;
    for (let next = events.shift(); next !== undefined; next = events.shift()) {
      const transition = step(state, next);
      state = transition.state;
      for (const action of transition.actions) run(action);
    }
    isRunning = false;
  }

  function run(action: Action): void {
    const { height } = state;
    switch (action.kind) {
      case "persist":
        return options.onPersist(action.records.reduce((sum, { length }) => sum + length, 0));
      case "send": {
        const { message } = action;
        outbox.send(action.to, message);
        if (message.kind !== "commit") return;
        const { round, sender, blockHash, signature } = message;
        return commits.note({ height, round, sender, prefix: prefixOf(blockHash), signature }, tip);
      }
      case "build": {
        const proposal = makeBlock(tip, { ids: [...pool.values()], nowMs: nowMs() });
        return post({ kind: "built", height, round: action.round, proposal });
      }
      case "validate":
        judging = action;
        return judge();
      case "commit":
        return store(action);
      case "setTimer":
        return setTimer(action);
      case "clearTimer":
        return void timers.delete(action.timer);
      case "fetchDecided":
        return fetchDecided();
      case "sendDecided":
        return; // who lags fetches it
      default:
        return assert(false, `nothing goes wrong here, and yet: ${action.kind}`);
    }
  }

  function judge(): void {
    if (judging === null || !judging.proposal.ids.every((id) => pool.has(toHex(id)))) return;
    const { height, round, blockHash } = judging;
    judging = null;
    post({ kind: "validated", height, round, blockHash, verdict: "valid" });
  }

  function fetchDecided(): void {
    assert(options.fetch !== undefined, "a member lags");
    const decided = options.fetch(tip.parent.height + 1);
    if (decided !== undefined) store(decided);
  }

  function setTimer({ timer, height, round, ms }: Extract<Action, { kind: "setTimer" }>): void {
    const mark = {};
    timers.set(timer, mark);
    after(ms, () => {
      if (timers.get(timer) !== mark) return;
      timers.delete(timer);
      if (timer === "heartbeat") post({ kind: "heartbeat", height });
      else post({ kind: timer === "round" ? "timeout" : "resend", height, round });
    });
  }

  function store(decided: Decided): void {
    const { proposal, certificate } = decided;
    for (const name of proposal.ids.map(toHex)) {
      pool.delete(name);
      stored.add(name);
    }
    tip = tipAfter({ block: proposal, certificate }, { before: tip, change: null, crypto });
    const { height } = proposal.header;
    // As the driver does: the event waits for its turn, the others are told at once.
    events.push({ kind: "advanced", tip, self, work: pool.size > 0 });
    send("all", encodeFrame({ kind: "height", height }));
    options.onStored(height, decided);
    after(0, () => give(inbox.onAdvanced()));
  }

  function give(received: readonly Received[]): void {
    const queue = [...received];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      post({ kind: "message", ...next });
      queue.push(...inbox.learn(next));
    }
    ask();
  }

  function ask(): void {
    const { height } = state;
    for (const member of inbox.ask()) send(member, encodeFrame({ kind: "wantVotes", height }));
    const ms = inbox.askInMs();
    if (ms === undefined || isAsking) return;
    isAsking = true;
    after(ms, () => {
      isAsking = false;
      ask();
    });
  }

  function take(ids: readonly TxId[]): void {
    const hadWork = pool.size > 0;
    for (const id of ids) if (!stored.has(toHex(id))) pool.set(toHex(id), id);
    if (!hadWork && pool.size > 0) post({ kind: "work", available: true });
    judge();
  }

  function onFrame(from: number, frame: Frame): void {
    switch (frame.kind) {
      case "transactions": {
        const ids = frame.transactions.map(options.idOf);
        take(ids);
        return give(inbox.onTransactions(ids));
      }
      case "prepare":
      case "commit":
      case "proposal":
        return give(inbox.receive(from, frame));
      case "height":
        return post({ kind: "peerHeight", member: from, height: frame.height });
      case "wantVotes":
        return void outbox.answer(from, frame.height);
      case "message": {
        const decoded = decodeMessage(frame.bytes);
        assert(decoded.ok, "a member sends what cannot be decoded");
        const verdict = verifyMessage(decoded.value, { federation: tip.federation, crypto });
        assert(verdict.ok, "a member sends what does not verify");
        const received = { from, message: verdict.value };
        return give([received]);
      }
      default:
        return assert(false, `nobody asks for this: ${frame.kind}`);
    }
  }

  for (const action of begun.actions) run(action);
  return {
    onFrame,
    take,
    meet: () => {
      for (const [member] of tip.federation.document.members.entries()) {
        if (member !== self) post({ kind: "peerUp", member, height: tip.parent.height, highest: null });
      }
    },
  };
}
