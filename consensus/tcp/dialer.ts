/**
 * Dials one member for as long as there is no connection with it: exponential backoff with jitter, so that members
 * that start together do not dial together for ever. A new member is refused by those whose chain does not name it yet:
 * that counts as a failure like any other.
 *
 * @module
 */
import { type Address, formatAddress } from "./address.ts";
import type { PeerLogEntry } from "./log.ts";
import { meet, type Meeting } from "./meet.ts";
import { makeFrameSocket } from "./socket.ts";

/** A member to be dialed. */
export interface Target {
  readonly member: number;
  /** Asked before each attempt; `undefined` when the document names one that cannot be read. */
  readonly address: () => Address | undefined;
  /** Aborted when the member is to be dialed no more. */
  readonly stopping: AbortSignal;
}

/** Keeps dialing until `target.stopping`; resolves then. */
export async function keepDialing(target: Target, meeting: Meeting): Promise<void> {
  const { links, timing } = meeting;
  const { stopping } = target;
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
async function dial(target: Target, meeting: Meeting): Promise<PeerLogEntry | undefined> {
  const { member } = target;
  const { name, peerAddress } = meeting.handshake.circle.member(member);
  const address = target.address();
  if (address === undefined) {
    const detail = `cannot connect to member ${name}: its address ${peerAddress} cannot be read`;
    return { level: "warning", code: "unreachable", member, detail };
  }
  const to = `member ${name} at ${formatAddress(address)}`;
  const conn = await connect(address, { ...meeting, stopping: target.stopping });
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
  { timing, stopping }: Pick<Meeting, "timing" | "stopping">,
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
