/**
 * Metrics in Prometheus' text format, gathered when they are asked for.
 *
 * @module
 */
import { Counter, Gauge, Registry } from "prom-client";
import type { DecidedBlock } from "../../core/block.ts";
import type { NodeStatus } from "./services.ts";

/** A node's metrics. */
export interface NodeMetrics {
  readonly onAppended: (decided: DecidedBlock) => void;
  /** What a member or a client sent and was refused, or a connection that was. */
  readonly onRefused: (code: string, times?: number) => void;
  /** A member contradicted itself. */
  readonly onEvidence: (member: string) => void;
  readonly text: () => Promise<{ readonly type: string; readonly text: string }>;
}

/** Makes the metrics; `status` is asked at each scrape. */
export function makeMetrics(status: () => NodeStatus): NodeMetrics {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, value: (now: NodeStatus) => number) => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value(status()));
      },
    });
  };
  gauge("vnfchain_height", "height of the chain", ({ height }) => height);
  gauge("vnfchain_round", "consensus round at the height being decided", ({ round }) => round);
  gauge("vnfchain_synced", "1 when the node follows the newest height", ({ synced }) => synced ? 1 : 0);
  gauge(
    "vnfchain_peers_connected",
    "members connected",
    ({ peers }) => peers.filter((peer) => peer.connected).length,
  );
  gauge("vnfchain_pool_transactions", "transactions in the pool", ({ poolTransactions }) => poolTransactions);
  gauge("vnfchain_pool_bytes", "bytes of the transactions in the pool", ({ poolBytes }) => poolBytes);
  const blocks = new Counter({
    name: "vnfchain_blocks_total",
    help: "blocks appended since the start",
    registers,
  });
  const transactions = new Counter({
    name: "vnfchain_transactions_total",
    help: "transactions in blocks appended since the start",
    registers,
  });
  const refused = new Counter({
    name: "vnfchain_refused_total",
    help: "what members and clients sent and was refused, by code",
    labelNames: ["code"],
    registers,
  });
  const evidence = new Counter({
    name: "vnfchain_evidence_total",
    help: "heights at which a member was caught contradicting itself since the start, by its name",
    labelNames: ["member"],
    registers,
  });
  return {
    onAppended: ({ block }) => {
      blocks.inc();
      transactions.inc(block.transactions.length);
    },
    onRefused: (code, times = 1) => refused.inc({ code }, times),
    onEvidence: (member) => evidence.inc({ member }),
    text: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  };
}
