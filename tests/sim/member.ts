/**
 * A member's process: the driver in miniature around the real protocol. One queue of events, actions in list order,
 * `persist` and `commit` awaited; what takes long comes back as an event.
 */
import assert from "node:assert/strict";
import type { Action, Event } from "../../consensus/events.ts";
import type { State } from "../../consensus/state.ts";
import { toHex } from "../../core/bytes.ts";
import { LIMITS } from "../../core/limits.ts";
import { type MemberChain, openMemberChain } from "./member_chain.ts";
import { makeFollowing } from "./following.ts";
import { makeMemberPool } from "./member_pool.ts";
import { makeTraffic } from "./member_traffic.ts";
import { aboutMember, type Making, type Member, type Surroundings } from "./surroundings.ts";
import { makeSyncing } from "./syncing.ts";
import { runTask, type Task } from "./tasks.ts";

/** What has waited in the pool for so long is offered to the others, as in the driver. */
const OFFER_MS = 3_000;

const TIMER_EVENTS = { round: "timeout", resend: "resend" } as const;

/** Starts a process on what its disk holds. */
export function openMember(around: Surroundings): Member {
  const { protocol, rules, ledger, disk, network, watcher, key, crypto } = around;
  const queue: { readonly make: Making; readonly done?: () => void }[] = [];
  const timers = new Map<string, object>();
  let running = false;
  let isPumping = false;
  let told = false;
  let state: State;

  const content = disk.openStore();
  const pool = makeMemberPool({
    protocol,
    rules,
    disk,
    parameters: ledger.genesis.federation.document.parameters,
    nowMs: around.wallMs,
    chain: {
      isUsed: (each) => chain.isUsed(each),
      latestVid: (each) => chain.latestVid(each),
      tip: () => chain.tip(),
      judgeChange: (change) => chain.judgeChange(change),
    },
    count: watcher.count,
    onChange: () => {
      const before = told;
      if (tellable() !== before) post(() => ({ kind: "work", available: told }));
      offerLater();
    },
    onAcknowledged: watcher.onAcknowledged,
  });
  const chain: MemberChain = openMemberChain({
    around,
    content,
    pool: () => pool,
    state: () => state,
    events: {
      onBuilt: ({ height, round }, proposal) => post(() => ({ kind: "built", height, round, proposal })),
      onValidated: ({ height, round, blockHash }, verdict) =>
        post(() => ({ kind: "validated", height, round, blockHash, verdict })),
      onAppended: ({ proposal: { header: { height } } }) => {
        const tip = chain.tip();
        const work = tellable();
        post(() => ({ kind: "advanced", tip, self: around.indexOf(tip.federation, around.node), work }));
        network.broadcast({ kind: "height", height });
      },
    },
  });
  pool.load(content.pool);
  const syncing = makeSyncing({
    protocol,
    height: () => chain.tip().parent.height,
    nowMs: around.nowMs,
    after: around.after,
    ask: (node, range) => network.send(node, { kind: "getBlocks", ...range }),
    append: chain.append,
    onCaughtUp: () => watcher.count("caught up by blocks"),
  });
  const traffic = makeTraffic({ around, chain, pool, syncing, post, state: () => state });
  const following = makeFollowing({
    around,
    isWanted: () => state.self < 0 || linked() < state.tip.federation.quorum - 1,
    height: () => chain.tip().parent.height,
    append: chain.append,
  });

  function linked(): number {
    return [...state.peers.links.values()].filter((isUp) => isUp).length;
  }

  /** Whether there is work, as the protocol is about to be told. */
  function tellable(): boolean {
    return told = pool.available();
  }

  let offered = new Set<string>();
  let isOffering = false;

  function offerLater(): void {
    if (isOffering || pool.ids().length === 0) return;
    isOffering = true;
    around.after(OFFER_MS, () => {
      isOffering = false;
      const ids = pool.ids().slice(0, LIMITS.frameTransactions);
      const waiting = ids.filter((id) => offered.has(toHex(id)));
      offered = new Set(ids.map(toHex));
      if (waiting.length > 0) network.broadcast({ kind: "pool", ids: waiting });
      offerLater();
    });
  }

  function post(make: Making, done?: () => void): void {
    queue.push(done === undefined ? { make } : { make, done });
    pump();
  }

  /** One event after the other, until none is left or an action is awaited; never within itself. */
  function pump(): void {
    if (isPumping) return;
    isPumping = true;
    while (!running) {
      const next = queue.shift();
      if (next === undefined) break;
      running = true;
      const event = next.make((node) => around.indexOf(state.tip.federation, node));
      runActions(event === null ? [] : stepped(event), () => {
        running = false;
        next.done?.();
        pump();
      });
    }
    isPumping = false;
  }

  /** Where the process ends on the way, `done` is never called. */
  function runActions(actions: readonly Action[], done: () => void): void {
    if (actions.some(({ kind }) => kind === "persist" || kind === "commit")) {
      return runTask(runAll(actions), done);
    }
    for (const [i, action] of actions.entries()) {
      if (!watcher.beforeAction(action, actions[i - 1])) return;
      runNow(action);
    }
    done();
  }

  function stepped(event: Event): readonly Action[] {
    const before = state;
    const { state: after, actions } = protocol.step(before, event);
    state = after;
    watcher.onStep({ before, event, after });
    if (event.kind === "advanced" || event.kind === "peerDown") following.consider();
    return actions;
  }

  function* runAll(actions: readonly Action[]): Task {
    for (const [i, action] of actions.entries()) {
      // The process has ended: this task never goes on.
      if (!watcher.beforeAction(action, actions[i - 1])) yield () => {};
      if (action.kind === "persist") yield* persist(action);
      else if (action.kind === "commit") yield* chain.commit(action);
      else runNow(action);
    }
  }

  function* persist({ height, records }: Extract<Action, { kind: "persist" }>): Task {
    const writing = disk.append(height, records);
    if (rules.persistBeforeSend) yield* writing;
    else runTask(writing);
  }

  function runNow(action: Action): void {
    switch (action.kind) {
      case "persist":
      case "commit":
        assert.fail(`${action.kind} is to be awaited`);
        break;
      case "send":
        return send(action);
      case "setTimer":
        return setTimer(action);
      case "clearTimer":
        return void timers.delete(action.timer);
      case "build":
        return chain.build(action);
      case "validate":
        return chain.validate(action);
      case "adopt":
        watcher.count("decided block taken from a peer");
        return runTask(chain.append(action.block));
      case "fetchDecided": {
        const { heights } = state.peers;
        for (const member of action.from) {
          const claimed = heights.get(member) ?? action.height;
          const height = claimed < action.height ? action.height : claimed;
          syncing.onClaim(around.nodeAt(state.tip.federation, member), height);
        }
        return;
      }
      case "sendDecided":
        return traffic.sendDecided(around.nodeAt(state.tip.federation, action.to), action.height);
      case "evidence":
        return watcher.onEvidence(action.evidence);
    }
  }

  function send({ to, message }: Extract<Action, { kind: "send" }>): void {
    watcher.onSend(message, state);
    if (to === "all") network.broadcast({ kind: "message", message });
    else network.send(around.nodeAt(state.tip.federation, to), { kind: "message", message });
  }

  function setTimer({ timer, height, round, ms }: Extract<Action, { kind: "setTimer" }>): void {
    const token = {};
    timers.set(timer, token);
    around.after(ms, () => {
      const isCleared = timers.get(timer) !== token;
      // One that was cleared may have expired just before, and wait to be heard.
      if (isCleared && !around.random.chance(0.05)) return;
      if (!isCleared) timers.delete(timer);
      const event: Event = timer === "heartbeat"
        ? { kind: "heartbeat", height }
        : { kind: TIMER_EVENTS[timer], height, round };
      post(() => event);
    });
  }

  const tip = chain.tip();
  const started = protocol.start({
    tools: { crypto, publicKey: key.publicKey, sign: key.sign },
    tip,
    self: around.indexOf(tip.federation, around.node),
    work: tellable(),
    records: rules.reloadJournal ? disk.readJournal() : [],
  });
  state = started.state;
  watcher.onStart({ state, content });
  offerLater();
  following.consider();
  running = true;
  runActions(started.actions, () => {
    running = false;
    pump();
  });

  return {
    state: () => state,
    tip: chain.tip,
    pool,
    hello: (peer) => {
      const index = around.indexOf(state.tip.federation, peer);
      return {
        height: chain.tip().parent.height,
        shown: index < 0 ? null : protocol.highestVoteOf(state, index),
      };
    },
    onUp: (peer, hello) => {
      watcher.onHello(peer, hello);
      const highest = rules.hearShownVotes ? hello.shown : null;
      const { height } = hello;
      post((indexOf) =>
        aboutMember(indexOf(peer), (member) => ({ kind: "peerUp", member, height, highest }))
      );
      const ids = pool.ids();
      if (ids.length > 0) network.send(peer, { kind: "pool", ids });
    },
    onDown: (peer) => {
      traffic.onDown(peer);
      syncing.onDown(peer);
      post((indexOf) => aboutMember(indexOf(peer), (member) => ({ kind: "peerDown", member })));
    },
    onFrame: traffic.onFrame,
    blocks: traffic.blocks,
    submit: (transactions) =>
      runTask(pool.add(transactions), (taken) => {
        if (taken.length > 0) network.broadcast({ kind: "transactions", transactions: taken });
      }),
    backlog: () => {
      const { early, claims } = syncing.plan();
      return { events: queue.length, blocks: early.size, claims: claims.size };
    },
  };
}
