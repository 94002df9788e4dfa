/**
 * Members with real certificates and changes of their federation, for the store's tests.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Block, DecidedBlock } from "../../core/block.ts";
import { asRound } from "../../core/brands.ts";
import { equal } from "../../core/bytes.ts";
import type { FederationDocument } from "../../core/federation.ts";
import type { FederationChange } from "../../core/federation_change.ts";
import type { PrivateKey } from "../../core/platform/private_key.ts";
import type { Transaction } from "../../core/transaction.ts";
import type { ChainStore } from "../../store/chain_store.ts";
import {
  type ChangeOptions,
  changeTransaction,
  makeChange,
  memberOf,
  naming,
} from "../support/federation_changes.ts";
import { certifiedFederation, certify } from "../support/federation.ts";
import { keyOf, START_MS } from "./fixture.ts";

/** Of the four members and of two others. */
export const keys: readonly PrivateKey[] = Array.from({ length: 6 }, (_, i) => keyOf(1_000_000 + i));
/** Four members, and who certifies others. */
export const world = await certifiedFederation({ keys: keys.slice(0, 4), timeMs: START_MS });
const { federation, issue } = world;
/** The first members. */
export const { members } = federation.document;

/** A new member with a certificate; a key of another's may stand in it. */
export async function certified(index: number, options: { notAfterMs?: number; key?: PrivateKey } = {}) {
  const { key = keys[index] as PrivateKey, ...validity } = options;
  const member = memberOf(keys[index] as PrivateKey, { name: `member-${index}`, index });
  return { ...member, certificate: await issue({ name: member.name, key: key.publicKey }, validity) };
}

/** A fifth member. */
export const fifth = await certified(4);
/** The document with the fifth. */
export const joined: Partial<FederationDocument> = { members: [...members, fifth] };

/** A change on the store's tip. */
export function changeOn(
  store: ChainStore,
  next: Partial<FederationDocument>,
  options: Partial<ChangeOptions> = {},
) {
  const { header, federation } = store.tip();
  return makeChange({ federation, keys, next, ...(header && { names: naming(header) }), ...options });
}

/** Its transaction. */
export function sent(store: ChainStore, change: FederationChange): Transaction {
  return changeTransaction(change, { federation, from: keyOf(1), timestamp: store.tip().parent.time });
}

/** A block of candidates. */
export function build(store: ChainStore, candidates: readonly Transaction[] = []) {
  const proposer = keyOf(1_000_000).publicKey;
  const nowMs = store.tip().parent.time + 1000;
  return store.build({ candidates, proposer, createdRound: asRound(0), nowMs });
}

/** Certified by those who are in force at the block's height. */
export function decide(store: ChainStore, block: Block): DecidedBlock {
  const inForce = store.federationAt(block.header.height);
  const own = inForce.document.members.map(({ key }) =>
    keys.find((one) => equal(one.publicKey, key)) as PrivateKey
  );
  return { block, certificate: certify({ federation: inForce, keys: own }, { header: block.header }) };
}

/** Builds, decides and appends a block; nothing may be refused. */
export async function append(store: ChainStore, candidates: readonly Transaction[] = []): Promise<void> {
  const { block, refused } = await build(store, candidates);
  assert.deepEqual([...refused.values()], []);
  const appended = await store.append(decide(store, block));
  assert.ok(appended.ok, JSON.stringify(appended));
}
