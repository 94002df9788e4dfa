/**
 * Receipts. All clients that wait for one block ask for theirs at the same moment: so what a block's receipts share,
 * its header, its certificate and its transaction tree, is read once and kept for the last few blocks asked about.
 *
 * @module
 */
import type { Header } from "../../../core/block.ts";
import type { Hash, Height, TxId } from "../../../core/brands.ts";
import type { Bytes } from "../../../core/bytes.ts";
import type { Certificate } from "../../../core/certificate.ts";
import { accept, assert, refuse, type Verdict } from "../../../core/errors.ts";
import type { FederationTransition } from "../../../core/federation_following.ts";
import type { HashFunction } from "../../../core/hashing.ts";
import { LIMITS } from "../../../core/limits.ts";
import { merkleRoot } from "../../../core/merkle.ts";
import type { Position } from "../../../core/ports.ts";
import { encodeReceipt } from "../../../core/receipt.ts";
import { readTransaction } from "../../../core/transaction_rules.ts";
import type { NodeServices } from "../services.ts";
import { changesAfter } from "./federation_changes.ts";

/** Makes the receipt of the transaction at a position; refuses `unknown` where there is none. */
export type Receipts = (position: Position) => Promise<Verdict<Bytes>>;

interface SharedPart {
  readonly changes: readonly FederationTransition[];
  readonly header: Header;
  readonly certificate: Certificate;
  readonly tree: TransactionTree;
}

/** Makes receipts from the chain. */
export function makeReceipts(
  { chain, federation, crypto: { hash } }: Pick<NodeServices, "chain" | "federation" | "crypto">,
): Receipts {
  /** By height, by last use; promises, so that those who ask together wait for one reading. */
  const shared = new Map<Height, Promise<SharedPart | null>>();

  async function read(height: Height): Promise<SharedPart | null> {
    const block = await chain.block(height);
    if (block === null) return null;
    const { genesisId } = federation;
    const ids = block.transactions.map((bytes): TxId => {
      const read = readTransaction(bytes, { genesisId, hash });
      assert(read.ok, "a transaction on the chain can be read");
      return read.value.transaction.id;
    });
    const changes = await changesAfter(chain, { sequence: 0, height });
    return { changes, header: block.header, certificate: block.certificate, tree: makeTree(hash, ids) };
  }

  function find(height: Height): Promise<SharedPart | null> {
    const part = shared.get(height) ?? read(height);
    shared.delete(height);
    shared.set(height, part);
    if (shared.size > LIMITS.receiptBlocks) shared.delete(shared.keys().next().value as Height);
    // What is not there may come, and what failed may work: neither is kept.
    part.then((found) => found === null && shared.delete(height), () => shared.delete(height));
    return part;
  }

  return async ({ height, index }) => {
    const [part, transaction] = await Promise.all([find(height), chain.transactionAt({ height, index })]);
    if (part === null || transaction === null) {
      return refuse("unknown", `transaction ${index} of block ${height} is not stored here`);
    }
    const { changes, header, certificate, tree } = part;
    const path = tree.path(index);
    const [first] = chain.federationTerms();
    assert(first !== undefined, "a chain has a first federation document");
    return accept(
      encodeReceipt({ changes, header, certificate, transaction, index, path }, first.federation),
    );
  };
}

/** A block's transaction tree, of which each part is hashed at most once. */
export interface TransactionTree {
  /** The inclusion path of a leaf (RFC 9162 §2.1.3.1). */
  readonly path: (index: number) => readonly Hash[];
}

/** Makes the tree over `leaves`. */
export function makeTree(hash: HashFunction, leaves: readonly Uint8Array[]): TransactionTree {
  const roots = new Map<string, Hash>();

  function rootOf(start: number, end: number): Hash {
    const name = `${start} ${end}`;
    const found = roots.get(name) ?? merkleRoot(hash, leaves.slice(start, end));
    roots.set(name, found);
    return found;
  }

  return {
    path: (index) => {
      assert(index >= 0 && index < leaves.length, `no leaf ${index} of ${leaves.length}`);
      const fromTheRoot: Hash[] = [];
      for (let start = 0, end = leaves.length; end - start > 1;) {
        const middle = start + splitOf(end - start);
        fromTheRoot.push(index < middle ? rootOf(middle, end) : rootOf(start, middle));
        [start, end] = index < middle ? [start, middle] : [middle, end];
      }
      return fromTheRoot.reverse();
    },
  };
}

/** The largest power of two below `size`, which is at least 2. */
function splitOf(size: number): number {
  return 2 ** (31 - Math.clz32(size - 1));
}
