/**
 * Members, tenants and blocks for the store's tests: real keys, signatures and certificates, all from one seed.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Block, DecidedBlock } from "../../core/block.ts";
import { asRound, type Cid, type PublicKey } from "../../core/brands.ts";
import { type Bytes, equal, toHex, u64be } from "../../core/bytes.ts";
import { makeCid } from "../../core/cid.ts";
import { memberAt, type Parameters } from "../../core/federation.ts";
import { platformCrypto } from "../../core/platform/crypto.ts";
import { type PrivateKey, privateKeyFromSeed } from "../../core/platform/private_key.ts";
import { type Payload, type Reference, signTransaction, type Transaction } from "../../core/transaction.ts";
import { type ChainStore, openStore, type StoreOptions } from "../../store/chain_store.ts";
import { certify, makeFederation, type TestFederation } from "../support/federation.ts";
import { temporaryDirectory } from "../support/temporary_directory.ts";

export const { hash } = platformCrypto;

/** Time of the first document; blocks come after it. */
export const START_MS = 1_700_000_000_000;

/** A key of its own for each number. */
export function keyOf(number: number): PrivateKey {
  return privateKeyFromSeed(hash(u64be(number)));
}

/** A federation and its members' keys. */
export type World = TestFederation;

/** A federation of `n` members. */
export function makeWorld(n = 1, parameters: Partial<Parameters> = {}): World {
  const keys = Array.from({ length: n }, (_, i) => keyOf(1_000_000 + i));
  return makeFederation({ keys, parameters, timeMs: START_MS });
}

/** What a transaction is to be; the rest is filled in. */
export interface Wanted {
  readonly sender?: PrivateKey;
  readonly recipient?: PublicKey | null;
  /** Of the sender's CIDs, which. */
  readonly cid?: number;
  readonly vid?: number;
  readonly timestamp?: number;
  readonly nonce?: number;
  readonly bytes?: number;
  readonly applyBefore?: readonly Reference[];
  /** A request to this key instead of a configuration. */
  readonly requestTo?: PrivateKey;
}

let nonces = 0;

/** The sender's CID with this number. */
export function cidOf(owner: PublicKey, number: number): Cid {
  const random = new Uint8Array(16);
  new DataView(random.buffer).setUint32(0, number);
  return makeCid(hash, { owner, random });
}

/** A signed transaction. */
export function makeTransaction({ federation }: World, wanted: Wanted = {}): Transaction {
  const sender = wanted.sender ?? keyOf(1);
  const nonce = new Uint8Array(16);
  new DataView(nonce.buffer).setUint32(0, wanted.nonce ?? ++nonces + 1_000_000);
  const header = {
    version: 1,
    cid: cidOf((wanted.requestTo ?? sender).publicKey, wanted.cid ?? 0),
    vid: wanted.vid ?? 1,
    compression: 0,
    encryption: 0,
    description: "",
    sender: sender.publicKey,
    recipient: wanted.requestTo?.publicKey ?? wanted.recipient ?? null,
    timestamp: wanted.timestamp ?? START_MS,
    nonce,
  } as const;
  const payload: Payload = wanted.requestTo === undefined
    ? {
      ...header,
      type: 1,
      body: {
        applyBefore: wanted.applyBefore ?? [],
        applyAfter: [],
        inReplyTo: null,
        configuration: new Uint8Array(wanted.bytes ?? 8),
      },
    }
    : { ...header, type: 2, body: { replyTo: sender.publicKey } };
  return signTransaction(payload, { genesisId: federation.genesisId, hash, sign: sender.sign });
}

/** Decides a block: all members sign it. */
export function decide(world: World, block: Block): DecidedBlock {
  return { block, certificate: certify(world, { header: block.header, signers: world.keys.length }) };
}

/** Makes a block of candidates. */
export async function buildOn(
  store: ChainStore,
  world: World,
  { candidates = [], nowMs }: { candidates?: readonly Transaction[]; nowMs?: number } = {},
): Promise<Awaited<ReturnType<ChainStore["build"]>>> {
  return await store.build({
    candidates,
    proposer: memberAt(world.federation, 0).key,
    createdRound: asRound(0),
    nowMs: nowMs ?? store.tip().parent.time + 1000,
  });
}

/** Makes a block of candidates, all of which must fit, decides and appends it. */
export async function appendTo(
  store: ChainStore,
  world: World,
  options: { candidates?: readonly Transaction[]; nowMs?: number } = {},
): Promise<DecidedBlock> {
  const { block, refused } = await buildOn(store, world, options);
  assert.deepEqual([...refused.values()], []);
  const decided = decide(world, block);
  const appended = await store.append(decided);
  assert.ok(appended.ok, JSON.stringify(appended));
  return decided;
}

/** A directory with a store in it that can be opened again and again. */
export async function withStorePath(
  world: World,
  body: (open: (options?: Partial<StoreOptions>) => Promise<ChainStore>, path: string) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const location = directory.file("chain.kv");
  await body(
    (options) => openStore({ location, federation: world.federation, crypto: platformCrypto, ...options }),
    location,
  );
}

/** Bytes that differ from place to place. */
export function patterned(length: number): Bytes {
  return new Uint8Array(length).map((_, i) => (i * 31 + (i >> 8)) & 0xff);
}

/** Compares transactions by id and bytes, without printing megabytes when they differ. */
export function sameTransactions(found: readonly Transaction[], wanted: readonly Transaction[]): void {
  assert.deepEqual(found.map(({ id }) => toHex(id)), wanted.map(({ id }) => toHex(id)));
  assert.ok(found.every(({ bytes }, i) => equal(bytes, (wanted[i] as Transaction).bytes)), "bytes differ");
}

/** Compares long byte strings, without printing them when they differ. */
export function sameBytes(found: readonly Uint8Array[] | undefined, wanted: readonly Uint8Array[]): void {
  assert.deepEqual(found?.map((bytes) => toHex(hash(bytes))), wanted.map((bytes) => toHex(hash(bytes))));
}

/** The same key-value store, which takes no commit while the disk is full. */
export function fullWhen(kv: Deno.Kv, disk: { readonly isFull: boolean }): Deno.Kv {
  return new Proxy(kv, {
    get: (target, property) => {
      if (property === "atomic" && disk.isFull) throw new Error("disk is full");
      const value = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
