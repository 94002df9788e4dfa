/**
 * The members' network: listens, dials every other member, keeps one authenticated connection with each, and carries
 * frames whose content it does not know.
 *
 * Strangers are closed without a word. What a member sends arrives in order, one frame at a time; what is accepted for
 * sending arrives as long as the connection lives, and never twice. Nothing is sent again on a new connection: the
 * protocol above does that.
 *
 * @module
 */
import type { Bytes } from "../../core/bytes.ts";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import type { Member } from "../../core/federation.ts";
import { LIMITS } from "../../core/limits.ts";
import { randomBytes } from "../../core/platform/crypto.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import type { Roster } from "../../core/roster.ts";
import { type Address, formatAddress, parseAddress } from "./address.ts";
import { isMet, makeCircle, type Terms } from "./circle.ts";
import { keepDialing, type Target } from "./dialer.ts";
import type { Identity } from "./handshake.ts";
import { makeLinks, type PeerEvents } from "./links.ts";
import { keepAccepting, listenOn } from "./listener.ts";
import { limitLog, type PeerLog } from "./log.ts";
import type { Meeting, PeerTiming } from "./meet.ts";

/** What the network needs to begin. */
export interface PeersOptions {
  /** Our key; one of those that are met (circle.ts). */
  readonly self: Identity;
  /** The documents of the chain's tip. */
  readonly terms: Terms;
  /** Numbers the members; shared with whoever is told of them. */
  readonly roster: Roster;
  readonly crypto: CryptoPort;
  /** `host:port`; port 0 takes any free one. */
  readonly listen: string;
  /** A member's address where it is not that of its federation document; asked before each attempt to dial. */
  readonly addressOf?: (member: Member) => Address | undefined;
  /** What a member is told first, at most `HELLO_BYTES_MAX` bytes; asked for anew in each handshake. */
  readonly hello: (member: number) => Bytes;
  readonly on: PeerEvents;
  readonly log: PeerLog;
  /** Shorter times for tests. */
  readonly timing?: Partial<PeerTiming>;
  /** Random bytes for nonces and jitter; the platform's when left out. */
  readonly random?: (count: number) => Bytes;
  /** Milliseconds since 1970; orders the connections of a pair over restarts. The system's clock when left out. */
  readonly nowMs?: () => number;
}

/**
 * The network; members by their numbers (core/roster.ts). Disposing ends it: when that resolves no socket and no timer is
 * left, and each `up` had its `down`.
 */
export interface Peers extends AsyncDisposable {
  /** Where we listen, with the port that was taken. */
  readonly address: Address;
  /** Queues a frame for a member; false when it is not connected or its queue is full (logged): it is not sent then. */
  readonly send: (member: number, payload: Uint8Array) => boolean;
  /** Queues a frame for every member that is connected; gives the members whose queue took it. */
  readonly broadcast: (payload: Uint8Array) => readonly number[];
  /** Members that are connected. */
  readonly connected: () => readonly number[];
  /**
   * The chain has a new tip: who is met from now on is dialed and let in, who is met no more is left alone after a
   * moment. Connections with all others stay as they are.
   */
  readonly follow: (terms: Terms) => void;
}

const TIMING: PeerTiming = {
  handshakeMs: LIMITS.handshakeMs,
  pingMs: LIMITS.peerPingMs,
  idleMs: LIMITS.peerIdleMs,
  partingMs: LIMITS.peerPartingMs,
  backoffMs: LIMITS.peerBackoffMs,
  backoffMaxMs: LIMITS.peerBackoffMaxMs,
};

/**
 * Opens the network.
 *
 * @throws VnfchainError `not-a-member` when our key is not met, `address` for one in the first document that cannot be
 *   read, `listen` when the port cannot be had.
 */
export function openPeers(options: PeersOptions): Peers {
  const stop = new AbortController();
  const meeting = meetingOf(options, stop.signal);
  const { links, handshake: { circle } } = meeting;
  const dialing = openDialing(options, { meeting, stop: stop.signal });
  // In the first document an address that nobody can read stops the start, unless another one was given for the member.
  // A later document is the chain's, and no slip in it may keep members from starting.
  if (options.terms.federation.document.sequence === 0) {
    for (const member of circle.members()) addressOf(options, circle.member(member));
  }
  const listener = listenOn(parseAddress(options.listen, { anyPort: true }));
  const accepting = keepAccepting(listener, meeting);
  for (const member of circle.members()) dialing.start(member);
  const address = { host: listener.addr.hostname, port: listener.addr.port };
  meeting.log({
    level: "info",
    code: "listening",
    member: null,
    detail: `members: ${formatAddress(address)}`,
  });
  return {
    address,
    send: links.send,
    broadcast: (payload) => links.connected().filter((member) => links.send(member, payload)),
    connected: links.connected,
    follow: (terms) => {
      const { joined, left } = circle.follow(terms);
      for (const member of left) {
        dialing.stop(member);
        links.part(member, meeting.timing.partingMs);
      }
      for (const member of joined) {
        links.rejoin(member);
        dialing.start(member);
      }
    },
    [Symbol.asyncDispose]: async () => {
      if (stop.signal.aborted) return;
      stop.abort();
      listener.close();
      await links.close();
      await Promise.all([accepting, dialing.ended()]);
    },
  };
}

/** Who is dialed. */
interface Dialing {
  readonly start: (member: number) => void;
  readonly stop: (member: number) => void;
  /** Resolves when nobody is dialed any more. */
  readonly ended: () => Promise<void>;
}

function openDialing(
  options: PeersOptions,
  { meeting, stop }: { readonly meeting: Meeting; readonly stop: AbortSignal },
): Dialing {
  const { circle } = meeting.handshake;
  const stops = new Map<number, AbortController>();
  const tasks = new Set<Promise<void>>();
  return {
    start: (member) => {
      const own = new AbortController();
      stops.set(member, own);
      const target: Target = {
        member,
        address: () => addressOf(options, circle.member(member), { isLenient: true }),
        stopping: AbortSignal.any([stop, own.signal]),
      };
      const task: Promise<void> = keepDialing(target, meeting).finally(() => tasks.delete(task));
      tasks.add(task);
    },
    stop: (member) => stops.get(member)?.abort(),
    ended: async () => void await Promise.all(tasks),
  };
}

/** Where a member is reached; one that cannot be read is none to who is lenient. */
function addressOf(
  { addressOf }: PeersOptions,
  member: Member,
  { isLenient = false }: { readonly isLenient?: boolean } = {},
): Address | undefined {
  const given = addressOf?.(member);
  if (given !== undefined) return given;
  try {
    return parseAddress(member.peerAddress);
  } catch (error) {
    if (isLenient && error instanceof VnfchainError) return undefined;
    throw error;
  }
}

function meetingOf(options: PeersOptions, stopping: AbortSignal): Meeting {
  const { self, terms, roster, crypto, hello, on, random = randomBytes, nowMs = Date.now } = options;
  if (!isMet(self.publicKey, terms)) {
    throw new VnfchainError("joining the members: this node's key is no member's", {
      code: "not-a-member",
      hint: "check that --dir and --peers belong together",
      exitCode: EXIT.usage,
    });
  }
  const log = limitLog(options.log, nowMs);
  const circle = makeCircle({ roster, self: self.publicKey, terms });
  return {
    handshake: { self, circle, crypto, random, hello },
    links: makeLinks({ roster, on, log, nowMs }),
    log,
    timing: { ...TIMING, ...options.timing },
    stopping,
  };
}
