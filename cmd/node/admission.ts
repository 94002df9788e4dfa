/**
 * Who may write: keys are free and anonymous, disks are not. A node may want a token from clients that send
 * transactions, and bounds how much each token and each address sends. Tokens are known to this node alone and never
 * recorded on the chain, so that they do not undo the anonymity of keys.
 *
 * @module
 */
import { type Refusal, refuse } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";

/** How a node admits clients. */
export interface AdmissionPolicy {
  /** SHA-256 of each accepted token in hexadecimal, with a name for the log; null admits everybody. */
  readonly tokens: ReadonlyMap<string, string> | null;
  /** Transactions a second for each token and each address, over time. */
  readonly ratePerSecond: number;
  /** Transactions that may come at once. */
  readonly burst: number;
}

/** Judges whether a client may send a transaction now. */
export type Admission = (
  client: { readonly token: string | undefined; readonly remote: string; readonly nowMs: number },
) => Refusal | undefined;

interface Bucket {
  left: number;
  sinceMs: number;
}

/** Starts with full buckets; `hashToken` gives SHA-256 in hexadecimal, so that the node keeps no token itself. */
export function makeAdmission(policy: AdmissionPolicy, hashToken: (token: string) => string): Admission {
  const buckets = new Map<string, Bucket>();

  function take(name: string, nowMs: number): boolean {
    const bucket = buckets.get(name) ?? { left: policy.burst, sinceMs: nowMs };
    const earned = Math.max(0, nowMs - bucket.sinceMs) / 1000 * policy.ratePerSecond;
    const left = Math.min(policy.burst, bucket.left + earned);
    // Re-inserted, so that the map's order is by last use and the oldest is forgotten first.
    buckets.delete(name);
    buckets.set(name, { left: left >= 1 ? left - 1 : left, sinceMs: nowMs });
    if (buckets.size > LIMITS.rateBuckets) buckets.delete(buckets.keys().next().value as string);
    return left >= 1;
  }

  return ({ token, remote, nowMs }) => {
    let name = `address ${remote}`;
    if (policy.tokens !== null) {
      const known = token === undefined ? undefined : policy.tokens.get(hashToken(token));
      if (known === undefined) {
        return refuse("unauthorized", "this node takes transactions with a token alone");
      }
      name = `token ${known}`;
    }
    return take(name, nowMs)
      ? undefined
      : refuse("rate", `more than ${policy.ratePerSecond} transactions a second`);
  };
}
