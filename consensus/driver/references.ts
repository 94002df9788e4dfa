/**
 * Transactions in the pool whose references are not on the chain yet. They are no work, and nobody proposes them,
 * until the last version that they wait for is there; or else one that waits in vain would have every member time out
 * every leader.
 *
 * @module
 */

/** A version of a configuration; the CID in hexadecimal digits. */
export interface Version {
  readonly cid: string;
  readonly vid: number;
}

/** Who waits for what, by transaction id in hexadecimal digits. */
export interface AwaitedReferences {
  readonly isWaiting: (name: string) => boolean;
  readonly count: () => number;
  /** Notes the references that a transaction lacks; none are fine. */
  readonly wait: (name: string, missing: readonly Version[]) => void;
  /** The transaction is gone. */
  readonly forget: (name: string) => void;
  /** A version is on the chain now, and so are those before it. */
  readonly onVersion: (version: Version) => void;
}

/** Starts with nobody waiting. */
export function makeAwaitedReferences(): AwaitedReferences {
  /** Missing VIDs by CID, of each that waits. */
  const missing = new Map<string, Map<string, number>>();
  /** Who waits for a CID. */
  const waiting = new Map<string, Set<string>>();

  function release(name: string, cid: string): void {
    missing.get(name)?.delete(cid);
    if (missing.get(name)?.size === 0) missing.delete(name);
    waiting.get(cid)?.delete(name);
    if (waiting.get(cid)?.size === 0) waiting.delete(cid);
  }

  return {
    isWaiting: (name) => missing.has(name),
    count: () => missing.size,
    wait: (name, versions) => {
      for (const { cid, vid } of versions) {
        const own = missing.get(name) ?? new Map<string, number>();
        missing.set(name, own.set(cid, Math.max(vid, own.get(cid) ?? 0)));
        waiting.set(cid, (waiting.get(cid) ?? new Set()).add(name));
      }
    },
    forget: (name) => {
      for (const cid of [...missing.get(name)?.keys() ?? []]) release(name, cid);
    },
    onVersion: ({ cid, vid }) => {
      for (const name of [...waiting.get(cid) ?? []]) {
        if ((missing.get(name)?.get(cid) ?? 0) <= vid) release(name, cid);
      }
    },
  };
}
