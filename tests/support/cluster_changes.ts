/**
 * Changes of the federation in a cluster (member_cluster.ts): real documents, approved and signed by the real keys, and
 * nodes that follow the chain while they are no members.
 *
 * @module
 */
import assert from "node:assert/strict";
import { asHeight } from "../../core/brands.ts";
import { equal } from "../../core/bytes.ts";
import type { FederationDocument, Member } from "../../core/federation.ts";
import type { Tip } from "../../core/ports.ts";
import type { Transaction } from "../../core/transaction.ts";
import { changeTransaction, makeChange, naming } from "./federation_changes.ts";
import { memberKey } from "./federation.ts";
import { testKey } from "./keys.ts";
import type { Cluster } from "./member_cluster.ts";

/** Whom a change makes members, and when. */
export interface ClusterChange {
  /** Nodes, in the order of the new document. */
  readonly members: readonly number[];
  /** The node on whose chain the change builds. */
  readonly at: number;
  readonly next?: Partial<FederationDocument>;
}

/** A change that follows the newest document on a node's chain. */
export function changeOf(cluster: Cluster, { members, at, next }: ClusterChange): Transaction {
  const { nextFederation: federation, header } = cluster.at(at).chain.tip();
  const all = cluster.everybody.document.members;
  const change = makeChange({
    federation,
    keys: all.map((_, index) => memberKey(index)),
    next: { members: members.map((index) => all[index] as Member), ...next },
    ...(header === null ? {} : { names: naming(header) }),
  });
  return changeTransaction(change, { federation, from: testKey("operator"), timestamp: cluster.nowMs() });
}

/** Whether these nodes, in this order, are the members in force at a tip. */
export function isInForce({ federation }: Tip, nodes: readonly number[]): boolean {
  const { members } = federation.document;
  return members.length === nodes.length &&
    members.every(({ key }, i) => equal(key, memberKey(nodes[i] as number).publicKey));
}

/**
 * Follows the chain of whichever nodes run, as over HTTP, for as long as the node is no member, or has no link: it may
 * have been removed without having heard of it. Disposing ends it.
 */
export function follow(cluster: Cluster, index: number): AsyncDisposable {
  let stopped = false;

  async function once(): Promise<void> {
    if (!cluster.running().includes(index)) return;
    const { member, chain } = cluster.at(index);
    if (member.status().standing !== "observing" && cluster.network.linksOf(index).length > 0) return;
    const height = asHeight(chain.tip().parent.height + 1);
    for (const other of cluster.running().filter((each) => each !== index)) {
      const block = await cluster.at(other).chain.block(height);
      if (block === null) continue;
      const appended = await member.append(block);
      assert(appended.ok, JSON.stringify(appended));
      return;
    }
  }

  async function run(): Promise<void> {
    while (!stopped) {
      await once();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  const running = run();
  return {
    [Symbol.asyncDispose]: async () => {
      stopped = true;
      await running;
    },
  };
}
