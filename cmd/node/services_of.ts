/**
 * A running member as the client API's services: admission of transactions, what became of them, status.
 *
 * @module
 */
import type { TxId } from "../../core/brands.ts";
import type { PublicKey } from "../../core/brands.ts";
import { type Bytes, equal, toHex } from "../../core/bytes.ts";
import type { DecidedBlock } from "../../core/block.ts";
import { accept, assert, type Refusal, refuse, type Verdict } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import type { CryptoPort } from "../../core/crypto_port.ts";
import type { ChainReader, Position } from "../../core/ports.ts";
import { publicKeyToText } from "../../core/keys.ts";
import { type Reference, type Transaction, TYPE } from "../../core/transaction.ts";
import { checkSize, readTransaction, verifyTransaction } from "../../core/transaction_rules.ts";
import type { Member } from "../../consensus/driver/member.ts";
import type { NodeServices, NodeStatus, PeerStatus, TransactionStatus } from "./services.ts";

/** What the services stand on. */
export interface ServiceOptions {
  readonly member: Member;
  readonly chain: ChainReader;
  /** The chain's first document. */
  readonly federation: Federation;
  /** This node's key, whether or not it is a member's. */
  readonly self: PublicKey;
  readonly crypto: CryptoPort;
  readonly isConnected: (key: PublicKey) => boolean;
}

/** The services, and how they hear of new blocks. */
export interface RunningServices {
  readonly services: NodeServices;
  readonly onAppended: (decided: DecidedBlock) => void;
}

/**
 * Why a node that is no member takes no transactions: it has no links by which they would spread, and its disk is no
 * promise that a block will take them. Any client has a member to turn to.
 */
function notMember({ document: { members } }: Federation): string {
  const urls = members.slice(0, 3).map(({ apiUrl }) => apiUrl);
  return `this node is no member of the federation; send it to one that is: ${urls.join(", ")}`;
}

/** Versions below the latest, up to which a reference's own references are looked at. */
const DEPTH_CHECKED = 16;

/** Makes the services. */
export function makeServices(options: ServiceOptions): RunningServices {
  const { member, chain, federation, crypto } = options;
  /** Clients that wait for a commit, by transaction id; called when a block or the pool settles it. */
  const waiting = new Map<string, Set<() => void>>();

  async function submit(bytes: Bytes): Promise<Verdict<TxId>> {
    const inForce = chain.tip().federation;
    if (!isMember(inForce)) return refuse("not-ready", notMember(inForce));
    const tooLarge = checkSize(bytes, inForce.document.parameters);
    if (tooLarge !== undefined) return tooLarge;
    const verified = verifyTransaction(bytes, { genesisId: federation.genesisId, crypto });
    if (!verified.ok) return verified;
    const { id, payload } = verified.value;
    // Sent again, by a client that got no answer, is answered like the first time: once it is durable. The chain is
    // searched only for what it must know: a search for an id that is not there reads the whole index.
    if (await member.pool.holds(id)) return accept(id);
    const isUsed = chain.isNonceUsed(payload, chain.tip().parent.time);
    if (isUsed && await chain.positionOf(id) !== null) return accept(id);
    if (payload.type === TYPE.configuration) {
      const problem = await checkReferences(verified.value);
      if (problem !== undefined) return problem;
    }
    const [verdict] = await member.submit([verified.value]);
    assert(verdict !== undefined, "one transaction, one verdict");
    // It may have come into a block, by way of another node, since it was looked for.
    if (!verdict.ok && verdict.code === "duplicate" && await chain.positionOf(id) !== null) return accept(id);
    return verdict;
  }

  /**
   * References must be there, on the chain or in the pool, and have none of their own. A version far below the latest
   * is on the chain; what it refers to is left to the agents, since every version above it would have to be read.
   */
  async function checkReferences({ payload }: Transaction): Promise<Refusal | undefined> {
    if (payload.type !== TYPE.configuration) return undefined;
    for (const reference of [...payload.body.applyBefore, ...payload.body.applyAfter]) {
      const latestVid = (await chain.configuration(reference.cid))?.latestVid ?? 0;
      if (reference.vid !== null && reference.vid < latestVid - DEPTH_CHECKED) continue;
      const referred = await findReferred(reference);
      const name = `configuration ${toHex(reference.cid)}@${reference.vid ?? "latest"}`;
      if (referred === undefined) {
        return refuse("reference-unknown", `${name} is neither on the chain nor in the pool`);
      }
      if (referred.payload.type !== TYPE.configuration) continue;
      const { applyBefore, applyAfter } = referred.payload.body;
      if (applyBefore.length + applyAfter.length > 0) {
        return refuse("reference-depth", `${name} has references of its own`);
      }
    }
    return undefined;
  }

  async function findReferred({ cid, vid }: Reference): Promise<Transaction | undefined> {
    const [version] = await chain.versionsSince(cid, vid);
    if (version === undefined) return member.pool.version({ cid, vid });
    const bytes = await chain.transactionAt(version);
    assert(bytes !== null, "a version on the chain has a transaction");
    const read = readTransaction(bytes, { genesisId: federation.genesisId, hash: crypto.hash });
    assert(read.ok, "a transaction on the chain can be read");
    return read.value.transaction;
  }

  async function transactionStatus(id: TxId): Promise<TransactionStatus> {
    if (member.pool.get(id) !== undefined) return { status: "pending" };
    const position: Position | null = await chain.positionOf(id);
    if (position !== null) return { status: "committed", position };
    const code = member.pool.outcome(id);
    return code === undefined ? { status: "unknown" } : { status: "refused", code };
  }

  async function settled(id: TxId, signal: AbortSignal): Promise<TransactionStatus> {
    const name = toHex(id);
    for (;;) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = () => resolve();
      // Registered before the question is asked, so that no answer falls between.
      const wakes = waiting.get(name) ?? new Set();
      waiting.set(name, wakes.add(wake));
      signal.addEventListener("abort", wake, { once: true });
      try {
        const outcome = await transactionStatus(id);
        if (outcome.status !== "pending" || signal.aborted) return outcome;
        await promise;
      } finally {
        signal.removeEventListener("abort", wake);
        wakes.delete(wake);
        if (wakes.size === 0 && waiting.get(name) === wakes) waiting.delete(name);
      }
    }
  }

  function onAppended(): void {
    // Each block wakes all who wait: those whose transaction left the pool unpublished must hear of it too.
    for (const wakes of [...waiting.values()]) for (const wake of wakes) wake();
  }

  function isMember({ document }: Federation): boolean {
    return document.members.some(({ key }) => equal(key, options.self));
  }

  function status(): NodeStatus {
    const { height, round, standing, isBehind, heights, federation: inForce } = member.status();
    const { members } = inForce.document;
    const peers: PeerStatus[] = members.flatMap(({ name, key }, index) =>
      equal(key, options.self)
        ? []
        : [{ name, connected: options.isConnected(key), height: heights.get(index) ?? 0 }]
    );
    const { transactions, bytes } = member.pool.size();
    return {
      name: members.find(({ key }) => equal(key, options.self))?.name ?? publicKeyToText(options.self),
      height,
      round,
      standing,
      synced: !isBehind && (standing === "voting" || standing === "decided"),
      quorum: inForce.quorum,
      peers,
      poolTransactions: transactions,
      poolBytes: bytes,
    };
  }

  return { services: { chain, federation, crypto, submit, transactionStatus, settled, status }, onAppended };
}
