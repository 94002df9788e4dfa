/** A chain with something of everything: what the tests of the auditor read. */
import { inclusionPath } from "../../../core/merkle.ts";
import { platformCrypto, randomBytes } from "../../../core/platform/crypto.ts";
import { generatePrivateKey, type PrivateKey } from "../../../core/platform/private_key.ts";
import { encodeReceipt } from "../../../core/receipt.ts";
import type { Transaction } from "../../../core/transaction.ts";
import { readTransaction } from "../../../core/transaction_rules.ts";
import type { Cid } from "../../../core/brands.ts";
import { COMPRESSION, ENCRYPTION } from "../../../core/transaction.ts";
import { certifiedFederation, type TestFederation } from "../../support/federation.ts";
import { blockAt, TestChain } from "../../support/test_chain.ts";
import { newCid, plainConfiguration, request, sign } from "../../support/test_transactions.ts";

/** What stands in the tenant's firewall configuration, by version. */
export const FIREWALL = ["table inet fw { }\n", "table inet fw { chain input { drop } }\n"] as const;

/** A chain and who writes on it. */
export interface Story {
  readonly chain: TestChain;
  readonly tenant: PrivateKey;
  readonly vendor: PrivateKey;
  readonly stranger: PrivateKey;
  readonly vnf: PrivateKey;
  /** Encrypted to the VNF: FIREWALL, in blocks 3 and 20. */
  readonly firewall: readonly [Transaction, Transaction];
}

/** A federation with real certificates and a tenure so short that the leader changes. */
export function auditedFederation(size: number): Promise<TestFederation> {
  return certifiedFederation({ size, timeMs: Date.UTC(2026, 0, 1), parameters: { tenureBlocks: 8 } });
}

/** Thirty-six blocks by four members, with round changes and a tenure of eight. */
export async function tellStory(): Promise<Story> {
  const chain = new TestChain(await auditedFederation(4));
  const [tenant, vendor, stranger, vnf] = [0, 1, 2, 3].map(generatePrivateKey) as [
    PrivateKey,
    PrivateKey,
    PrivateKey,
    PrivateKey,
  ];
  const people = { tenant, vendor, stranger, vnf };
  const template = newCid(vendor.publicKey);
  const cid = newCid(tenant.publicKey);
  const first = await firstBlocks(chain, { ...people, template, cid });
  for (let i = 4; i < 20; i++) {
    const noise = { content: randomBytes(2000), compression: COMPRESSION.gzip };
    chain.append(i % 2 ? [] : [await plainConfiguration(chain, stranger, noise)]);
  }
  const second = await plainConfiguration(chain, tenant, {
    ...ENCRYPTED,
    to: vnf.publicKey,
    cid,
    vid: 2,
    content: FIREWALL[1],
  });
  chain.append([second, await plainConfiguration(chain, vendor, { cid: template, vid: 2 })], {
    signers: [1, 2, 3],
  });
  await lastBlocks(chain, people);
  return { chain, ...people, firewall: [first, second] };
}

const ENCRYPTED = { encryption: ENCRYPTION.hpke, compression: COMPRESSION.zstd, name: "fw.nft" } as const;

type People = Pick<Story, "tenant" | "vendor" | "stranger" | "vnf">;

/** An empty block, a template, and the firewall that refers to it. */
async function firstBlocks(
  chain: TestChain,
  { tenant, vendor, stranger, vnf, template, cid }: People & { template: Cid; cid: Cid },
): Promise<Transaction> {
  chain.append([]);
  chain.append([
    await plainConfiguration(chain, vendor, {
      cid: template,
      description: "base \u001b[31mrules",
      name: "base.nft",
    }),
  ]);
  const first = await plainConfiguration(chain, tenant, {
    ...ENCRYPTED,
    to: vnf.publicKey,
    cid,
    content: FIREWALL[0],
    before: [{ cid: template, vid: null }],
  });
  const rounds = { createdRound: 1, decidedRound: 3 };
  chain.append([first, await plainConfiguration(chain, stranger)], rounds);
  return first;
}

/** A request, its answer, a configuration that nobody can open, and empty blocks. */
async function lastBlocks(chain: TestChain, { tenant, vnf }: People): Promise<void> {
  const { federation } = chain;
  const timestamp = chain.tip().parent.time;
  const asked = request(federation, {
    from: tenant,
    to: vnf.publicKey,
    description: "state, please",
    timestamp,
  });
  chain.append([asked]);
  const answer = await plainConfiguration(chain, vnf, {
    cid: asked.payload.cid,
    to: tenant.publicKey,
    encryption: ENCRYPTION.hpke,
    type: "state",
    content: Uint8Array.of(0, 1, 2, 255),
    inReplyTo: asked.id,
  });
  chain.append([answer]);
  const { payload } = await plainConfiguration(chain, tenant, {
    to: vnf.publicKey,
    encryption: ENCRYPTION.hpke,
  });
  // Sealed under another header than the one that it stands under: nobody can open it.
  chain.append([sign(federation, { payload: { ...payload, description: "moved" }, key: tenant })]);
  while (chain.blocks.length < 36) chain.append([], { nextSigners: [0, 1, 3] });
}

/** The receipt of a transaction, as a node gives it. */
export function receiptOf(chain: TestChain, { height, index = 0 }: { height: number; index?: number }) {
  const { header, certificate, transactions } = blockAt(chain, height);
  const { genesisId } = chain.federation;
  const ids = transactions.map((bytes) => {
    const read = readTransaction(bytes, { genesisId, hash: platformCrypto.hash });
    if (!read.ok) throw new Error(read.detail);
    return read.value.transaction.id;
  });
  const path = inclusionPath(platformCrypto.hash, ids, index);
  const transaction = transactions[index] as typeof transactions[number];
  return encodeReceipt({ changes: [], header, certificate, transaction, index, path }, chain.federation);
}
