/**
 * The links to the other members, while this node is one: the members' port is open as long as the chain's documents
 * name the node's key, and no longer.
 *
 * @module
 */
import { equal } from "../../core/bytes.ts";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import type { Tip } from "../../core/ports.ts";
import type { Roster } from "../../core/roster.ts";
import type { Member } from "../../consensus/driver/member.ts";
import type { NetworkPort } from "../../consensus/driver/network_port.ts";
import { type Address, formatAddress } from "../../consensus/tcp/address.ts";
import { isMet } from "../../consensus/tcp/circle.ts";
import { openPeers, type Peers, type PeersOptions } from "../../consensus/tcp/peers.ts";
import { logOf } from "../common/log.ts";
import type { NodeConfig } from "./config.ts";

/** What the links need. */
export interface MemberLinksOptions {
  readonly config: Pick<NodeConfig, "key" | "listen" | "peerAddresses">;
  readonly roster: Roster;
  readonly tip: () => Tip;
  /** A connection was refused or broke. */
  readonly onRefused: (code: string) => void;
  /** The members' port cannot be had. */
  readonly fatal: (error: unknown) => void;
}

/** The links; disposing ends them. */
export interface MemberLinks extends AsyncDisposable {
  /** What the member sends by; goes nowhere before {@link begin}, and while the node is no member. */
  readonly network: NetworkPort;
  /** From now on the member hears of the others, if it is one. Throws when the port cannot be had. */
  readonly begin: (member: Member) => void;
  /** Members that are connected, by number. */
  readonly connected: () => readonly number[];
  /** Where the members reach this node; `undefined` while it is none. */
  readonly address: () => Address | undefined;
}

/** Starts without links. */
export function openMemberLinks(options: MemberLinksOptions): MemberLinks {
  const { config: { key }, tip, fatal } = options;
  let member: Member | undefined;
  let peers: Peers | undefined;
  /** Runs while a node that was removed leaves. */
  let leaving: ReturnType<typeof setTimeout> | undefined;
  let left: Promise<void> = Promise.resolve();
  let closed = false;

  function leave(): void {
    const leaver = peers;
    peers = undefined;
    leaving = undefined;
    left = Promise.resolve(leaver?.[Symbol.asyncDispose]()).catch(fatal);
  }

  function open(now: Tip): void {
    if (member === undefined) return;
    peers = openPeers(peersOptions(options, { member, now }));
  }

  function follow(now: Tip): void {
    if (closed || member === undefined) return;
    if (!isMet(key.publicKey, now)) {
      // What it has to say last is still on its way.
      if (peers !== undefined) leaving ??= setTimeout(leave, LIMITS.peerPartingMs);
      return;
    }
    clearTimeout(leaving);
    leaving = undefined;
    if (peers === undefined) open(now);
    else peers.follow(now);
  }

  return {
    network: {
      send: (to, frame) => peers?.send(to, frame) ?? false,
      broadcast: (frame) => void peers?.broadcast(frame),
      follow: (now) => {
        try {
          follow(now);
        } catch (error) {
          fatal(error);
        }
      },
    },
    begin: (begun) => {
      member = begun;
      follow(tip());
    },
    connected: () => peers?.connected() ?? [],
    address: () => peers?.address,
    [Symbol.asyncDispose]: async () => {
      closed = true;
      clearTimeout(leaving);
      await left;
      await peers?.[Symbol.asyncDispose]();
    },
  };
}

function peersOptions(
  { config: { key, listen, peerAddresses }, roster, onRefused }: MemberLinksOptions,
  { member, now }: { readonly member: Member; readonly now: Tip },
): PeersOptions {
  const log = logOf("members");
  const { federation, signedBy } = now;
  const all = [...federation.document.members, ...signedBy.document.members];
  const own = all.find((each) => equal(each.key, key.publicKey))?.peerAddress;
  if (listen === undefined && own === undefined) {
    throw new VnfchainError("joining the members: it is not known where to listen", {
      code: "node-config",
      hint: "name it with --listen",
      exitCode: EXIT.usage,
    });
  }
  return {
    self: key,
    terms: now,
    roster,
    crypto: platformCrypto,
    listen: listen === undefined ? own ?? "" : formatAddress(listen),
    addressOf: ({ name }) => peerAddresses.get(name),
    hello: member.hello,
    on: {
      up: member.onUp,
      down: member.onDown,
      frame: member.onFrame,
    },
    log: ({ level, code, member: number, detail }) => {
      if (level === "warning") onRefused(code);
      log[level](detail, { code, member: number === null ? null : roster.member(number).name });
    },
  };
}
