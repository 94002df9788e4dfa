/**
 * From a fresh TCP connection to one in use: handshake, adoption, installation, within {@link LIMITS.handshakeMs}.
 * The dialer and the listener share it. A connection that is refused is closed without a word.
 *
 * @module
 */
import { refuse, type Verdict } from "../../core/errors.ts";
import { Connection } from "./connection.ts";
import {
  authenticate,
  decides,
  type HandshakeContext,
  readAdoption,
  sendAdoption,
  type Side,
} from "./handshake.ts";
import type { Links } from "./links.ts";
import type { PeerLog } from "./log.ts";
import type { Session } from "./session.ts";
import type { FrameSocket } from "./socket.ts";

/** Times in milliseconds; the limits of core/limits.ts unless a test wants shorter ones. */
export interface PeerTiming {
  readonly handshakeMs: number;
  readonly pingMs: number;
  readonly idleMs: number;
  readonly partingMs: number;
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
}

/** Which side we are; a listener's marks are made here. */
export type MeetingSide = Extract<Side, { role: "dialer" }> | { readonly role: "listener" };

/** What the dialer and the listener share. */
export interface Meeting {
  readonly handshake: HandshakeContext;
  readonly links: Links;
  readonly log: PeerLog;
  readonly timing: PeerTiming;
  /** Aborted when everything ends. */
  readonly stopping: AbortSignal;
}

/** Makes the peer's acquaintance; gives its number once the connection is in use. */
export async function meet(
  socket: FrameSocket,
  { meeting, side }: { meeting: Meeting; side: MeetingSide },
): Promise<Verdict<number>> {
  const { stopping, timing } = meeting;
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    socket.close();
  }, timing.handshakeMs);
  stopping.addEventListener("abort", socket.close);
  if (stopping.aborted) socket.close();
  try {
    const verdict = await shakeHands(socket, { meeting, side });
    if (!verdict.ok) socket.close();
    if (!isLate || verdict.ok) return verdict;
    return refuse("timeout", `the handshake took longer than ${timing.handshakeMs} ms`);
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener("abort", socket.close);
  }
}

async function shakeHands(
  socket: FrameSocket,
  { meeting, side }: { meeting: Meeting; side: MeetingSide },
): Promise<Verdict<number>> {
  const { handshake, links, timing } = meeting;
  const startNumber = links.nextNumber();
  using pending = new DisposableStack();
  const peer = await authenticate(socket, {
    context: handshake,
    side: side.role === "dialer"
      ? side
      : { role: "listener", proved: (member) => void pending.use(links.pend(member)) },
  });
  if (!peer.ok) return peer;
  const { member, hello, session } = peer.value;
  const number = await agreeOnNumber(socket, { meeting, member, session, startNumber });
  if (!number.ok) return number;
  // It may have been removed while it introduced itself.
  if (!handshake.circle.has(member)) return refuse("handshake-member", "the peer is no member any more");
  const connection = new Connection(socket, { session, pingMs: timing.pingMs, idleMs: timing.idleMs });
  return links.install({ member, hello, connection, number: number.value })
    ? { ok: true, value: member }
    : refuse("handshake-superseded", "a newer connection with the member is in use");
}

async function agreeOnNumber(
  socket: FrameSocket,
  { meeting: { handshake, links }, member, session, startNumber }: {
    meeting: Meeting;
    member: number;
    session: Session;
    startNumber: number;
  },
): Promise<Verdict<number>> {
  const { circle, self } = handshake;
  if (!decides(self.publicKey, circle.member(member).key)) return await readAdoption(socket, session);
  // Both have dialed at once. One that was adopted since this one began is as fresh: both keep that.
  if (links.isConnectedSince(member, startNumber)) {
    return refuse("handshake-superseded", "the member has been met meanwhile");
  }
  const number = links.nextNumber();
  const sent = await sendAdoption(socket, { session, number });
  return sent
    ? { ok: true, value: number }
    : refuse("handshake-closed", "the peer closed before it was adopted");
}
