/**
 * Members, sockets and a meddling proxy for the tests of the members' network. Keys and sockets are real.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { ZERO_HASH } from "../../../core/brands.ts";
import { type Bytes, utf8 } from "../../../core/bytes.ts";
import { DEFAULT_PARAMETERS, type Federation, federationOf } from "../../../core/federation.ts";
import { platformCrypto, randomBytes } from "../../../core/platform/crypto.ts";
import { generatePrivateKey, type PrivateKey } from "../../../core/platform/private_key.ts";
import { openRoster, type Roster } from "../../../core/roster.ts";
import type { Address } from "../../../consensus/tcp/address.ts";
import { type Circle, makeCircle, type Terms } from "../../../consensus/tcp/circle.ts";
import type { ConnectionEnd } from "../../../consensus/tcp/connection.ts";
import type { HandshakeContext } from "../../../consensus/tcp/handshake.ts";
import type { PeerLogEntry } from "../../../consensus/tcp/log.ts";
import { openPeers, type Peers, type PeersOptions } from "../../../consensus/tcp/peers.ts";
import { type FrameSocket, makeFrameSocket } from "../../../consensus/tcp/socket.ts";

/** A federation with its private keys; member i's key decides for all pairs with j > i. */
export interface TestFederation {
  readonly federation: Federation;
  readonly keys: readonly PrivateKey[];
}

const NOBODY = "127.0.0.1:1";
const NAME = "node-";

/** Makes a federation whose addresses lead nowhere; tests give real ones by `addresses`. */
export function makeFederation(n: number, name = "test"): TestFederation {
  const keys = Array.from({ length: n }, () => generatePrivateKey())
    .sort((a, b) => Buffer.compare(a.publicKey, b.publicKey));
  const federation = federationOf(platformCrypto.hash, {
    version: 1,
    genesisId: ZERO_HASH,
    sequence: 0,
    previous: ZERO_HASH,
    time: 1,
    name,
    authority: new Uint8Array(),
    members: keys.map((key, i) => ({
      name: `${NAME}${i}`,
      key: key.publicKey,
      certificate: new Uint8Array(),
      peerAddress: NOBODY,
      apiUrl: "http://127.0.0.1:1",
    })),
    parameters: DEFAULT_PARAMETERS,
  });
  return { federation, keys };
}

/** A document that both signed the tip and is in force. */
export function termsOf(federation: Federation): Terms {
  return { signedBy: federation, federation };
}

/** Who a member of a federation that never changed meets. */
export function circleOf(
  federation: Federation,
  self: PrivateKey,
  roster: Roster = openRoster(federation),
): Circle {
  return makeCircle({ roster, self: self.publicKey, terms: termsOf(federation) });
}

/** What a handshake of member `index` needs. */
export function contextOf({ federation, keys }: TestFederation, index: number): HandshakeContext {
  const self = keys[index] as PrivateKey;
  return {
    self,
    circle: circleOf(federation, self),
    crypto: platformCrypto,
    random: randomBytes,
    hello: (member) => utf8(`hello ${member} from ${index}`),
  };
}

/** Two ends of one TCP connection. */
export async function socketPair(): Promise<{ dialer: FrameSocket; listener: FrameSocket } & Disposable> {
  const [a, b] = await connPair();
  const [dialer, listener] = [makeFrameSocket(a), makeFrameSocket(b)];
  return {
    dialer,
    listener,
    [Symbol.dispose]: () => {
      dialer.close();
      listener.close();
    },
  };
}

/** Two ends of one TCP connection, bare; the first one connected. */
export async function connPair(): Promise<[Deno.TcpConn, Deno.TcpConn]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [accepted, dialed] = await Promise.all([
    listener.accept(),
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
  ]);
  return [dialed, accepted];
}

const DEADLINE_MS = 20_000;

/** Waits for a condition that events bring about; `changed` is called after each event. */
export class Condition {
  #waiting: (() => void)[] = [];

  changed(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.changed();
    }, DEADLINE_MS);
    try {
      while (!holds()) {
        if (isLate) throw new Error(`waited in vain until ${what}`);
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

/** One member's network and all that it reported. */
export interface TestMember extends AsyncDisposable {
  readonly peers: Peers;
  readonly events: readonly ({ kind: "up"; member: number; hello: Bytes } | {
    kind: "down";
    member: number;
    end: ConnectionEnd;
  })[];
  readonly frames: readonly { readonly member: number; readonly payload: Bytes }[];
  readonly log: readonly PeerLogEntry[];
  readonly until: (what: string, holds: () => boolean) => Promise<void>;
  readonly ups: (member: number) => number;
  readonly downs: (member: number) => number;
}

/** How a test opens a member. */
export interface OpenOptions extends Partial<PeersOptions> {
  /** Addresses by the number in the members' names. */
  readonly addresses?: ReadonlyMap<number, Address>;
  readonly receive?: (member: number, payload: Bytes) => void | Promise<void>;
}

/** Opens member `index`; times are short where a test would only wait. */
export function openMember(
  { index, ...from }: TestFederation & { index: number },
  options: OpenOptions = {},
): TestMember {
  const events: TestMember["events"][number][] = [];
  const frames: TestMember["frames"][number][] = [];
  const log: PeerLogEntry[] = [];
  const condition = new Condition();
  const { receive, addresses, ...given } = options;
  const { circle: _, ...context } = contextOf(from, index);
  const peers = openPeers({
    ...context,
    terms: termsOf(from.federation),
    roster: openRoster(from.federation),
    addressOf: ({ name }) => addresses?.get(Number(name.slice(NAME.length))),
    listen: "127.0.0.1:0",
    on: {
      up: (member, hello) => {
        events.push({ kind: "up", member, hello });
        condition.changed();
      },
      down: (member, end) => {
        events.push({ kind: "down", member, end });
        condition.changed();
      },
      frame: (member, payload) => {
        frames.push({ member, payload });
        condition.changed();
        return receive?.(member, payload);
      },
    },
    log: (entry) => {
      log.push(entry);
      condition.changed();
    },
    ...given,
    timing: { backoffMs: 10, backoffMaxMs: 200, ...given.timing },
  });
  const count = (kind: "up" | "down") => (member: number) =>
    events.filter((event) => event.kind === kind && event.member === member).length;
  return {
    peers,
    events,
    frames,
    log,
    until: (what, holds) => condition.until(what, holds),
    ups: count("up"),
    downs: count("down"),
    [Symbol.asyncDispose]: () => peers[Symbol.asyncDispose](),
  };
}

/** Opens the members at `indexes`, who find each other. */
export function openMembers(
  from: TestFederation,
  indexes: readonly number[],
): { members: readonly TestMember[]; addresses: Map<number, Address> } & AsyncDisposable {
  const addresses = new Map<number, Address>();
  const members = indexes.map((index) => openMember({ ...from, index }, { addresses }));
  for (const [i, index] of indexes.entries()) addresses.set(index, (members[i] as TestMember).peers.address);
  return {
    members,
    addresses,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(members.map((member) => member[Symbol.asyncDispose]()));
    },
  };
}

/** What a proxy does with a piece of bytes: passes on what comes back; `"cut"` closes both sides. */
export type Meddler = (bytes: Bytes, direction: "there" | "back") => Bytes | "cut";

/** A TCP proxy to `target`. */
export interface Proxy extends AsyncDisposable {
  readonly address: Address;
  /** Connections that came so far. */
  readonly connections: () => number;
}

/** Opens a proxy. With `keepsOpen`, the end of one side is not told to the other. */
export function openProxy(
  target: () => Address,
  { meddle, keepsOpen = false }: { meddle: Meddler; keepsOpen?: boolean },
): Proxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conns = new Set<Deno.Conn>();
  const tasks: Promise<void>[] = [];
  let count = 0;
  const close = (conn: Deno.Conn) => {
    if (conns.delete(conn)) conn.close();
  };
  const pump = async (from: Deno.Conn, { to, direction }: { to: Deno.Conn; direction: "there" | "back" }) => {
    const buffer = new Uint8Array(16 * 1024);
    for (;;) {
      const read = await from.read(buffer).catch(() => null);
      if (read === null) break;
      const out = meddle(buffer.slice(0, read), direction);
      if (out === "cut") {
        close(from);
        close(to);
        return;
      }
      for (let offset = 0; offset < out.length;) {
        const written = await to.write(out.subarray(offset)).catch(() => null);
        if (written === null) break;
        offset += written;
      }
    }
    if (keepsOpen) return;
    close(from);
    close(to);
  };
  const serve = async (from: Deno.Conn) => {
    conns.add(from);
    count++;
    const { host, port } = target();
    const to = await Deno.connect({ hostname: host, port }).catch(() => undefined);
    if (to === undefined) return close(from);
    conns.add(to);
    await Promise.all([pump(from, { to, direction: "there" }), pump(to, { to: from, direction: "back" })]);
  };
  tasks.push((async () => {
    for await (const conn of listener) tasks.push(serve(conn));
  })());
  return {
    address: { host: "127.0.0.1", port: listener.addr.port },
    connections: () => count,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      for (const conn of [...conns]) close(conn);
      for (let i = 0; i < tasks.length; i++) await tasks[i];
    },
  };
}
