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
import { type Federation, memberAt, memberIndex } from "../../core/federation.ts";
import { LIMITS } from "../../core/limits.ts";
import { randomBytes } from "../../core/platform/crypto.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import { type Address, formatAddress, parseAddress } from "./address.ts";
import { keepDialing, type Target } from "./dialer.ts";
import type { Identity } from "./handshake.ts";
import { makeLinks, type PeerEvents } from "./links.ts";
import { keepAccepting, listenOn } from "./listener.ts";
import { limitLog, type PeerLog } from "./log.ts";
import type { Meeting, PeerTiming } from "./meet.ts";

/** What the network needs to begin. */
export interface PeersOptions {
  /** Our key; one of the federation's. */
  readonly self: Identity;
  readonly federation: Federation;
  readonly crypto: CryptoPort;
  /** `host:port`; port 0 takes any free one. */
  readonly listen: string;
  /** Addresses by member index, instead of those in the federation document; read before each attempt to dial. */
  readonly addresses?: ReadonlyMap<number, Address>;
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

/** The network. Disposing ends it: when that resolves no socket and no timer is left, and each `up` had its `down`. */
export interface Peers extends AsyncDisposable {
  /** Where we listen, with the port that was taken. */
  readonly address: Address;
  /** Queues a frame for a member; false when it is not connected or its queue is full (logged): it is not sent then. */
  readonly send: (member: number, payload: Uint8Array) => boolean;
  /** Queues a frame for every member that is connected; gives the members whose queue took it. */
  readonly broadcast: (payload: Uint8Array) => readonly number[];
  /** Members that are connected, by index. */
  readonly connected: () => readonly number[];
}

const TIMING: PeerTiming = {
  handshakeMs: LIMITS.handshakeMs,
  pingMs: LIMITS.peerPingMs,
  idleMs: LIMITS.peerIdleMs,
  backoffMs: LIMITS.peerBackoffMs,
  backoffMaxMs: LIMITS.peerBackoffMaxMs,
};

/**
 * Opens the network.
 *
 * @throws VnfchainError `not-a-member` when our key is not in the federation, `address` for an address that cannot be
 *   read, `listen` when the port cannot be had.
 */
export function openPeers(options: PeersOptions): Peers {
  const targets = targetsOf(options);
  const listener = listenOn(parseAddress(options.listen, { anyPort: true }));
  const stop = new AbortController();
  const meeting = meetingOf(options, stop.signal);
  const { links } = meeting;
  const tasks = [keepAccepting(listener, meeting), ...targets.map((target) => keepDialing(target, meeting))];
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
    [Symbol.asyncDispose]: async () => {
      if (stop.signal.aborted) return;
      stop.abort();
      listener.close();
      await links.close();
      await Promise.all(tasks);
    },
  };
}

function targetsOf({ self, federation, addresses }: PeersOptions): readonly Target[] {
  const own = memberIndex(federation, self.publicKey);
  if (own < 0) {
    throw new VnfchainError("joining the members: this node's key is no member's", {
      code: "not-a-member",
      hint: "check that --dir and --peers belong together",
      exitCode: EXIT.usage,
    });
  }
  const others = [...federation.document.members.keys()].filter((member) => member !== own);
  return others.map((member) => {
    // An address that nobody can read stops the start, unless another one was given for the member.
    const given = addresses?.get(member) ?? parseAddress(memberAt(federation, member).peerAddress);
    return { member, address: () => addresses?.get(member) ?? given };
  });
}

function meetingOf(options: PeersOptions, stopping: AbortSignal): Meeting {
  const { self, federation, crypto, hello, on, random = randomBytes, nowMs = Date.now } = options;
  const log = limitLog(options.log, nowMs);
  return {
    handshake: { self, federation, crypto, random, hello },
    links: makeLinks({ federation, on, log, nowMs }),
    log,
    timing: { ...TIMING, ...options.timing },
    stopping,
  };
}
