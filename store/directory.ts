/**
 * What the store keeps in a node's data directory.
 *
 * @module
 */
import { join } from "node:path";

/** Paths in a data directory. */
export interface DataDirectory {
  /** Deno KV: chain, state and pool. Can be deleted: the node catches up from its peers. */
  readonly chain: string;
  /** What the node has voted. Never to be deleted, copied back or shared. */
  readonly votes: string;
  /** Held by the process that uses the directory. */
  readonly lock: string;
}

/** The paths in the directory at `path`. */
export function dataDirectory(path: string): DataDirectory {
  return { chain: join(path, "chain.kv"), votes: join(path, "votes.journal"), lock: join(path, "lock") };
}
