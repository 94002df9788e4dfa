/**
 * What the members' connections tell the log, and how strangers are kept from filling it.
 *
 * @module
 */
import { makeEntryRate } from "../../core/entry_rate.ts";
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

/** Lets through one entry a second for each code and member; the next one says how many were left out. */
export function limitLog(log: PeerLog, nowMs: () => number): PeerLog {
  const rate = makeEntryRate(nowMs);
  return (entry) => {
    const leftOut = rate(`${entry.code} ${entry.member}`); // codes and members are few
    if (leftOut === null) return;
    log(leftOut === 0 ? entry : { ...entry, detail: `${entry.detail} (and ${leftOut} more like this)` });
  };
}
