/**
 * Who may write: keys are free and anonymous, disks are not. A node may want a token from clients that send
 * transactions, and bounds how much each token and each address sends. Tokens are known to this node alone and never
 * recorded on the chain, so that they do not undo the anonymity of keys.
 *
 * @module
 */
import { isIPv6 } from "node:net";
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
export function makeAdmission(
  policy: AdmissionPolicy,
  { hashToken, maxBuckets = LIMITS.rateBuckets }: {
    hashToken: (token: string) => string;
    maxBuckets?: number;
  },
): Admission {
  const buckets = new Map<string, Bucket>();

  function take(name: string, nowMs: number): boolean {
    const bucket = buckets.get(name) ?? { left: policy.burst, sinceMs: nowMs };
    const earned = Math.max(0, nowMs - bucket.sinceMs) / 1000 * policy.ratePerSecond;
    const left = Math.min(policy.burst, bucket.left + earned);
    // Re-inserted, so that the map's order is by last use and the oldest is forgotten first.
    buckets.delete(name);
    buckets.set(name, { left: left >= 1 ? left - 1 : left, sinceMs: nowMs });
    if (buckets.size > maxBuckets) buckets.delete(buckets.keys().next().value as string);
    return left >= 1;
  }

  return ({ token, remote, nowMs }) => {
    const known = token === undefined ? undefined : policy.tokens?.get(hashToken(token));
    // A wrong token costs its address a place too: so tokens are not guessed any faster than transactions are sent.
    const name = known === undefined ? `address ${clientName(remote)}` : `token ${known}`;
    if (!take(name, nowMs)) {
      return refuse("rate", `more than ${policy.ratePerSecond} transactions a second`);
    }
    return policy.tokens === null || known !== undefined
      ? undefined
      : refuse("unauthorized", "this node takes transactions with a token alone");
  };
}

/**
 * What an address counts as: an IPv6 client as its network of 64 bits, in which it may choose any address; IPv4 in
 * IPv6 as IPv4.
 */
export function clientName(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [head = "", tail] = (address.split("%", 1)[0] ?? "").toLowerCase().split("::", 2);
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array<string>(Math.max(0, zeros)).fill("0"), ...after];
  return `${groups.slice(0, 4).map((group) => parseInt(group, 16).toString(16)).join(":")}::/64`;
}
