/**
 * Receipts against a chain: what a node once confirmed must be there. They alone tell a chain whose tail was cut, or
 * that was written anew by those who signed it, from the one that was seen before.
 *
 * @module
 */
import { blockHash } from "../../core/block.ts";
import type { Hash, Height } from "../../core/brands.ts";
import { type Bytes, equal, toHex } from "../../core/bytes.ts";
import type { ReplayedBlock } from "../../core/chain_replay.ts";
import { refuse } from "../../core/errors.ts";
import type { Federation } from "../../core/federation.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { type VerifiedReceipt, verifyReceipt } from "../../core/receipt.ts";
import { failure, type Finding } from "./finding.ts";

/** A receipt's file. */
export interface ReceiptFile {
  /** As the user named it. */
  readonly name: string;
  readonly bytes: Bytes;
}

/** Receipts that wait for their blocks. */
export interface ReceiptCheck {
  /** Receipts that do not hold by themselves. */
  readonly findings: readonly Finding[];
  /** Judges the receipts of this block. */
  readonly onBlock: (block: ReplayedBlock) => readonly Finding[];
  /** Judges those whose block did not come; `complete` tells whether the chain ended by itself. */
  readonly finish: (end: { readonly height: Height; readonly complete: boolean }) => readonly Finding[];
  /** Receipts found on the chain so far. */
  readonly found: () => number;
}

interface Expected extends VerifiedReceipt {
  readonly name: string;
  readonly hash: Hash;
}

/** Verifies the receipts and waits for their blocks. */
export function openReceiptCheck(files: readonly ReceiptFile[], federation: Federation): ReceiptCheck {
  const expected: Expected[] = [];
  const findings: Finding[] = [];
  let found = 0;
  for (const { name, bytes } of files) {
    const receipt = verifyReceipt(bytes, { pinned: federation, crypto: platformCrypto });
    if (receipt.ok) {
      expected.push({ name, hash: blockHash(platformCrypto.hash, receipt.value.header), ...receipt.value });
    } else findings.push(failure(0, { ...receipt, detail: `receipt ${name}: ${receipt.detail}` }));
  }

  function judge(block: ReplayedBlock, { name, hash, index, transaction }: Expected): Finding | undefined {
    const id = block.transactions[index]?.id;
    if (equal(hash, block.hash) && id !== undefined && equal(id, transaction.id)) {
      found++;
      return undefined;
    }
    const detail = `receipt ${name} is of block ${toHex(hash)}, but the chain has ${toHex(block.hash)}`;
    return failure(block.header.height, refuse("fork", detail));
  }

  return {
    findings,
    onBlock: (block) =>
      expected.filter(({ header }) => header.height === block.header.height)
        .flatMap((receipt) => judge(block, receipt) ?? []),
    finish: ({ height, complete }) =>
      expected.filter(({ header }) => header.height > height).map(({ name, header, transaction }) => {
        const what = `receipt ${name} has transaction ${toHex(transaction.id)} in block ${header.height}`;
        return complete
          ? failure(header.height, refuse("proof-incomplete", `${what}, but the chain ends at ${height}`))
          : { severity: "notice", height: header.height, rule: "receipt", detail: `${what}: not judged` };
      }),
    found: () => found,
  };
}
