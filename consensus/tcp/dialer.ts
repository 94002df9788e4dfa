/**
 * Dials one member for as long as there is no connection with it: exponential backoff with jitter, so that members
 * that start together do not dial together for ever.
 *
 * @module
 */
import { memberAt } from "../../core/federation.ts";
import { type Address, formatAddress } from "./address.ts";
import type { PeerLogEntry } from "./log.ts";
import { meet, type Meeting } from "./meet.ts";
import { makeFrameSocket } from "./socket.ts";

/** A member to be dialed. */
export interface Target {
  readonly member: number;
  /** Asked before each attempt. */
  readonly address: () => Address;
}

/** Keeps dialing until `meeting.stopping`; resolves then. */
export async function keepDialing(target: Target, meeting: Meeting): Promise<void> {
  const { links, stopping, timing } = meeting;
  let failures = 0;
  let lastCode: string | undefined;
  while (!stopping.aborted) {
    const startMs = performance.now();
    const failure = links.isTaken(target.member) ? undefined : await dial(target, meeting);
    // A member that stays away is one line in the log, not one each attempt.
    if (failure !== undefined && failure.code !== lastCode && !stopping.aborted) meeting.log(failure);
    lastCode = failure?.code;
    await links.free(target.member);
    // A connection that breaks at once counts as a failure too: no storm of handshakes.
    failures = performance.now() - startMs > timing.backoffMaxMs ? 0 : failures + 1;
    await pause(backoffMs(failures, meeting), stopping);
  }
}

/** One attempt; what went wrong, or nothing. */
async function dial({ member, address }: Target, meeting: Meeting): Promise<PeerLogEntry | undefined> {
  const target = address();
  const to = `member ${memberAt(meeting.handshake.federation, member).name} at ${formatAddress(target)}`;
  const conn = await connect(target, meeting);
  if (conn === undefined) {
    return { level: "info", code: "unreachable", member, detail: `cannot connect to ${to}; trying again` };
  }
  const stillWanted = () => !meeting.links.isTaken(member);
  const verdict = await meet(makeFrameSocket(conn), {
    meeting,
    side: { role: "dialer", expected: member, stillWanted },
  });
  if (verdict.ok) return undefined;
  const isOrdinary = verdict.code === "handshake-superseded" || verdict.code === "handshake-closed";
  const detail = `no connection with ${to}: ${verdict.detail}`;
  return { level: isOrdinary ? "info" : "warning", code: verdict.code, member, detail };
}

/** A TCP connection within the handshake's time; `undefined` when there is none. */
async function connect(
  { host, port }: Address,
  { timing, stopping }: Meeting,
): Promise<Deno.TcpConn | undefined> {
  const giveUp = new AbortController();
  const abort = () => giveUp.abort();
  const timer = setTimeout(abort, timing.handshakeMs);
  stopping.addEventListener("abort", abort);
  try {
    return await Deno.connect({ hostname: host, port, signal: giveUp.signal });
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener("abort", abort);
  }
}

function backoffMs(failures: number, { timing, handshake: { random } }: Meeting): number {
  const ceilingMs = Math.min(timing.backoffMaxMs, timing.backoffMs * 2 ** Math.min(failures, 30));
  const [chance = 0] = random(1);
  return ceilingMs * (0.5 + chance / 512);
}

/** Waits, or less when `stopping`. */
async function pause(ms: number, stopping: AbortSignal): Promise<void> {
  if (stopping.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = () => resolve();
  const timer = setTimeout(wake, ms);
  stopping.addEventListener("abort", wake);
  await promise;
  clearTimeout(timer);
  stopping.removeEventListener("abort", wake);
}
