/**
 * Batches: an ordered list of mutations as the fewest atomic commits that keep its order. One commit is one fsync, and
 * a small block is one commit. A crash between two commits leaves exactly the mutations before it, which is why the
 * order of a list is the order in which its parts may rely on each other.
 *
 * @module
 */
import { utf8Length } from "../core/cbor.ts";
import { assert, VnfchainError } from "../core/errors.ts";
import { messageOf } from "./kv.ts";
import type { RowKey } from "./layout.ts";
import { type Mutation, nameOf, type Rows, scanKeys } from "./rows.ts";

/** Deno KV's limits for one atomic: mutations, bytes of keys, and bytes of both; the last with room to spare. */
const MUTATIONS = 1_000;
const KEY_BYTES = 81_920;
const TOTAL_BYTES = 780 * 1024;

/** Mutations that become durable together or not at all. */
export type Batch = readonly Mutation[];

/** A row that must still be as this process left it: so two processes on one store find each other out. */
export interface Guard {
  readonly key: RowKey;
  /** Of the last write; null when there was none. */
  readonly versionstamp: string | null;
}

/** Packs mutations in their order. */
export function packBatches(mutations: readonly Mutation[]): readonly Batch[] {
  return packGroups(mutations.map((mutation) => [mutation]));
}

/** Packs groups of mutations in their order; a group that fits one atomic commit is not split. */
export function packGroups(groups: readonly (readonly Mutation[])[]): readonly Batch[] {
  const batches: Mutation[][] = [];
  let used: Size = NOTHING;
  for (const group of groups.filter(({ length }) => length > 0)) {
    const whole = group.map(sizeOf).reduce(add, NOTHING);
    let last = batches.at(-1);
    if (last === undefined || !fits(add(used, whole))) {
      batches.push(last = []);
      used = NOTHING;
    }
    for (const mutation of group) {
      const size = sizeOf(mutation);
      if (!fits(add(used, size))) {
        batches.push(last = []);
        used = NOTHING;
      }
      last.push(mutation);
      used = add(used, size);
    }
  }
  return batches;
}

interface Size {
  readonly mutations: number;
  readonly keyBytes: number;
  readonly totalBytes: number;
}

const NOTHING: Size = { mutations: 0, keyBytes: 0, totalBytes: 0 };

function sizeOf(mutation: Mutation): Size {
  const keyBytes = keyBytesOf(mutation.key);
  const valueBytes = mutation.kind === "set" ? mutation.value.length : 0;
  return { mutations: 1, keyBytes, totalBytes: keyBytes + valueBytes };
}

function add(a: Size, b: Size): Size {
  return {
    mutations: a.mutations + b.mutations,
    keyBytes: a.keyBytes + b.keyBytes,
    totalBytes: a.totalBytes + b.totalBytes,
  };
}

function fits({ mutations, keyBytes, totalBytes }: Size): boolean {
  return mutations <= MUTATIONS && keyBytes <= KEY_BYTES && totalBytes <= TOTAL_BYTES;
}

/**
 * Commits batches one after the other; durable when it resolves. The one that writes the guard's row checks it.
 * Returns the versionstamp of that commit, or the guard's own when none writes its row.
 *
 * @throws VnfchainError `store-write`, `store-shared`
 */
export async function commitBatches(
  kv: Deno.Kv,
  batches: readonly Batch[],
  { guard }: { guard?: Guard } = {},
): Promise<string | null> {
  let versionstamp = guard?.versionstamp ?? null;
  for (const batch of batches) {
    const guarded = guard !== undefined && batch.some(({ key }) => nameOf(key) === nameOf(guard.key));
    const committed = await commit(kv, batch, guarded ? [guard] : []);
    if (guarded) versionstamp = committed;
  }
  return versionstamp;
}

async function commit(kv: Deno.Kv, batch: Batch, checks: readonly Guard[]): Promise<string> {
  const atomic = kv.atomic();
  for (const check of checks) atomic.check(check);
  for (const mutation of batch) {
    if (mutation.kind === "set") atomic.set(mutation.key, mutation.value);
    else atomic.delete(mutation.key);
  }
  const result = await atomic.commit().catch((cause: unknown) => {
    throw new VnfchainError(`Cannot write the store: ${messageOf(cause)}`, {
      code: "store-write",
      hint: "Check the disk's space and health, or the connection to the KV server, and start the node again",
      cause,
    });
  });
  if (!result.ok) {
    throw new VnfchainError("Cannot write the store: another process has written to it", {
      code: "store-shared",
      hint: "Give every node a store of its own",
    });
  }
  return result.versionstamp;
}

/** Deletes the rows from `start` up to but not including `end`, unread; a crash leaves some. */
export async function deleteRange(rows: Rows, range: { start: RowKey; end: RowKey }): Promise<void> {
  const mutations: Mutation[] = [];
  for await (const key of scanKeys(rows, range)) mutations.push({ kind: "delete", key });
  await commitBatches(rows.kv, packBatches(mutations));
}

/** Bytes of a key as Deno KV counts them, at most: it writes a zero byte as two. */
function keyBytesOf(key: RowKey): number {
  return key.reduce<number>((sum, part) => {
    assert(typeof part !== "number" || Number.isSafeInteger(part), `key part is ${part}`);
    if (typeof part === "number") return sum + 9;
    return sum + 2 + 2 * (typeof part === "string" ? utf8Length(part) : part.length);
  }, 0);
}
