/**
 * Frames from members, and what is sent to them: votes go to the protocol once verified, transactions to the pool,
 * questions are answered (serving.ts).
 *
 * `onFrame` resolves when the frame was dealt with; until then nothing more is read from that member, so that one
 * that floods waits for itself and holds at most one frame of memory here.
 *
 * @module
 */
import type { Height, TxId } from "../../core/brands.ts";
import { type Bytes, equal, toHex } from "../../core/bytes.ts";
import { type Refusal, unreachable } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import type { ChainPort, Tip } from "../../core/ports.ts";
import type { RefusalCode } from "../../core/refusals.ts";
import type { Transaction } from "../../core/transaction.ts";
import { isOfInterest } from "../interest.ts";
import type { Message } from "../message.ts";
import { verifyMessage } from "../verify.ts";
import { decodeMessage } from "../wire.ts";
import type { Bodies } from "./bodies.ts";
import type { CompactLinks } from "./compact_links.ts";
import { decodeFrame, encodeFrame, type Frame } from "./frames.ts";
import type { DriverLog } from "./log.ts";
import type { NetworkPort } from "./network_port.ts";
import type { Pool } from "./pool_port.ts";
import type { ProtocolPort } from "./protocol_port.ts";
import { makeRefusedLately } from "./refused_lately.ts";
import { sendTransactions, type Serving } from "./serving.ts";
import { verifyTransactions } from "./verify_transactions.ts";

/** What traffic works with. */
export interface TrafficOptions extends Pick<ProtocolPort, "about" | "state"> {
  readonly network: Pick<NetworkPort, "send" | "broadcast">;
  readonly chain: Pick<ChainPort, "tip">;
  readonly pool: Pool;
  readonly bodies: Bodies;
  readonly compact: CompactLinks;
  readonly crypto: CryptoPort;
  readonly serving: Serving;
  /** Blocks, asked for or not. */
  readonly onBlocks: (member: number, answer: { from: Height; blocks: readonly Bytes[] }) => void;
  /** Milliseconds of a monotonic clock. */
  readonly monotonicMs: () => number;
  readonly log: DriverLog;
}

/** Traffic with the members. */
export interface Traffic {
  readonly onFrame: (member: number, bytes: Bytes) => Promise<void>;
  /** Tells a member that came up what our pool has. */
  readonly greet: (member: number) => void;
  /** Spreads transactions that this member took. */
  readonly spread: (transactions: readonly Transaction[]) => void;
}

/** A vote under the document that comes into force next; we are not there yet, and it is sent again where it matters. */
function isOfLaterFederation(message: Message, { parent, federation, nextFederation }: Tip): boolean {
  return message.kind !== "decided" && message.height > parent.height + 1 &&
    !equal(federation.hash, nextFederation.hash);
}

/** Makes the traffic. */
export function makeTraffic(options: TrafficOptions): Traffic {
  const { network, chain, pool, bodies, compact, crypto, about, serving } = options;
  const refusedLately = makeRefusedLately(options.monotonicMs);

  function warn(what: string, member: number, { code, detail }: { code: RefusalCode; detail: string }): void {
    options.log("warning", what, { member, code, detail });
  }

  async function onMessage(member: number, bytes: Bytes): Promise<void> {
    const decoded = decodeMessage(bytes);
    if (!decoded.ok) return warn("message refused", member, decoded);
    compact.onMessage(member, decoded.value);
    // Votes that come after a quorum cost no verification.
    if (!isOfInterest(options.state(), decoded.value)) return;
    const tip = chain.tip();
    if (isOfLaterFederation(decoded.value, tip)) return;
    const verdict = verifyMessage(decoded.value, { federation: tip.federation, crypto });
    if (!verdict.ok) return warn("message refused", member, verdict);
    const message = verdict.value;
    await about(member, (from) => ({ kind: "message", from, message }));
    await compact.onGiven({ from: member, message });
  }

  async function onTransactions(member: number, all: readonly Bytes[]): Promise<void> {
    const { genesisId } = chain.tip().federation;
    const { verified, refusal } = await verifyTransactions(all, { genesisId, crypto });
    if (refusal !== null) warn("transaction refused", member, refusal);
    // First the proposal that waits for them, whose validity does not depend on the pool.
    bodies.arrived(verified);
    const news = verified.filter(({ id }) => pool.get(id) === undefined);
    if (news.length === 0) return;
    const verdicts = await pool.add(news);
    for (const [i, verdict] of verdicts.entries()) {
      if (!verdict.ok) refusedLately.note(toHex((news[i] as Transaction).id));
    }
    // Now that the pool has them: a proposal that names them would have them asked for otherwise.
    await compact.onTransactions(news.map(({ id }) => id));
    const first: Refusal | undefined = verdicts.find((verdict) => !verdict.ok) as Refusal | undefined;
    if (first !== undefined) {
      options.log("debug", "the pool did not take a transaction", { member, code: first.code });
    }
  }

  /** Asks for what our pool lacks and has room for; not for what it has just let go or refused. */
  function onPool(member: number, ids: readonly TxId[]): void {
    const { transactions, bytes } = pool.size();
    if (bytes >= LIMITS.poolBytes) return;
    const isNews = (id: TxId) =>
      pool.get(id) === undefined && pool.outcome(id) === undefined && !refusedLately.has(toHex(id));
    const missing = ids.filter(isNews).slice(0, LIMITS.poolTransactions - transactions);
    for (let i = 0; i < missing.length; i += LIMITS.frameTransactions) {
      const some = missing.slice(i, i + LIMITS.frameTransactions);
      if (!network.send(member, encodeFrame({ kind: "want", ids: some }))) return;
    }
  }

  async function onFrame(member: number, frame: Frame): Promise<void> {
    switch (frame.kind) {
      case "message":
        return await onMessage(member, frame.bytes);
      case "transactions":
        return await onTransactions(member, frame.transactions);
      case "want":
        return await serving.bodies(member, frame.ids);
      case "pool":
        return onPool(member, frame.ids);
      case "height":
        return await about(member, (index) => ({ kind: "peerHeight", member: index, height: frame.height }));
      case "getBlocks":
        return await serving.blocks(member, frame);
      case "blocks":
        return options.onBlocks(member, frame);
      case "prepare":
      case "commit":
      case "proposal":
        return await compact.onForm(member, frame);
      case "wantVotes":
        return await compact.onWanted(member, frame.height);
      default:
        return unreachable(frame);
    }
  }

  return {
    onFrame: async (member, bytes) => {
      const frame = decodeFrame(bytes);
      if (frame.ok) return await onFrame(member, frame.value);
      warn("frame refused", member, frame);
    },
    greet: (member) => {
      const ids = pool.ids();
      if (ids.length > 0) network.send(member, encodeFrame({ kind: "pool", ids }));
    },
    spread: (transactions) =>
      sendTransactions(transactions, (frame) => {
        network.broadcast(frame);
        return true;
      }),
  };
}
