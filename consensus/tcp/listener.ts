/**
 * Accepts connections on the members' port. Whoever has not proved to be a member waits in a room of bounded size
 * (waiting_room.ts) and is told nothing.
 *
 * @module
 */
import { EXIT, VnfchainError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { type Address, formatAddress } from "./address.ts";
import { meet, type Meeting } from "./meet.ts";
import { makeFrameSocket } from "./socket.ts";
import { makeWaitingRoom, type WaitingRoom } from "./waiting_room.ts";

/** Pause after an accept that failed, as when file descriptors ran out: trying again at once would only spin. */
const ACCEPT_PAUSE_MS = 100;

const { NotConnected, ConnectionAborted, ConnectionReset } = Deno.errors;
const GONE = [NotConnected, ConnectionAborted, ConnectionReset] as const;

/**
 * Begins to listen.
 *
 * @throws VnfchainError `listen` when the address cannot be had.
 */
export function listenOn({ host, port }: Address): Deno.TcpListener {
  try {
    return Deno.listen({ hostname: host, port });
  } catch (cause) {
    throw new VnfchainError(`listening for members: ${formatAddress({ host, port })} cannot be had`, {
      code: "listen",
      hint: "is another node running, or the address not this machine's? See --listen",
      exitCode: EXIT.usage,
      cause,
    });
  }
}

/** Accepts until the listener is closed, which stopping does; resolves when the last handshake is over. */
export async function keepAccepting(listener: Deno.TcpListener, meeting: Meeting): Promise<void> {
  const { log, stopping } = meeting;
  const room = makeWaitingRoom(LIMITS.handshakesAtOnce, () => {
    log({
      level: "warning",
      code: "turned-out",
      member: null,
      detail: "too many unfinished handshakes: closed one",
    });
  });
  const visits = new Set<Promise<void>>();
  while (!stopping.aborted) {
    const conn = await accept(listener, meeting);
    if (conn === undefined) continue;
    const visit: Promise<void> = receive(conn, { meeting, room }).finally(() => visits.delete(visit));
    visits.add(visit);
  }
  await Promise.all(visits);
}

async function accept(
  listener: Deno.TcpListener,
  { log, stopping }: Meeting,
): Promise<Deno.TcpConn | undefined> {
  try {
    return await listener.accept();
  } catch (error) {
    // Gone before we took it: the next one may not have to wait for that, or strangers would keep members out.
    if (stopping.aborted || GONE.some((gone) => error instanceof gone)) return undefined;
    const detail = `accepting a connection failed: ${error instanceof Error ? error.message : "unknown"}`;
    log({ level: "warning", code: "accept", member: null, detail });
    await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
    return undefined;
  }
}

async function receive(
  conn: Deno.TcpConn,
  { meeting, room }: { meeting: Meeting; room: WaitingRoom },
): Promise<void> {
  const socket = makeFrameSocket(conn);
  using _place = room.enter(socket);
  const verdict = await meet(socket, { meeting, side: { role: "listener" } });
  if (verdict.ok || meeting.stopping.aborted) return;
  const detail = `refused a connection from ${socket.remoteHost}: ${verdict.detail}`;
  meeting.log({ level: "info", code: verdict.code, member: null, detail });
}
