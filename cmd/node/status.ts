/**
 * `vnfchain node status`: asks a running node how it stands.
 *
 * @module
 */
import { EXIT, VnfchainError } from "../../core/errors.ts";
import { requestNode } from "../common/http_client.ts";
import { escaped, table } from "../common/output.ts";
import type { NodeStatus } from "./services.ts";

/** Asks the node at `url`; throws `no-node` with exit code 3 when it does not answer. */
export async function readNodeStatus(url: string): Promise<NodeStatus> {
  if (!URL.canParse(url)) {
    throw new VnfchainError(`ask node: ${url} is no URL`, {
      code: "usage",
      hint: "wanted http://host:port",
      exitCode: EXIT.usage,
    });
  }
  const reply = await requestNode(new URL("/v1/status", url), { accept: "application/json" });
  if (reply.kind !== "ok") {
    throw new VnfchainError(`ask node: ${url}: ${reply.kind === "refused" ? reply.detail : reply.reason}`, {
      code: "no-node",
      hint: "check that the node runs and that this is its client address",
      exitCode: EXIT.unreachable,
    });
  }
  // The operator's own node: what it says of itself is shown, not relied on.
  return JSON.parse(new TextDecoder().decode(reply.body)) as NodeStatus;
}

/** The status as text for people. */
export function describeStatus(status: NodeStatus): string {
  const { name, height, round, standing, synced, peers, poolTransactions, poolBytes } = status;
  const rows = [
    ["node", escaped(String(name))],
    ["height", `${height}, round ${round}, ${escaped(String(standing))}`],
    ["synced", synced ? "yes" : "no"],
    ["pool", `${poolTransactions} transactions, ${poolBytes} bytes`],
    ...peers.map((peer) => [
      `member ${escaped(String(peer.name))}`,
      peer.connected
        ? `connected, height ${peer.height}`
        : `not connected, last seen at height ${peer.height}`,
    ]),
  ];
  return table(rows);
}
