/**
 * Compact forms between the links and the protocol: what is expanded is posted, whom to ask is asked.
 *
 * @module
 */
import type { Height, TxId } from "../../core/brands.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import type { ChainPort } from "../../core/ports.ts";
import type { Roster } from "../../core/roster.ts";
import type { Message } from "../message.ts";
import { verifyMessage } from "../verify.ts";
import { makeSeenCommits } from "./compact_commits.ts";
import { type CompactForm, prefixOf } from "./compact_form.ts";
import { makeCompactInbox, type Received } from "./compact_inbox.ts";
import { makeCompactOutbox } from "./compact_outbox.ts";
import { encodeFrame } from "./frames.ts";
import type { Pool } from "./pool_port.ts";
import type { ProtocolPort } from "./protocol_port.ts";
import type { Serving } from "./serving.ts";
import type { NetworkPort } from "./network_port.ts";

/** What the forms work with. */
export interface CompactLinksOptions extends Pick<ProtocolPort, "about" | "state"> {
  readonly network: Pick<NetworkPort, "send" | "broadcast">;
  readonly roster: Roster;
  readonly chain: Pick<ChainPort, "tip">;
  readonly pool: Pick<Pool, "ids">;
  readonly crypto: CryptoPort;
  readonly serving: Pick<Serving, "decided">;
  /** Milliseconds of a monotonic clock. */
  readonly monotonicMs: () => number;
}

/** The forms; what resolves does so once the protocol has dealt with what came of it. Disposing asks nobody any more. */
export interface CompactLinks extends Disposable {
  /** Sends a message of ours, to a member by its number. */
  readonly send: (to: number | "all", message: Message) => void;
  /** A form came over the link of a member. */
  readonly onForm: (member: number, form: CompactForm) => Promise<void>;
  /** A message came in full, whatever is made of it. */
  readonly onMessage: (member: number, message: Message) => void;
  /** The protocol was given a message that came in full. */
  readonly onGiven: (received: Received) => Promise<void>;
  /** Verified transactions came. */
  readonly onTransactions: (ids: readonly TxId[]) => Promise<void>;
  /** The protocol is at a new height. */
  readonly onAdvanced: () => Promise<void>;
  /** A member asks for our votes at a height. */
  readonly onWanted: (member: number, height: Height) => Promise<void>;
}

/** Starts with nothing sent and nothing waiting. */
export function openCompactLinks(options: CompactLinksOptions): CompactLinks {
  const { network, roster, chain, pool, crypto, about, state, serving, monotonicMs } = options;
  const { hash } = crypto;
  const indexOf = (member: number) => roster.indexIn(state().tip.federation, member);
  const commits = makeSeenCommits(roster.numberAt);
  const outbox = makeCompactOutbox({ ...network, hash, monotonicMs });
  const inbox = makeCompactInbox({
    state,
    indexOf,
    poolIds: pool.ids,
    commits,
    hash,
    verify: (message) => verifyMessage(message, { federation: chain.tip().federation, crypto }),
    monotonicMs,
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  /** Posts what was received, and what waited for that. */
  async function give(received: readonly Received[]): Promise<void> {
    const queue = [...received];
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { from: member, message } = next;
      await about(member, (from) => ({ kind: "message", from, message }));
      queue.push(...inbox.learn(next));
    }
    askWhoIsDue();
  }

  function askWhoIsDue(): void {
    const { height } = state();
    for (const member of inbox.ask()) network.send(member, encodeFrame({ kind: "wantVotes", height }));
    const ms = inbox.askInMs();
    if (ms === undefined || timer !== undefined || closed) return;
    timer = setTimeout(() => {
      timer = undefined;
      askWhoIsDue();
    }, ms);
  }

  function noteCommit(sender: number, message: Message): void {
    if (message.kind !== "commit") return;
    const { height, round, signature } = message;
    commits.note({ height, round, sender, prefix: prefixOf(message.blockHash), signature }, state().tip);
  }

  /** What is too far ahead to be expanded shows, as a height frame does, that its sender is. */
  async function noteAhead(member: number, { form: { height } }: CompactForm): Promise<void> {
    const decided = height - 1 as Height;
    const { height: ours, peers } = state();
    if (decided <= ours || (peers.heights.get(indexOf(member)) ?? 0) >= decided) return;
    await about(member, (index) => ({ kind: "peerHeight", member: index, height: decided }));
  }

  return {
    send: (to, message) => {
      outbox.send(to, message);
      if (message.kind !== "commit") return;
      noteCommit(roster.numberAt(state().tip.federation, message.sender), message);
    },
    onForm: async (member, form) => {
      await noteAhead(member, form);
      await give(inbox.receive(member, form));
    },
    onMessage: (member, message) => {
      if (message.kind !== "decided" && message.sender === indexOf(member)) noteCommit(member, message);
    },
    onGiven: async (received) => await give(inbox.learn(received)),
    onTransactions: async (ids) => await give(inbox.onTransactions(ids)),
    onAdvanced: async () => await give(inbox.onAdvanced()),
    onWanted: async (member, height) => {
      if (!outbox.answer(member, height)) await serving.decided(member, height);
    },
    [Symbol.dispose]: () => {
      closed = true;
      clearTimeout(timer);
    },
  };
}
