/** Transactions for the driver's tests: plain configurations of one tenant, small and quick to make. */
import { configuration, type TestConfiguration } from "../../support/test_transactions.ts";
import type { Transaction } from "../../../core/transaction.ts";
import type { Cluster } from "../../support/member_cluster.ts";
import { testKey } from "../../support/keys.ts";

export const tenant = testKey("tenant");

/** One configuration. */
export async function transaction(
  { federation, nowMs }: Pick<Cluster, "federation" | "nowMs">,
  wanted: Partial<TestConfiguration> = {},
): Promise<Transaction> {
  return await configuration(federation, {
    from: tenant,
    to: null,
    content: "x",
    timestamp: nowMs(),
    ...wanted,
  });
}

/** Several, of a CID each. */
export async function transactions(
  cluster: Pick<Cluster, "federation" | "nowMs">,
  count: number,
): Promise<readonly Transaction[]> {
  return await Promise.all(Array.from({ length: count }, () => transaction(cluster)));
}
