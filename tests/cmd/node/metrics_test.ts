import { match } from "node:assert/strict";
import { makeMetrics } from "../../../cmd/node/metrics.ts";
import type { NodeStatus } from "../../../cmd/node/services.ts";
import { TestChain } from "../../support/test_chain.ts";

const STATUS: NodeStatus = {
  name: "node-1",
  height: 7,
  round: 2,
  standing: "voting",
  synced: true,
  quorum: 3,
  peers: [{ name: "a", connected: true, height: 7 }, { name: "b", connected: false, height: 0 }],
  poolTransactions: 5,
  poolBytes: 500,
};

Deno.test("makeMetrics() shows the status of the moment, and counts what happened", async () => {
  let status = STATUS;
  const metrics = makeMetrics(() => status);
  const chain = new TestChain();
  const { header, parentCertificate, certificate } = chain.commit();
  metrics.onAppended({ block: { header, parentCertificate, transactions: [] }, certificate });
  metrics.onRefused("transaction-signature");
  metrics.onRefused("transaction-signature");
  metrics.onEvidence("c");
  status = { ...STATUS, height: 8, synced: false };
  const { type, text } = await metrics.text();
  match(type, /^text\/plain; version=0\.0\.4/);
  for (
    const line of [
      "vnfchain_height 8",
      "vnfchain_round 2",
      "vnfchain_synced 0",
      "vnfchain_peers_connected 1",
      "vnfchain_pool_transactions 5",
      "vnfchain_pool_bytes 500",
      "vnfchain_blocks_total 1",
      "vnfchain_transactions_total 0",
      'vnfchain_refused_total{code="transaction-signature"} 2',
      'vnfchain_evidence_total{member="c"} 1',
    ]
  ) match(text, new RegExp(`^${line.replace(/[{}]/g, "\\$&")}$`, "m"));
});
