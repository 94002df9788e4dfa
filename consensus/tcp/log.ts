/**
 * What the members' connections tell the log, and how strangers are kept from filling it.
 *
 * @module
 */
import type { ConnectionEnd } from "./connection.ts";

/** One thing that happened. */
export interface PeerLogEntry {
  readonly level: "info" | "warning";
  /** Stable, for scripts and metrics: how a connection ended or why it was refused, or what happened. */
  readonly code:
    | ConnectionEnd["code"]
    | "up"
    | "listening"
    | "unreachable"
    | "queue-full"
    | "turned-out"
    | "accept";
  /** Its number; null when the other side has not proved to be a member. */
  readonly member: number | null;
  /** For people. Holds no secret and no text that a stranger chose. */
  readonly detail: string;
}

/** Takes entries; never throws. */
export type PeerLog = (entry: PeerLogEntry) => void;

const INTERVAL_MS = 1000;

/** Lets through one entry a second for each code and member; the next one says how many were left out. */
export function limitLog(log: PeerLog, nowMs: () => number): PeerLog {
  const seen = new Map<string, { sinceMs: number; leftOut: number }>();
  return (entry) => {
    const key = `${entry.code} ${entry.member}`; // codes and members are few: so is what is kept
    const last = seen.get(key);
    const now = nowMs();
    if (last !== undefined && now >= last.sinceMs && now < last.sinceMs + INTERVAL_MS) {
      last.leftOut++;
      return;
    }
    seen.set(key, { sinceMs: now, leftOut: 0 });
    const leftOut = last?.leftOut ?? 0;
    log(leftOut === 0 ? entry : { ...entry, detail: `${entry.detail} (and ${leftOut} more like this)` });
  };
}
