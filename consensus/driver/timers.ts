/**
 * The protocol's three timers on the platform's clock: one of each kind at a time.
 *
 * @module
 */
import type { Action, Event, TimerName } from "../events.ts";

/** Sets a timer. */
export type SetTimer = Extract<Action, { kind: "setTimer" }>;

/** Running timers; disposing stops them all. */
export interface Timers extends Disposable {
  readonly set: (action: SetTimer) => void;
  readonly clear: (timer: TimerName) => void;
}

/** The platform fires a timer beyond this at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

const EVENTS = { round: "timeout", resend: "resend", heartbeat: "heartbeat" } as const;

/** Each timer posts its event with the height and round it was set for, so that a late one is known as stale. */
export function openTimers(post: (event: Event) => void): Timers {
  const running = new Map<TimerName, ReturnType<typeof setTimeout>>();

  function clear(timer: TimerName): void {
    clearTimeout(running.get(timer));
    running.delete(timer);
  }

  return {
    clear,
    set: ({ timer, height, round, ms }) => {
      clear(timer);
      running.set(
        timer,
        setTimeout(() => {
          running.delete(timer);
          post(
            timer === "heartbeat" ? { kind: "heartbeat", height } : { kind: EVENTS[timer], height, round },
          );
        }, Math.min(ms, TIMER_MAX_MS)),
      );
    },
    [Symbol.dispose]: () => {
      for (const timer of [...running.keys()]) clear(timer);
    },
  };
}
