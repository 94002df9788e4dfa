/**
 * Blocks held for the height being decided: durable before a vote for them, served to members that lack bodies, and
 * committed from memory. The last few are at hand; older ones are read from the store again, where they stay until
 * their height is decided. What is remembered grows by one block a round at most, and a round takes its timer.
 *
 * @module
 */
import type { Block } from "../../core/block.ts";
import type { Hash, TxId } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import { LIMITS } from "../../core/limits.ts";
import type { ChainPort } from "../../core/ports.ts";
import type { Transaction } from "../../core/transaction.ts";

/** The held blocks. */
export interface HeldBlocks {
  /** Makes a block durable, and keeps it at hand. */
  readonly keep: (hash: Hash, block: Block) => Promise<void>;
  /** A held block, from before a restart too; then it is at hand again. */
  readonly read: (hash: Hash) => Promise<Block | null>;
  /** A transaction of a block at hand. */
  readonly transaction: (id: TxId) => Transaction | undefined;
  /** Those of these transactions that any held block has. */
  readonly find: (ids: readonly TxId[]) => Promise<readonly Transaction[]>;
  /** Forgets the blocks of decided heights. */
  readonly forgetUpTo: (height: number) => void;
}

interface AtHand {
  readonly block: Block;
  readonly bodies: ReadonlyMap<string, Transaction>;
}

/** Starts with none at hand. */
export function openHeldBlocks(chain: Pick<ChainPort, "hold" | "held">): HeldBlocks {
  const atHand = new Map<string, AtHand>();
  /** The block in which each transaction stands, by id; blocks that are not at hand included. */
  const places = new Map<string, { readonly hash: Hash; readonly height: number }>();

  function remember(hash: Hash, block: Block): void {
    const bodies = new Map(block.transactions.map((transaction) => [toHex(transaction.id), transaction]));
    atHand.delete(toHex(hash));
    atHand.set(toHex(hash), { block, bodies });
    for (const name of bodies.keys()) places.set(name, { hash, height: block.header.height });
    for (const oldest of atHand.keys()) {
      if (atHand.size <= LIMITS.heldProposals) break;
      atHand.delete(oldest);
    }
  }

  async function read(hash: Hash): Promise<Block | null> {
    const near = atHand.get(toHex(hash));
    if (near !== undefined) return near.block;
    const block = await chain.held(hash);
    if (block !== null) remember(hash, block);
    return block;
  }

  function transaction(id: TxId): Transaction | undefined {
    const name = toHex(id);
    const place = places.get(name);
    return place === undefined ? undefined : atHand.get(toHex(place.hash))?.bodies.get(name);
  }

  return {
    keep: async (hash, block) => {
      await chain.hold(hash, block);
      remember(hash, block);
    },
    read,
    transaction,
    find: async (ids) => {
      const wanted = ids.map(toHex);
      const blocks = wanted.map((name) => places.get(name)?.hash).filter((hash) => hash !== undefined);
      const found = new Map<string, Transaction>();
      // Block by block, so that no order of the ids makes us read one of them twice.
      for (const hash of new Map(blocks.map((each) => [toHex(each), each])).values()) {
        await read(hash);
        const bodies = atHand.get(toHex(hash))?.bodies;
        for (const name of wanted) {
          const one = bodies?.get(name);
          if (one !== undefined) found.set(name, one);
        }
      }
      return [...found.values()];
    },
    forgetUpTo: (height) => {
      for (const [name, { block }] of atHand) if (block.header.height <= height) atHand.delete(name);
      for (const [name, place] of places) if (place.height <= height) places.delete(name);
    },
  };
}
