/** A chain with something of everything: what the tests of the auditor read. */
import { utf8 } from "../../../core/bytes.ts";
import { inclusionPath } from "../../../core/merkle.ts";
import { platformCrypto, randomBytes } from "../../../core/platform/crypto.ts";
import { generatePrivateKey, type PrivateKey } from "../../../core/platform/private_key.ts";
import { encodeReceipt } from "../../../core/receipt.ts";
import type { Transaction } from "../../../core/transaction.ts";
import { readTransaction } from "../../../core/transaction_rules.ts";
import {
  blockAt,
  configuration,
  makeFederation,
  newCid,
  openChain,
  request,
  sign,
  type TestChain,
} from "./chain.ts";

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

/** Thirty-six blocks by four members, with round changes and a tenure of eight. */
export async function tellStory(): Promise<Story> {
  const chain = openChain(await makeFederation(4));
  const [tenant, vendor, stranger, vnf] = [0, 1, 2, 3].map(generatePrivateKey) as [
    PrivateKey,
    PrivateKey,
    PrivateKey,
    PrivateKey,
  ];
  const recipient = vnf.publicKey;
  const template = newCid(vendor.publicKey);
  const cid = newCid(tenant.publicKey);
  chain.append([]);
  chain.append([
    await configuration(chain, vendor, {
      cid: template,
      description: "base \u001b[31mrules",
      name: "base.nft",
    }),
  ]);
  const applyBefore = [{ cid: template, vid: null }];
  const encrypted = { encrypt: true, compression: "zstd", recipient, cid } as const;
  const first = await configuration(chain, tenant, {
    ...encrypted,
    bytes: utf8(FIREWALL[0]),
    name: "fw.nft",
    applyBefore,
  });
  chain.append([first, await configuration(chain, stranger)], { createdRound: 1, decidedRound: 3 });
  for (let i = 4; i < 20; i++) {
    chain.append(
      i % 2 ? [] : [await configuration(chain, stranger, { bytes: randomBytes(2000), compression: "gzip" })],
    );
  }
  const second = await configuration(chain, tenant, {
    ...encrypted,
    vid: 2,
    bytes: utf8(FIREWALL[1]),
    name: "fw.nft",
  });
  chain.append([second, await configuration(chain, vendor, { cid: template, vid: 2 })], {
    signers: [1, 2, 3],
  });
  const asked = request(chain, tenant, recipient);
  chain.append([asked]);
  const answer = await configuration(chain, vnf, {
    cid: asked.payload.cid,
    recipient: tenant.publicKey,
    encrypt: true,
    type: "state",
    bytes: Uint8Array.of(0, 1, 2, 255),
    inReplyTo: asked.id,
  });
  chain.append([answer]);
  const { payload } = await configuration(chain, tenant, { recipient, encrypt: true });
  // Sealed under another header than the one that it stands under: nobody can open it.
  chain.append([
    sign({ ...payload, description: "moved" }, { federation: chain.federation, sender: tenant }),
  ]);
  while (chain.blocks.length < 36) chain.append([], { nextSigners: [0, 1, 3] });
  return { chain, tenant, vendor, stranger, vnf, firewall: [first, second] };
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
  return encodeReceipt({ header, certificate, transaction, index, path }, chain.federation);
}
