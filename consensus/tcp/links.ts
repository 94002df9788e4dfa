/**
 * Which connection to each member is in use: one at most, and who hears of it.
 *
 * A connection comes with the number by which it was adopted (handshake.ts); the highest number wins, on both sides.
 * `up` and `down` come in pairs; a replaced connection's last frame is dealt with before the new one's `up`. Members
 * go by their numbers (core/roster.ts), which stay while the federation changes.
 *
 * @module
 */
import type { Bytes } from "../../core/bytes.ts";
import type { Roster } from "../../core/roster.ts";
import type { Connection, ConnectionEnd } from "./connection.ts";
import type { PeerLog } from "./log.ts";

/** Who hears of members. Nothing here may wait for the peers' own disposal. */
export interface PeerEvents {
  /** A connection with a member is in use; `hello` is what it said first. */
  readonly up: (member: number, hello: Bytes) => void;
  /** It is over; once for each `up`. */
  readonly down: (member: number, end: ConnectionEnd) => void;
  /** A frame from a member, in order; the member's next one comes when the promise resolves. */
  readonly frame: (member: number, payload: Bytes) => void | Promise<void>;
}

/** A connection that both sides have agreed on. */
export interface Adopted {
  readonly member: number;
  readonly hello: Bytes;
  readonly connection: Connection;
  /** Orders the connections of one pair. */
  readonly number: number;
}

/** What is kept for each member. */
interface Slot {
  /** The newest; `up` may still be called for it. */
  current: Adopted | null;
  /** The one for which `up` was called, and `down` not yet. */
  up: Adopted | null;
  /** Handshakes done, adoption still to come: reason enough not to dial. */
  pending: number;
  /** Resolves when all connections before `current` have been dealt with. */
  served: Promise<void>;
  /** Runs while a removed member's connection still carries what is on its way. */
  parting: ReturnType<typeof setTimeout> | undefined;
}

/** The connections in use. */
export interface Links {
  /** Whether there is a connection, adopted by a number above `since`. */
  readonly isConnectedSince: (member: number, since: number) => boolean;
  /** Whether there is a connection, or one accepted from the member that only waits to be adopted. */
  readonly isTaken: (member: number) => boolean;
  /** Marks that a handshake with `member` is past the proofs; disposing takes the mark away. */
  readonly pend: (member: number) => Disposable;
  /** Resolves when the member has no connection; at once when it has none now. */
  readonly free: (member: number) => Promise<void>;
  /** A number for a new connection, greater than all before. */
  readonly nextNumber: () => number;
  /** Puts a connection in use, or closes it when it is older than the one in use; false then. */
  readonly install: (adopted: Adopted) => boolean;
  /** Queues a frame; false, with a log entry when the queue is the reason, when it will not be sent. */
  readonly send: (member: number, payload: Uint8Array) => boolean;
  /** Members for which `up` was called and whose connection is open. */
  readonly connected: () => readonly number[];
  /** A removed member's connection ends after `afterMs`: what is queued on either side may still arrive. */
  readonly part: (member: number, afterMs: number) => void;
  /** A removed member is back: it is met anew, so that everybody hears of it. */
  readonly rejoin: (member: number) => void;
  /** Ends all connections; resolves when the last `down` has been called. */
  readonly close: () => Promise<void>;
}

const EXPECTED_ENDS: ReadonlySet<string> = new Set(["closed", "replaced", "stopped", "removed"]);

/** Nobody is connected yet. */
export function makeLinks(
  { roster, on, log, nowMs }: {
    roster: Pick<Roster, "member">;
    on: PeerEvents;
    log: PeerLog;
    nowMs: () => number;
  },
): Links {
  const slots = new Map<number, Slot>();
  const nameOf = (member: number): string => roster.member(member).name;
  const isConnected = (member: number): boolean => slotOf(member).current?.connection.open === true;
  let lastNumber = 0;
  let closed = false;

  function slotOf(member: number): Slot {
    const found = slots.get(member);
    if (found !== undefined) return found;
    const slot = { current: null, up: null, pending: 0, served: Promise.resolve(), parting: undefined };
    slots.set(member, slot);
    return slot;
  }

  function end(member: number): void {
    slotOf(member).current?.connection.close({ code: "removed", detail: "it is no member any more" });
  }

  const serve = async (slot: Slot, adopted: Adopted): Promise<void> => {
    const { member, hello, connection } = adopted;
    if (!connection.open) {
      // Replaced or cut while the one before it was still busy: nobody has heard of it.
      await connection.run(() => {});
      return;
    }
    slot.up = adopted;
    log({ level: "info", code: "up", member, detail: `connected with member ${nameOf(member)}` });
    on.up(member, hello);
    const end = await connection.run((payload) => on.frame(member, payload));
    slot.up = null;
    const level = EXPECTED_ENDS.has(end.code) ? "info" : "warning";
    log({
      level,
      code: end.code,
      member,
      detail: `connection with member ${nameOf(member)} is over: ${end.detail}`,
    });
    on.down(member, end);
  };

  return {
    isConnectedSince: (member, since) => isConnected(member) && (slotOf(member).current?.number ?? 0) > since,
    isTaken: (member) => isConnected(member) || slotOf(member).pending > 0,
    pend: (member) => {
      const slot = slotOf(member);
      slot.pending++;
      return { [Symbol.dispose]: () => void slot.pending-- };
    },
    free: async (member) => {
      while (isConnected(member)) await slotOf(member).current?.connection.ended;
    },
    nextNumber: () => lastNumber = Math.max(lastNumber + 1, nowMs()),
    install: (adopted) => {
      const slot = slotOf(adopted.member);
      const { current } = slot;
      if (closed) {
        adopted.connection[Symbol.dispose]();
        return false;
      }
      if (current?.connection.open === true && current.number >= adopted.number) {
        adopted.connection.close({ code: "handshake-superseded", detail: "a newer one is in use" });
        return false;
      }
      current?.connection.close({ code: "replaced", detail: "a newer connection took its place" });
      slot.current = adopted;
      slot.served = slot.served.then(() => serve(slot, adopted));
      return true;
    },
    send: (member, payload) => {
      const result = slotOf(member).up?.connection.send(payload) ?? "closed";
      if (result === "queued") return true;
      if (result !== "closed") {
        const why = result === "queue-full" ? "its queue is full" : "it is too large";
        const detail = `a frame of ${payload.length} bytes to member ${nameOf(member)} was not sent: ${why}`;
        log({ level: "warning", code: result, member, detail });
      }
      return false;
    },
    connected: () =>
      [...slots].filter(([, { up }]) => up?.connection.open === true).map(([member]) => member),
    part: (member, afterMs) => {
      const slot = slotOf(member);
      if (!closed) slot.parting = setTimeout(() => end(member), afterMs);
    },
    rejoin: (member) => {
      const slot = slotOf(member);
      if (slot.parting === undefined) return;
      clearTimeout(slot.parting);
      slot.parting = undefined;
      end(member);
    },
    close: async () => {
      closed = true;
      for (const { current, parting } of slots.values()) {
        clearTimeout(parting);
        current?.connection[Symbol.dispose]();
      }
      await Promise.all([...slots.values()].map((slot) => slot.served));
    },
  };
}
