/**
 * Drives the protocol: one queue of events, one consumer, actions run in list order.
 *
 * `persist` and `commit` are awaited before the next action, so nothing is sent before it is durable. What takes
 * long (fetching bodies, judging a block) is only started; its outcome comes back as an event. If the process dies
 * after `persist` and before `send`, the journal holds the vote and it is sent again, byte for byte, after the start.
 *
 * @module
 */
import { unreachable } from "../../core/errors.ts";
import type { Action, Event } from "../events.ts";
import type { Message } from "../message.ts";
import type { State } from "../state.ts";
import { step } from "../step.ts";
import { openTimers } from "./timers.ts";

/** Where votes are made durable. */
export interface JournalPort {
  /** Appends and syncs; what was appended for lower heights may be dropped. */
  readonly append: (
    height: number,
    records: Extract<Action, { kind: "persist" }>["records"],
  ) => Promise<void>;
}

/** What the driver's actions need. Those that are not awaited must not throw. */
export interface DriverPorts {
  readonly journal: JournalPort;
  readonly send: (to: number | "all", message: Message) => void;
  readonly build: (action: Extract<Action, { kind: "build" }>) => void;
  readonly validate: (action: Extract<Action, { kind: "validate" }>) => void;
  readonly commit: (action: Extract<Action, { kind: "commit" }>) => Promise<void>;
  readonly adopt: (action: Extract<Action, { kind: "adopt" }>) => void;
  readonly fetchDecided: (action: Extract<Action, { kind: "fetchDecided" }>) => void;
  readonly sendDecided: (action: Extract<Action, { kind: "sendDecided" }>) => void;
  readonly evidence: (action: Extract<Action, { kind: "evidence" }>) => void;
  /** A bug or a failed disk: no vote may follow; the process must end. */
  readonly fatal: (error: unknown) => void;
}

/** Makes an event when its turn comes, from the state of that moment; null for none. */
export type MakeEvent = (state: State) => Event | null;

/** A running protocol. Disposing stops it and waits for the action under way. */
export interface Driver extends AsyncDisposable {
  /** Queues an event; resolves once its actions were run. After a stop it resolves without running anything. */
  readonly post: (event: Event | MakeEvent) => Promise<void>;
  /** Runs no further action: no vote leaves any more. */
  readonly stop: () => void;
  readonly state: () => State;
}

interface Queued {
  readonly event: Event | MakeEvent;
  readonly done: () => void;
}

/** Starts with the state restored from journal and chain, and the actions that restoring gave. */
export function openDriver(
  restored: { readonly state: State; readonly actions: readonly Action[] },
  ports: DriverPorts,
): Driver {
  let state = restored.state;
  let stopped = false;
  let running = false;
  let consuming: Promise<void> = Promise.resolve();
  // Bounded by who posts: each member waits for its event, each timer is one, and a task posts its outcome.
  const queue: Queued[] = [];
  const timers = openTimers((event) => void post(event));

  function post(event: Event | MakeEvent): Promise<void> {
    if (stopped) return Promise.resolve();
    return new Promise((resolve) => {
      queue.push({ event, done: resolve });
      if (!running) consuming = consume();
    });
  }

  async function consume(first: readonly Action[] = []): Promise<void> {
    running = true;
    try {
      await runAll(first);
      for (let next = queue.shift(); next !== undefined && !stopped; next = queue.shift()) {
        try {
          const event = typeof next.event === "function" ? next.event(state) : next.event;
          if (event === null) continue;
          const transition = step(state, event);
          state = transition.state;
          await runAll(transition.actions);
        } finally {
          next.done();
        }
      }
    } catch (error) {
      stop();
      ports.fatal(error);
    } finally {
      running = false;
    }
  }

  async function runAll(actions: readonly Action[]): Promise<void> {
    for (const action of actions) {
      if (stopped) return;
      await run(action);
    }
  }

  async function run(action: Action): Promise<void> {
    switch (action.kind) {
      case "persist":
        return await ports.journal.append(action.height, action.records);
      case "commit":
        return await ports.commit(action);
      case "send":
        return ports.send(action.to, action.message);
      case "setTimer":
        return timers.set(action);
      case "clearTimer":
        return timers.clear(action.timer);
      case "build":
        return ports.build(action);
      case "validate":
        return ports.validate(action);
      case "adopt":
        return ports.adopt(action);
      case "fetchDecided":
        return ports.fetchDecided(action);
      case "sendDecided":
        return ports.sendDecided(action);
      case "evidence":
        return ports.evidence(action);
      default:
        return unreachable(action);
    }
  }

  function stop(): void {
    stopped = true;
    timers[Symbol.dispose]();
    for (const { done } of queue.splice(0)) done();
  }

  consuming = consume(restored.actions);
  return {
    post,
    stop,
    state: () => state,
    [Symbol.asyncDispose]: async () => {
      stop();
      await consuming;
    },
  };
}
